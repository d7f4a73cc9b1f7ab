//! The file systems that are mounted beneath a root, and which of them hold no software of this machine.
//!
//! Format: `proc_pid_mountinfo(5)`. What lies on a network belongs to another machine and may never answer; what the
//! kernel makes up holds no programs. Types that are in neither list are local.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::text::{Text, bytes_to_path};

/// File systems of other machines: of the kernel's `Documentation/filesystems`, and clients kept outside of it.
const NETWORK: &[&str] = &[
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "panfs",
    "prl_fs",
    "pvfs2",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
];
/// File systems that a program serves (FUSE), from files of this machine; any other may be of a network.
const LOCAL_FUSE: &[&str] = &[
    "bindfs",
    "cryfs",
    "encfs",
    "exfat",
    "fuse-overlayfs",
    "gocryptfs",
    "lxcfs",
    "mergerfs",
    "ntfs-3g",
    "portal",
    "snapfuse",
    "squashfuse",
    "unionfs",
];
/// File systems that the kernel makes up.
const PSEUDO: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nfsd",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// What is mounted beneath a root; the root's own file system is not among it.
#[derive(Debug, Default)]
pub(super) struct Mounts(BTreeMap<PathBuf, Sort>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sort {
    Local,
    Network(String),
    Pseudo(String),
}

impl Mounts {
    /// Those that this process sees; none, where the system does not tell.
    pub(super) fn beneath(root: &Path) -> Self {
        #[allow(clippy::disallowed_methods, reason = "the mounts of this machine, not of a target")]
        let table = if cfg!(target_os = "linux") { std::fs::read("/proc/self/mountinfo").ok() } else { None };
        let table = table.unwrap_or_default();
        Self::parse(&table, root)
    }

    fn parse(table: &[u8], root: &Path) -> Self {
        let mount = |line: &[u8]| {
            let mut fields = line.split(|&b| b == b' ');
            let place = bytes_to_path(&unescaped(fields.nth(4)?));
            let sort = sort(fields.skip_while(|field| *field != b"-").nth(1)?);
            let beneath = place.strip_prefix(root).ok().filter(|p| !p.as_os_str().is_empty())?;
            Some((beneath.to_owned(), sort))
        };
        // A later mount of the same place lies above the earlier one.
        Self(table.split(|&b| b == b'\n').filter_map(mount).collect())
    }

    /// No longer tells network file systems from local ones.
    pub(super) fn include_network(&mut self) {
        for sort in self.0.values_mut().filter(|sort| matches!(sort, Sort::Network(_))) {
            *sort = Sort::Local;
        }
    }

    /// Why a place, given from the root without its `/`, is not read at all.
    pub(super) fn away(&self, place: &Path) -> Option<Gap> {
        match self.0.get(place)? {
            Sort::Network(kind) => Some(network(place, kind)),
            Sort::Pseudo(kind) if kind == "autofs" => Some(network(place, kind)),
            Sort::Pseudo(_) | Sort::Local => None,
        }
    }

    /// Why a walk does not enter a place, given from the root without its `/`.
    pub(super) fn leave_out(&self, place: &Path) -> Option<Gap> {
        self.away(place).or_else(|| match self.0.get(place)? {
            Sort::Pseudo(kind) => {
                let reason = format!("a {kind} file system, which holds no programs, so not walked");
                Some(Gap::new(GapCode::Pseudo, Text::from_path(&Path::new("/").join(place)), reason).note())
            }
            Sort::Network(_) | Sort::Local => None,
        })
    }

    /// Whether something is mounted below a place, given from the root without its `/`.
    pub(super) fn are_below(&self, place: &Path) -> bool {
        let mut from = self.0.range(place.to_owned()..).map(|(mount, _)| mount);
        from.find(|mount| mount.as_path() != place).is_some_and(|mount| mount.starts_with(place))
    }
}

fn network(place: &Path, kind: &str) -> Gap {
    let reason = format!("on a network file system ({kind}), so not looked into; --include-network does");
    Gap::new(GapCode::Network, Text::from_path(&Path::new("/").join(place)), reason).note()
}

fn sort(kind: &[u8]) -> Sort {
    let kind = String::from_utf8_lossy(kind).into_owned();
    let served = kind.strip_prefix("fuse.").is_some_and(|by| !LOCAL_FUSE.contains(&by));
    if PSEUDO.contains(&kind.as_str()) {
        Sort::Pseudo(kind)
    } else if served || kind == "fuse" || NETWORK.contains(&kind.as_str()) {
        Sort::Network(kind)
    } else {
        Sort::Local
    }
}

/// A path in which space, tab, line feed and backslash stand as `\` and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| byte == b'\\').and_then(|digits| {
            digits.iter().try_fold(0_u8, |sum, &digit| match digit {
                b'0'..=b'7' => sum.checked_mul(8)?.checked_add(digit - b'0'),
                _ => None,
            })
        });
        bytes.push(octal.unwrap_or(byte));
        rest = after.get(if octal.is_some() { 3 } else { 0 }..).unwrap_or_default();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        22 21 0:19 / /proc rw,nosuid - proc proc rw\n\
        23 21 0:40 / /home/far\\040away rw shared:3 master:2 - nfs4 server:/x rw\n\
        24 21 0:41 / /mnt/a rw - fuse.sshfs host: rw\n25 21 0:42 / /mnt/b rw - fuseblk /dev/sdb1 rw\n\
        26 21 0:43 / /net rw - autofs auto rw\n27 21 8:2 / /srv/root rw - nfs host: rw\n\
        28 27 0:44 / /srv/root/sys rw - sysfs sysfs rw\n29 21 0:45 / /var rw - nfs host: rw\n\
        30 29 8:3 / /var rw - xfs /dev/sdc rw\ncut";

    #[test]
    fn what_is_mounted_is_told_by_its_type() {
        let mounts = Mounts::parse(TABLE.as_bytes(), Path::new("/"));
        let code = |gap: Option<Gap>| gap.map(|g| (g.code, g.place.raw().to_owned(), g.blocks));
        let network = |place: &str| Some((GapCode::Network, place.to_owned(), false));
        assert_eq!(code(mounts.away(Path::new("home/far away"))), network("/home/far away"));
        assert_eq!(code(mounts.away(Path::new("mnt/a"))), network("/mnt/a"));
        assert_eq!(code(mounts.away(Path::new("net"))), network("/net"));
        assert_eq!(code(mounts.away(Path::new("mnt/b"))), None);
        assert_eq!(code(mounts.away(Path::new("var"))), None);
        assert_eq!(code(mounts.away(Path::new("proc"))), None);
        assert_eq!(
            code(mounts.leave_out(Path::new("proc"))),
            Some((GapCode::Pseudo, "/proc".to_owned(), false))
        );
        assert!(mounts.are_below(Path::new("mnt")) && mounts.are_below(Path::new("")));
        assert!(!mounts.are_below(Path::new("mnt/a")) && !mounts.are_below(Path::new("opt")));
    }

    #[test]
    fn only_what_is_beneath_the_root_counts() {
        let mut mounts = Mounts::parse(TABLE.as_bytes(), Path::new("/srv/root"));
        assert_eq!(mounts.0.keys().collect::<Vec<_>>(), [Path::new("sys")]);
        mounts = Mounts::parse(TABLE.as_bytes(), Path::new("/"));
        mounts.include_network();
        assert_eq!(mounts.away(Path::new("srv/root")), None);
        assert!(mounts.leave_out(Path::new("srv/root/sys")).is_some());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            Mounts::parse(&bytes, Path::new("/"));
            unescaped(&bytes);
        }
    }
}
