//! The manifest of an extension, with its name in words, from its folder or its package.
//!
//! Format: chrome.i18n: a name may stand in the catalog `_locales/<default_locale>/messages.json`.

use std::path::{Path, PathBuf};

use super::{Look, MAX_BYTES, document};
use crate::inventory::{Gap, GapCode};
use crate::parse::webext::{Manifest, has_message, with_messages};
use crate::parse::zip::Zip;
use crate::target::{EntryKind, Target};
use crate::text::Text;

/// The name of a catalog, and one that it goes by in samples of extensions.
const CATALOGS: &[&str] = &["messages.json", "message.json"];

/// What the files of an extension say.
pub(super) enum Found {
    /// They are not there, or not with a manifest.
    Gone,
    /// They are there, and their manifest cannot be read; the gap is told.
    Unread,
    Read(Box<Manifest>),
}

/// Where the files of an extension are.
enum Files {
    Folder(PathBuf),
    Package(PathBuf),
}

impl Files {
    /// A file of them and its place.
    fn file(&self, look: &Look<'_>, name: &str) -> (PathBuf, Result<Option<Vec<u8>>, Gap>) {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let bytes = look.target.read_up_to(&path, MAX_BYTES);
                (path, bytes)
            }
            Self::Package(path) => (path.clone(), packed(look.target, path, name)),
        }
    }
}

/// Reads the manifest of the extension in a folder.
pub(super) fn of_folder(look: &mut Look<'_>, folder: &Path) -> Found {
    read(look, &Files::Folder(folder.to_owned()))
}

/// Reads the manifest of the add-on in a folder or a package, whichever it is.
pub(super) fn of_either(look: &mut Look<'_>, path: &Path) -> Found {
    let real = look.target.resolve(path).ok().flatten().unwrap_or_else(|| path.to_owned());
    if matches!(look.target.entry(&real), Ok(Some(EntryKind::Folder))) {
        return of_folder(look, path);
    }
    read(look, &Files::Package(path.to_owned()))
}

/// A file in a package; nothing, if either is not there.
fn packed(target: &Target, package: &Path, name: &str) -> Result<Option<Vec<u8>>, Gap> {
    let damaged = |reason| Gap::new(GapCode::Damaged, Text::from_path(package), reason);
    let Some(file) = target.open_seek(package)? else { return Ok(None) };
    let zip = Zip::open(file).map_err(|e| damaged(format!("it is no whole archive: {e}")))?;
    zip.file(name, MAX_BYTES).map_err(damaged)
}

fn read(look: &mut Look<'_>, files: &Files) -> Found {
    let (place, bytes) = files.file(look, "manifest.json");
    let bytes = match look.sink.keep(bytes) {
        Some(Some(bytes)) => bytes,
        Some(None) => return Found::Gone,
        None => return Found::Unread,
    };
    let Some(value) = look.sink.keep(document(&place, &bytes)) else { return Found::Unread };
    let Some(mut manifest) = Manifest::of(&value) else {
        look.gap(GapCode::Damaged, &place, "it names no extension, or no version of it");
        return Found::Unread;
    };
    if let (Some(name), Some(locale)) = (&manifest.name, &manifest.default_locale)
        && has_message(name)
    {
        manifest.name = Some(in_words(look, files, name, locale));
    }
    Found::Read(Box::new(manifest))
}

/// A name with the messages of the catalog of a locale.
fn in_words(look: &mut Look<'_>, files: &Files, name: &str, locale: &str) -> String {
    for catalog in CATALOGS {
        let (place, bytes) = files.file(look, &format!("_locales/{locale}/{catalog}"));
        match look.sink.keep(bytes) {
            Some(Some(bytes)) => {
                let catalog = look.sink.keep(document(&place, &bytes)).unwrap_or_default();
                return with_messages(name, &catalog);
            }
            Some(None) => {}
            None => break,
        }
    }
    name.to_owned()
}
