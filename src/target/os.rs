//! Which operating system a root holds.
//!
//! Linux is told by os-release(5), Windows and macOS by the folders that each of them has.

use std::path::Path;

use crate::inventory::Host;
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
];

pub(super) fn detect(target: &Target) -> (Os, Host) {
    let read = |path: &str| target.read(Path::new(path)).ok().flatten();
    let first_line = |path: &str| {
        let bytes = read(path)?;
        let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default().trim_ascii();
        (!line.is_empty()).then(|| Text::from_bytes(line))
    };
    let mut host =
        Host { name: first_line("/etc/hostname"), id: first_line("/etc/machine-id"), ..Host::default() };
    let is_folder = |path: &str| matches!(target.entry(Path::new(path)), Ok(Some(EntryKind::Folder)));

    let mut os = Os::default();
    if let Some(release) = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")) {
        let release = String::from_utf8_lossy(&release);
        let value = |key: &str| {
            let line = release.lines().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='))?;
            Some(line.trim().trim_matches(['"', '\'']))
        };
        os.family = Family::Linux;
        os.id = value("ID").unwrap_or_default().into();
        let mut names =
            value("ID").into_iter().chain(value("ID_LIKE").unwrap_or_default().split_whitespace());
        os.packages = names.find_map(|name| {
            // Some add an edition, as in `opensuse-leap`.
            let name = name.split(['-', '_']).next().unwrap_or(name);
            MADE_WITH.iter().find(|(_, names)| names.contains(&name)).map(|(packages, _)| *packages)
        });
        host.os = value("PRETTY_NAME").or(value("NAME")).map(Text::from);
        host.version = value("VERSION_ID").map(Text::from);
    } else if is_folder("/Windows/System32") {
        os.family = Family::Windows;
    } else if is_folder("/System/Library") {
        os.family = Family::MacOs;
    } else if is_folder("/usr") && is_folder("/etc") {
        os.family = Family::Linux;
    }
    (os, host)
}
