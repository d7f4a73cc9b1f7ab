//! Which operating system a root holds.
//!
//! Linux is told by os-release(5), Windows and macOS by what each of them alone has. A live system is what interdict was
//! built for: anybody may make the folder `\etc` on a Windows machine.

use std::path::Path;

use crate::inventory::{Gap, Host};
use crate::parse::plist;
use crate::target::names::Rule;
use crate::target::registry::{Key, Root};
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
    /// The package manager an operating system is made with, or the system that lists by itself what is installed.
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
        /// The registry of Windows.
        Windows = "windows",
        /// The applications and receipts of macOS.
        MacOs = "macos",
    }
}

/// An operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Os {
    /// Its family.
    pub family: Family,
    /// `ID` of os-release.
    pub id: Text,
    /// What lists the software it is made of, if that is known.
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
/// What Windows alone has, whatever else is there: its registry, or its kernel.
const WINDOWS: &[(&str, EntryKind)] = &[
    ("/Windows/System32/config/SOFTWARE", EntryKind::File),
    ("/Windows/System32/ntoskrnl.exe", EntryKind::File),
];
/// What a part of a Windows tree has.
const OF_WINDOWS: &[(&str, EntryKind)] = &[
    ("/Windows/System32", EntryKind::Folder),
    ("/Program Files", EntryKind::Folder),
    ("/ProgramData", EntryKind::Folder),
];
/// What macOS alone has, whatever else is there.
const MACOS: &[(&str, EntryKind)] = &[(SYSTEM_VERSION, EntryKind::File)];
/// What a part of a macOS tree has.
const OF_MACOS: &[(&str, EntryKind)] =
    &[("/System/Library", EntryKind::Folder), ("/Library/LaunchDaemons", EntryKind::Folder)];
/// What the smallest part of one has, and a Linux root may have too.
const APPLICATIONS: &[(&str, EntryKind)] = &[("/Applications", EntryKind::Folder)];
/// Where Windows says in its registry which it is.
const CURRENT_VERSION: &str = r"Microsoft\Windows NT\CurrentVersion";
/// Where macOS says what it is.
const SYSTEM_VERSION: &str = "/System/Library/CoreServices/SystemVersion.plist";

/// The system and the machine, and the gap that leaves the system unknown. From then on the target compares names as its
/// system does.
pub(super) fn detect(target: &mut Target) -> (Os, Host, Option<Gap>) {
    let mut gap = None;
    let mut host = Host::default();
    let of = |family, packages| Os { family, packages: Some(packages), ..Os::default() };
    let windows = || of(Family::Windows, Packages::Windows);
    let macos = || of(Family::MacOs, Packages::MacOs);
    let live = target.is_live();
    let os = if (live && cfg!(windows)) || has_any(target, Family::Windows, WINDOWS, &mut gap) {
        windows()
    } else if (live && cfg!(target_os = "macos")) || has_any(target, Family::MacOs, MACOS, &mut gap) {
        macos()
    } else if let Some(os) = linux(target, &mut host, &mut gap) {
        os
    } else if has_any(target, Family::Windows, OF_WINDOWS, &mut gap) {
        windows()
    } else if has_any(target, Family::MacOs, OF_MACOS, &mut gap) {
        macos()
    } else if ["/usr", "/etc"].iter().all(|path| has(target, path, EntryKind::Folder, &mut gap)) {
        Os { family: Family::Linux, ..Os::default() }
    } else if has_any(target, Family::MacOs, APPLICATIONS, &mut gap) {
        macos()
    } else {
        Os::default()
    };
    target.compare_by(Rule::of(os.family));
    match os.family {
        Family::Windows => name_windows(target, &mut host),
        Family::MacOs => name_macos(target, &mut host),
        Family::Linux | Family::Unknown => {
            let first_line = |path: &str| {
                let bytes = target.read_up_to(Path::new(path), MAX_NAMES).ok().flatten()?;
                let first = bytes.split(|&b| b == b'\n').next().unwrap_or_default().trim_ascii();
                (!first.is_empty() && first.len() < 256).then(|| Text::from_bytes(first))
            };
            host.name = first_line("/etc/hostname");
            host.id = first_line("/etc/machine-id");
        }
    }
    // What could not be looked at does not matter any more, once something else has told.
    let known = os.packages.is_some() || !os.id.is_empty();
    (os, host, gap.filter(|_| !known))
}

/// Whether a target has one of these, by the names of a family; gives back how names compare otherwise.
fn has_any(target: &mut Target, family: Family, marks: &[(&str, EntryKind)], gap: &mut Option<Gap>) -> bool {
    target.compare_by(Rule::of(family));
    let found = marks.iter().any(|(path, kind)| has(target, path, *kind, gap));
    target.compare_by(None);
    found
}

fn has(target: &Target, path: &str, kind: EntryKind, gap: &mut Option<Gap>) -> bool {
    let found = target.entry(Path::new(path)).unwrap_or_else(|unread| {
        gap.get_or_insert(unread);
        None
    });
    found == Some(kind)
}

/// What os-release(5) says, if it is there.
fn linux(target: &Target, host: &mut Host, gap: &mut Option<Gap>) -> Option<Os> {
    let release = ["/etc/os-release", "/usr/lib/os-release"].into_iter().find_map(|path| {
        target.read_up_to(Path::new(path), MAX_NAMES).unwrap_or_else(|unread| {
            gap.get_or_insert(unread);
            None
        })
    })?;
    *gap = None;
    let value = |key: &str| {
        let lines = release.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
        let mut values = lines.filter_map(|l| l.strip_prefix(key.as_bytes())?.strip_prefix(b"="));
        let bare =
            |v: &[u8]| v.iter().copied().filter(|b| !matches!(b, b'"' | b'\'')).take(256).collect::<Vec<_>>();
        values.next().map(|v| Text::from_bytes(&bare(v.trim_ascii())))
    };
    let id = value("ID").unwrap_or_default();
    let like = value("ID_LIKE").unwrap_or_default();
    let names = format!("{} {}", id.raw(), like.raw()).to_ascii_lowercase();
    let packages = names.split_whitespace().find_map(|name| {
        // Some add an edition, as in `opensuse-leap`.
        let name = name.split(['-', '_']).next().unwrap_or(name);
        MADE_WITH.iter().find(|(_, names)| names.contains(&name)).map(|(packages, _)| *packages)
    });
    // OpenWrt left opkg for apk with version 25.12.
    let is_folder = |path: &str| matches!(target.entry(Path::new(path)), Ok(Some(EntryKind::Folder)));
    let has_apk = ["/lib/apk/db", "/usr/lib/apk/db"].into_iter().any(is_folder);
    let packages = packages.map(|p| if p == Packages::Opkg && has_apk { Packages::Apk } else { p });
    host.os = value("PRETTY_NAME").or_else(|| value("NAME"));
    host.version = value("VERSION_ID");
    Some(Os { family: Family::Linux, id, packages })
}

/// Adds what macOS says it is.
fn name_macos(target: &Target, host: &mut Host) {
    let read = target.read_up_to(Path::new(SYSTEM_VERSION), MAX_NAMES).ok().flatten();
    let Some(list) = read.and_then(|bytes| plist::parse(&bytes).ok()) else { return };
    let text = |key: &str| plist::text(&list, key).filter(|text| text.raw().len() < 256);
    let build = text("ProductBuildVersion").map(|build| format!("({})", build.raw()).into());
    let parts = [text("ProductName"), text("ProductVersion"), build];
    let parts: Vec<&str> = parts.iter().flatten().map(Text::raw).collect();
    host.os = (!parts.is_empty()).then(|| parts.join(" ").into());
    host.version = text("ProductVersion");
}

/// Names a Windows, as far as its registry can be read; what kept it from being read is told by the sources of the
/// registry. `ProductName` of Windows 11 says "Windows 10", which its builds from 22000 on are not ("Windows 11 release
/// information", Microsoft Learn).
fn name_windows(target: &Target, host: &mut Host) {
    let registry = target.registry();
    let (software, system) = (registry.open(&Root::Software).0, registry.open(&Root::ControlSet).0);
    let value = |root: &Option<Key>, key: &str, name: &str| {
        let key = root.as_ref()?.key(key).ok().flatten()?;
        key.value(name).ok().flatten()
    };
    let text = |root: &Option<Key>, key: &str, name: &str| {
        value(root, key, name)?.text().filter(|text| text.raw().len() < 256)
    };
    host.name = text(&system, r"Control\ComputerName\ComputerName", "ComputerName");
    host.id = text(&software, r"Microsoft\Cryptography", "MachineGuid");
    let told = |name| text(&software, CURRENT_VERSION, name);
    let number = |name| value(&software, CURRENT_VERSION, name)?.integer();
    let build = told("CurrentBuildNumber");
    let is_11 = build.as_ref().and_then(|b| b.raw().parse::<u32>().ok()).is_some_and(|b| b >= 22_000);
    let product = told("ProductName").map(|name| match name.raw().strip_prefix("Windows 10") {
        Some(edition) if is_11 => format!("Windows 11{edition}").into(),
        _ => name,
    });
    let parts = [product, told("DisplayVersion").or_else(|| told("ReleaseId"))];
    let parts: Vec<&str> = parts.iter().flatten().map(Text::raw).collect();
    host.os = (!parts.is_empty()).then(|| parts.join(" ").into());
    let major = match (number("CurrentMajorVersionNumber"), number("CurrentMinorVersionNumber")) {
        (Some(major), Some(minor)) => Some(format!("{major}.{minor}").into()),
        _ => told("CurrentVersion"),
    };
    let parts = [major, build, number("UBR").map(|revision| revision.to_string().into())];
    let parts: Vec<&str> = parts.iter().flatten().map(Text::raw).collect();
    host.version = (!parts.is_empty()).then(|| parts.join(".").into());
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
