//! The homes of Windows: its profile folders.
//!
//! Places: "User Profiles" and "Known Folders" (Microsoft Learn); `Documents and Settings` holds them up to Windows XP and
//! is a junction to `Users` since. A profile that lies elsewhere is named by the registry alone (`ProfileList`).

use std::ffi::OsString;
use std::path::Path;

use super::{User, Whose, folders};
use crate::inventory::Gap;
use crate::target::Target;
use crate::target::registry::Profile;
use crate::text::Text;

/// Where profiles lie.
const HOMES: &[&str] = &["/Users", "/Documents and Settings"];
/// The profiles of accounts that run services.
const SERVICES: &[(&str, &str)] = &[
    ("SYSTEM", "/Windows/System32/config/systemprofile"),
    ("SYSTEM", "/Windows/SysWOW64/config/systemprofile"),
    ("LOCAL SERVICE", "/Windows/ServiceProfiles/LocalService"),
    ("NETWORK SERVICE", "/Windows/ServiceProfiles/NetworkService"),
];
/// Where `All Users` leads since Windows Vista: to what is the machine's and in nobody's home.
const OF_MACHINE: &str = "/ProgramData";

/// Takes the homes of all accounts, of everyone and of accounts to come.
pub(super) fn homes(target: &Target, keep: &mut dyn FnMut(Result<Option<Vec<User>>, Gap>)) {
    let of_machine = target.resolve(Path::new(OF_MACHINE)).ok().flatten();
    for folder in HOMES.iter().map(Path::new) {
        let user = |name: OsString| {
            let user = User {
                home: folder.join(&name),
                whose: whose(&name),
                name: Text::from_bytes(name.as_encoded_bytes()),
            };
            let is_machines =
                || of_machine.is_some() && target.resolve(&user.home).ok().flatten() == of_machine;
            (user.whose != Whose::Everyone || !is_machines()).then_some(user)
        };
        keep(folders(target, folder).map(|names| Some(names.into_iter().filter_map(user).collect())));
    }
    // What kept the registry from being read is told by the sources of the registry.
    let (profiles, _) = target.registry().users();
    let profile = |p: Profile| User { name: p.name, home: p.folder, whose: Whose::Account };
    let elsewhere =
        |p: &Profile| !p.folder.as_os_str().is_empty() && !SERVICES.iter().any(|(_, s)| is(&p.folder, s));
    keep(Ok(Some(profiles.into_iter().filter(elsewhere).map(profile).collect())));
    let service = |(name, home): &(&str, &str)| User {
        name: (*name).into(),
        home: Path::new(home).to_owned(),
        whose: Whose::Account,
    };
    keep(Ok(Some(SERVICES.iter().map(service).collect())));
}

fn is(folder: &Path, place: &str) -> bool {
    folder.as_os_str().eq_ignore_ascii_case(place)
}

fn whose(name: &OsString) -> Whose {
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    if ["Public", "All Users"].iter().any(is) {
        Whose::Everyone
    } else if ["Default", "Default User"].iter().any(is) {
        Whose::NewAccount
    } else {
        Whose::Account
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn told(root: &Path) -> Vec<String> {
        let target = Target::dir(root, globset::GlobSet::empty()).unwrap();
        let (users, gaps) = target.users();
        assert_eq!(gaps, []);
        users.iter().map(|u| format!("{} {} {:?}", u.name, u.home.display(), u.whose)).collect()
    }

    #[test]
    fn profiles_are_told_apart_and_each_comes_once() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in [
            "Windows/system32/config/systemprofile",
            "Windows/ServiceProfiles/LocalService",
            "ProgramData",
            "Users/Ann",
            "Users/Default",
            "Users/Public",
        ] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("Users/desktop.ini"), "").unwrap();
        symlink(r"C:\ProgramData", at("Users/All Users")).unwrap();
        symlink(r"\??\c:\users\default", at("Users/Default User")).unwrap();
        symlink("/C:/Users", at("Documents and Settings")).unwrap();
        let wanted = [
            "Ann /Users/Ann Account",
            "Default /Users/Default NewAccount",
            "Public /Users/Public Everyone",
            "SYSTEM /Windows/System32/config/systemprofile Account",
            "LOCAL SERVICE /Windows/ServiceProfiles/LocalService Account",
        ];
        assert_eq!(told(root.path()), wanted);
    }

    #[test]
    fn the_homes_of_older_versions_are_where_they_were() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["WINDOWS/system32", "Documents and Settings/All Users", "Documents and Settings/Ann"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let wanted = [
            "All Users /Documents and Settings/All Users Everyone",
            "Ann /Documents and Settings/Ann Account",
        ];
        assert_eq!(told(root.path()), wanted);
    }
}
