//! The users of a target: their names, and whose home directories it holds.
//!
//! Format: passwd(5). Accounts that a directory service knows are not in that file, so the folders in which homes
//! commonly lie are looked at too; a folder there that no line names belongs to a user of its name. On Windows each home
//! is such a folder ("User Profiles", Microsoft Learn); the accounts themselves are in its registry.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::target::{EntryKind, Family, Target};
use crate::text::{Text, bytes_to_path};

mod windows;

const PASSWD: &str = "/etc/passwd";
/// Bytes of it that are read.
const MAX_BYTES: u64 = 64 << 20;
/// Where homes lie on Linux and on macOS.
const HOMES: &[&str] = &["/home", "/Users"];
/// What a file system checker found, which is no home.
const NO_HOME: &str = "lost+found";
/// What all users of macOS share.
const SHARED: &str = "/Users/Shared";
/// Where no files lie, though some accounts have their home there.
const NO_FILES: &[&str] = &["/dev", "/proc", "/sys"];

/// An account with a home directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name; of several with one home the first.
    pub name: Text,
    /// Its home, which is there, or may be and cannot be looked at.
    pub home: PathBuf,
    /// Whose what lies there is.
    pub whose: Whose,
}

/// Whose what lies in a home is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whose {
    /// The account's.
    #[default]
    Account,
    /// Every account's.
    Everyone,
    /// Nobody's yet: each new account gets a copy.
    NewAccount,
}

/// What a line of passwd(5) says.
struct Account {
    name: Text,
    number: Text,
    home: PathBuf,
}

impl Target {
    /// The names of users by their number, as far as they can be read; the first name of a number is the one that
    /// getpwuid(3) gives.
    pub(super) fn user_names(&self) -> BTreeMap<Text, Text> {
        // Anybody may make such a file there.
        if self.os().family == Family::Windows {
            return BTreeMap::new();
        }
        let bytes = self.read_up_to(Path::new(PASSWD), MAX_BYTES).ok().flatten().unwrap_or_default();
        accounts(&bytes).0.into_iter().rev().map(|a| (a.number, a.name)).collect()
    }

    /// The users whose home is there, each home once, and what kept this from being told in full.
    #[must_use]
    pub fn users(&self) -> (Vec<User>, Vec<Gap>) {
        let (mut users, mut gaps) = (Vec::new(), Vec::new());
        let mut keep = |result: Result<Option<Vec<User>>, Gap>| match result {
            Ok(found) => users.extend(found.unwrap_or_default()),
            Err(gap) => gaps.push(gap),
        };
        if self.os().family == Family::Windows {
            windows::homes(self, &mut keep);
        } else {
            homes(self, &mut keep);
        }
        let mut seen = BTreeSet::new();
        users.retain(|user: &User| {
            let place = match self.resolve(&user.home) {
                Ok(Some(place)) if matches!(self.entry(&place), Ok(Some(EntryKind::Folder))) => place,
                // A home that is not there, or is no folder, holds nothing.
                Ok(_) => return false,
                Err(gap) if gap.code == GapCode::Special => return false,
                Err(_) => user.home.clone(),
            };
            !NO_FILES.iter().any(|no| place.starts_with(no)) && seen.insert(place)
        });
        (users, gaps)
    }
}

/// Takes the homes that accounts name, and those that lie where homes do.
fn homes(target: &Target, keep: &mut dyn FnMut(Result<Option<Vec<User>>, Gap>)) {
    match target.read_up_to(Path::new(PASSWD), MAX_BYTES) {
        Ok(bytes) => {
            let (found, damaged) = accounts(&bytes.unwrap_or_default());
            let has_home = |a: &Account| a.home.is_absolute();
            let user = |a: Account| User { name: a.name, home: a.home, whose: Whose::Account };
            keep(Ok(Some(found.into_iter().filter(has_home).map(user).collect())));
            if let Some(line) = damaged {
                // The C library passes over such a line too, so nobody can have that account.
                let reason = format!("line {line} is no account, so a home it may have named is not known");
                keep(Err(Gap::new(GapCode::Damaged, PASSWD, reason).note()));
            }
        }
        Err(gap) => keep(Err(gap)),
    }
    for folder in HOMES.iter().map(Path::new) {
        let homes = folders(target, folder).map(|names| {
            let names = names.into_iter().filter(|name| name != NO_HOME);
            let user = |name: OsString| {
                let home = folder.join(&name);
                let whose = if home == Path::new(SHARED) { Whose::Everyone } else { Whose::Account };
                User { name: Text::from_bytes(name.as_encoded_bytes()), home, whose }
            };
            Some(names.map(user).collect())
        });
        keep(homes);
    }
}

/// The names of the folders in a folder, and of the links that may lead to some.
fn folders(target: &Target, folder: &Path) -> Result<Vec<OsString>, Gap> {
    let entries = target.list(folder)?.unwrap_or_default().into_iter();
    let is_home = |kind| matches!(kind, EntryKind::Folder | EntryKind::Link);
    Ok(entries.filter(|e| is_home(e.kind)).map(|e| e.name).collect())
}

/// The accounts of a passwd(5) file, and the number of the first line that is none.
fn accounts(bytes: &[u8]) -> (Vec<Account>, Option<usize>) {
    let (mut accounts, mut damaged) = (Vec::new(), None);
    for (number, line) in (1..).zip(bytes.split(|&b| b == b'\n')) {
        // Comments are macOS's; `+` and `-` bring in accounts from elsewhere (nsswitch.conf(5)).
        if line.trim_ascii().is_empty() || matches!(line.first(), Some(b'#' | b'+' | b'-')) {
            continue;
        }
        let fields: Vec<&[u8]> = line.split(|&b| b == b':').collect();
        match fields[..] {
            [name, _, number, _, _, home, _] if !name.is_empty() => accounts.push(Account {
                name: Text::from_bytes(name),
                number: Text::from_bytes(number),
                home: bytes_to_path(home),
            }),
            _ => damaged = damaged.or(Some(number)),
        }
    }
    (accounts, damaged)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
    use super::*;
    use std::fs;

    fn told(root: &Path) -> (Vec<String>, usize) {
        let target = Target::dir(root, globset::GlobSet::empty()).unwrap();
        let (users, gaps) = target.users();
        (users.iter().map(|u| format!("{} {}", u.name, u.home.display())).collect(), gaps.len())
    }

    #[test]
    fn homes_come_from_accounts_and_folders_each_once() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in ["etc", "root", "home/ann", "home/far", "home/lost+found", "dev", "bin"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("home/file"), "").unwrap();
        std::os::unix::fs::symlink("/home/ann", at("home/annette")).unwrap();
        let passwd = "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n# c\n\n+::::::\n\
                      ann:x:1000:1000:Ann,,,:/home/annette:/bin/sh\ngone:x:1:1::/gone:/bin/sh\n\
                      dev:x:2:2::/dev:/bin/sh\nf:x:3:3::/home/file:/bin/sh\nno:x:4:4:::\n";
        fs::write(at("etc/passwd"), passwd).unwrap();
        let wanted = ["root /root", "ann /home/annette", "far /home/far"].map(String::from);
        assert_eq!(told(root.path()), (wanted.to_vec(), 0));
        fs::write(at("etc/passwd"), format!("root:x:0\n{passwd}")).unwrap();
        assert_eq!(told(root.path()), (wanted.to_vec(), 1));
    }

    #[test]
    fn names_are_those_of_numbers_whatever_bytes_are_among_them() {
        let root = tempfile::tempdir().unwrap();
        let target = Target::dir(root.path(), globset::GlobSet::empty()).unwrap();
        assert!(target.user_names().is_empty());
        fs::create_dir(root.path().join("etc")).unwrap();
        let passwd =
            b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nb\xe9:x:7:7:Ren\xe9::\nno line\n";
        fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        let names: Vec<_> = target.user_names().into_iter().collect();
        let is = |number: &str, name: &[u8]| (number.into(), Text::from_bytes(name));
        assert_eq!(names, [is("0", b"root"), is("7", b"b\xe9")]);
    }

    #[test]
    fn what_cannot_be_read_is_a_gap() {
        let (users, gaps) = Target::refusing().users();
        assert!(users.is_empty() && gaps.len() == 1 + HOMES.len());
        let root = tempfile::tempdir().unwrap();
        assert_eq!(told(root.path()), (vec![], 0));
        fs::create_dir_all(root.path().join("etc/passwd")).unwrap();
        assert_eq!(told(root.path()), (vec![], 1));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            accounts(&bytes);
        }

        #[test]
        fn every_line_is_an_account_or_damage(text in "([a-z:/#\n]|:::){0,60}") {
            let (users, damaged) = accounts(text.as_bytes());
            proptest::prop_assert!(users.len() + usize::from(damaged.is_some()) <= text.lines().count());
        }
    }
}
