//! The folder of an installed program, in which whatever lies is a part of it.
//!
//! A key says it in `InstallLocation`, or by where its uninstaller lies. Anyone may write any folder there, so one that
//! many share is nobody's, and a user's key claims nothing outside of that user's profile.

use std::path::{Path, PathBuf};

use crate::item::{Item, Kind};
use crate::target::Target;
use crate::target::registry::Profile;
use crate::text::Text;

/// Folders that many share, in small letters.
const SHARED: &[&str] = &[
    "/",
    "/program files",
    "/program files (x86)",
    "/program files (x86)/common files",
    "/program files/common files",
    "/programdata",
    "/programdata/microsoft",
    "/programdata/package cache",
    "/users",
];
/// What is the system's, with all that is below.
const OF_SYSTEM: &str = "/windows";
/// Folders of a profile that many share.
const SHARED_OF_USER: &[&str] = &[
    "",
    "appdata",
    "appdata/local",
    "appdata/local/programs",
    "appdata/local/temp",
    "appdata/locallow",
    "appdata/roaming",
    "desktop",
    "documents",
    "downloads",
];
/// What the names of programs begin with that remove another.
const UNINSTALLER: &str = "unins";

/// The folder that an item has to itself.
pub(super) fn of(target: &Target, item: &Item, user: Option<&Profile>) -> Option<PathBuf> {
    if item.kind != Kind::Application || item.role.as_ref().is_some_and(|role| role.raw() == "update") {
        return None;
    }
    let home = user.map(|user| user.folder.as_path());
    let told = item.paths.first().cloned().or_else(|| uninstaller(item.uninstall.as_ref()?));
    // What lies elsewhere cannot hold a file that is found here.
    let place = target.windows_path(&told?, home).ok().flatten()?;
    is_own(&place, home).then_some(place)
}

/// The folder of the program that removes another.
fn uninstaller(command: &Text) -> Option<Text> {
    let command = command.raw().trim();
    let program = match command.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => command.get(..command.to_ascii_lowercase().find(".exe")?)?,
    };
    let (folder, name) = program.rsplit_once('\\')?;
    name.to_ascii_lowercase().starts_with(UNINSTALLER).then(|| folder.into())
}

fn is_own(place: &Path, home: Option<&Path>) -> bool {
    let lower = |path: &Path| Text::from_path(path).raw().replace('\\', "/").to_lowercase();
    let place = lower(place);
    let place = place.trim_end_matches('/');
    let below =
        |folder: &str| place.strip_prefix(folder).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if place.split('/').any(|part| part == "..") || place.is_empty() || below(OF_SYSTEM).is_some() {
        return false;
    }
    if let Some(home) = home {
        return below(&lower(home))
            .is_some_and(|rest| !SHARED_OF_USER.contains(&rest.trim_start_matches('/')));
    }
    let in_profile =
        below("/users").and_then(|rest| rest.trim_start_matches('/').split_once('/').or(Some((rest, ""))));
    !SHARED.contains(&place) && in_profile.is_none_or(|(_, rest)| !SHARED_OF_USER.contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_share_is_nobodys() {
        let ann = Some(Path::new("/Users/ann"));
        for (place, home, wanted) in [
            ("/Program Files/K", None, true),
            ("/PROGRAM FILES/", None, false),
            ("/Windows/System32", None, false),
            ("/", None, false),
            ("/D:/K", None, true),
            ("/Users/ann", None, false),
            ("/Users/ann/AppData/Local", None, false),
            ("/Users/ann/AppData/Local/K", None, true),
            ("/Program Files/K/../L", None, false),
            ("/Program Files/K", ann, false),
            ("/Users/ann/AppData/Roaming", ann, false),
            ("/users/ANN/AppData/Roaming/K", ann, true),
            ("/Users/anna/K", ann, false),
        ] {
            assert_eq!(is_own(Path::new(place), home), wanted, "{place} {home:?}");
        }
    }

    #[test]
    fn an_uninstaller_lies_beside_what_it_removes() {
        let of = |command: &str| uninstaller(&command.into()).map(|folder| folder.raw().to_owned());
        assert_eq!(of(r#""C:\P F\K\unins000.exe" /S"#).as_deref(), Some(r"C:\P F\K"));
        assert_eq!(of(r"C:\P F\K\Uninstall.exe /S").as_deref(), Some(r"C:\P F\K"));
        for other in [r"MsiExec.exe /X{1}", r#""C:\Steam\steam.exe" steam://uninstall/1"#, "", r#"""#] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_without_a_panic(text: String) {
            uninstaller(&text.as_str().into());
            is_own(Path::new(&text), None);
        }
    }
}
