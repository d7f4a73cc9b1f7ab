//! Which operating system a root holds.
//!
//! Linux is told by os-release(5), Windows and macOS by the folders that each of them has.

use std::path::Path;

use crate::inventory::{Gap, Host};
use crate::target::{EntryKind, Target};
use crate::text::Text;
use crate::word::words;

words! {
    /// A family of operating systems.
    Family {
        /// Linux.
        Linux = "linux",
        /// Windows.
        Windows = "windows",
        /// macOS.
        MacOs = "macos",
        /// None that is known.
        Unknown = "unknown",
    }
}

words! {
    /// The package manager an operating system is made with.
    Packages {
        /// dpkg.
        Debian = "debian",
        /// rpm.
        Rpm = "rpm",
        /// apk.
        Apk = "apk",
        /// pacman.
        Pacman = "pacman",
        /// Portage.
        Portage = "portage",
        /// Nix.
        Nix = "nix",
        /// opkg.
        Opkg = "opkg",
        /// XBPS.
        Xbps = "xbps",
        /// Slackware's pkgtools.
        Pkgtools = "pkgtools",
    }
}

/// An operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Os {
    /// Its family.
    pub family: Family,
    /// `ID` of os-release.
    pub id: Text,
    /// The package manager it is made with, if that is known.
    pub packages: Option<Packages>,
}

impl Default for Os {
    fn default() -> Self {
        Self { family: Family::Unknown, id: Text::default(), packages: None }
    }
}

/// Names in `ID` and `ID_LIKE`, by what the distributions are made with.
const MADE_WITH: &[(Packages, &[&str])] = &[
    (Packages::Debian, &["debian", "ubuntu", "raspbian", "devuan"]),
    (
        Packages::Rpm,
        &[
            "rhel",
            "fedora",
            "centos",
            "rocky",
            "almalinux",
            "ol",
            "amzn",
            "suse",
            "opensuse",
            "sles",
            "sled",
            "mariner",
            "azurelinux",
            "photon",
            "openeuler",
            "mageia",
            "altlinux",
        ],
    ),
    (Packages::Apk, &["alpine", "wolfi", "chainguard", "postmarketos"]),
    (Packages::Pacman, &["arch", "manjaro"]),
    (Packages::Portage, &["gentoo"]),
    (Packages::Nix, &["nixos"]),
    (Packages::Opkg, &["openwrt"]),
    (Packages::Xbps, &["void"]),
    (Packages::Pkgtools, &["slackware"]),
];

/// Bytes of a file that names the machine or its system.
const MAX_NAMES: u64 = 16 << 10;

/// The system and the machine, and the gap that leaves the system unknown.
pub(super) fn detect(target: &Target) -> (Os, Host, Option<Gap>) {
    let read = |path: &str| target.read_up_to(Path::new(path), MAX_NAMES);
    let first_line = |path: &str| {
        let bytes = read(path).ok().flatten()?;
        let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default().trim_ascii();
        (!line.is_empty() && line.len() < 256).then(|| Text::from_bytes(line))
    };
    let mut host =
        Host { name: first_line("/etc/hostname"), id: first_line("/etc/machine-id"), ..Host::default() };
    let is_folder = |path: &str| matches!(target.entry(Path::new(path)), Ok(Some(EntryKind::Folder)));

    let (mut os, mut gap) = (Os::default(), None);
    let release = ["/etc/os-release", "/usr/lib/os-release"].into_iter().find_map(|path| match read(path) {
        Ok(release) => release,
        Err(unread) => {
            gap.get_or_insert(unread);
            None
        }
    });
    if let Some(release) = release {
        gap = None;
        let value = |key: &str| {
            let lines = release.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
            let mut values = lines.filter_map(|l| l.strip_prefix(key.as_bytes())?.strip_prefix(b"="));
            let bare = |v: &[u8]| {
                v.iter().copied().filter(|b| !matches!(b, b'"' | b'\'')).take(256).collect::<Vec<_>>()
            };
            values.next().map(|v| Text::from_bytes(&bare(v.trim_ascii())))
        };
        os.family = Family::Linux;
        os.id = value("ID").unwrap_or_default();
        let like = value("ID_LIKE").unwrap_or_default();
        let names = format!("{} {}", os.id.raw(), like.raw()).to_ascii_lowercase();
        os.packages = names.split_whitespace().find_map(|name| {
            // Some add an edition, as in `opensuse-leap`.
            let name = name.split(['-', '_']).next().unwrap_or(name);
            MADE_WITH.iter().find(|(_, names)| names.contains(&name)).map(|(packages, _)| *packages)
        });
        // OpenWrt left opkg for apk with version 25.12.
        let has_apk = ["/lib/apk/db", "/usr/lib/apk/db"].into_iter().any(is_folder);
        os.packages = os.packages.map(|p| if p == Packages::Opkg && has_apk { Packages::Apk } else { p });
        host.os = value("PRETTY_NAME").or_else(|| value("NAME"));
        host.version = value("VERSION_ID");
    } else if is_folder("/Windows/System32") {
        os.family = Family::Windows;
    } else if is_folder("/System/Library") {
        os.family = Family::MacOs;
    } else if is_folder("/usr") && is_folder("/etc") {
        os.family = Family::Linux;
    }
    (os, host, gap)
}
