//! Bundles of macOS as files of the target: folders with an `Info.plist` that are shown as one thing.
//!
//! Format: Apple's "Bundle Programming Guide". On macOS what a bundle holds is in `Contents`; one of iOS has it at its
//! top, and the App Store puts such a one into `Wrapper` within a bundle that holds nothing else.

use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::parse::bundle::Info;
use crate::parse::plist::{self, NoList, Value};
use crate::sources::tree::is_folder;
use crate::target::{EntryKind, Target};
use crate::text::Text;

/// Endings of the bundles that are programs or are loaded as a part of one.
const ENDINGS: &[&str] =
    &["app", "appex", "mdimporter", "plugin", "prefpane", "qlgenerator", "saver", "systemextension", "xpc"];
/// Bytes of a property list.
const MAX_LIST: u64 = 16 << 20;

/// The ending of a bundle's name, in small letters; nothing, if the folder's name is not one of a bundle.
pub(super) fn ending(folder: &Path) -> Option<&'static str> {
    let end = folder.extension()?;
    ENDINGS.iter().find(|ending| end.eq_ignore_ascii_case(ending)).copied()
}

/// The name of a bundle's folder without its ending.
pub(super) fn stem(folder: &Path) -> Text {
    Text::from_bytes(folder.file_stem().unwrap_or_default().as_encoded_bytes())
}

/// The property list in a file; nothing, if there is no file.
///
/// # Errors
/// A gap when something is there that cannot be read as one.
pub(super) fn property_list(target: &Target, path: &Path) -> Result<Option<Value>, Gap> {
    let Some(bytes) = target.read_up_to(path, MAX_LIST)? else { return Ok(None) };
    plist::parse(&bytes).map(Some).map_err(|no| {
        let code = match no {
            NoList::Empty => GapCode::Empty,
            NoList::Cut => GapCode::Truncated,
            NoList::Damaged(_) => GapCode::Damaged,
            NoList::TooMuch => GapCode::TooLarge,
        };
        Gap::new(code, Text::from_path(path), format!("{no}, so what it says is unknown; look there"))
    })
}

/// What a folder with the name of a bundle is.
pub(super) struct Bundle {
    /// What it says of itself; all is unknown, if that cannot be read.
    pub(super) info: Info,
    /// Its `Info.plist`.
    pub(super) list: PathBuf,
    /// Its program, which may not be there.
    pub(super) program: PathBuf,
    /// What the App Store says of it, if it is one of iOS that the store wrapped.
    pub(super) store: Option<Value>,
    /// Why it says nothing of itself.
    pub(super) gap: Option<Gap>,
}

impl Bundle {
    /// Reads the bundle in a folder; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when it cannot be told what is in the folder.
    pub(super) fn read(target: &Target, folder: &Path) -> Result<Option<Self>, Gap> {
        let contents = folder.join("Contents");
        if is_folder(target, &contents)? {
            let programs = contents.join("MacOS");
            return Ok(Some(Self::at(target, &contents, &programs, folder)));
        }
        if target.entry(&contents)?.is_some() {
            let reason = "no folder stands there, so what this bundle is must be looked up there";
            return Err(Gap::new(GapCode::Special, Text::from_path(&contents), reason));
        }
        if target.entry(&folder.join("Info.plist"))?.is_some() {
            return Ok(Some(Self::at(target, folder, folder, folder)));
        }
        let wrapper = folder.join("Wrapper");
        for entry in target.list(&wrapper)?.unwrap_or_default() {
            let inner = wrapper.join(&entry.name);
            if entry.kind == EntryKind::Folder && ending(&inner) == Some("app") {
                let mut bundle = Self::at(target, &inner, &inner, &inner);
                match property_list(target, &wrapper.join("iTunesMetadata.plist")) {
                    Ok(store) => bundle.store = store,
                    Err(gap) => bundle.gap = bundle.gap.or(Some(gap)),
                }
                return Ok(Some(bundle));
            }
        }
        // A folder in which nobody finds a program may have such a name as well.
        Ok(None)
    }

    fn at(target: &Target, of_list: &Path, programs: &Path, folder: &Path) -> Self {
        let list = of_list.join("Info.plist");
        let (info, gap) = match property_list(target, &list) {
            Ok(Some(value)) => (Info::of(&value), None),
            Ok(None) => {
                let reason = "it is gone, so what this bundle is must be looked up there";
                (Info::default(), Some(Gap::new(GapCode::Missing, Text::from_path(&list), reason)))
            }
            Err(gap) => (Info::default(), Some(gap)),
        };
        // A name with folders in it is none.
        let named = info.executable.as_ref().map(Text::to_path);
        let name = named.as_deref().and_then(Path::file_name).or(folder.file_stem()).unwrap_or_default();
        Self { program: programs.join(name), info, list, store: None, gap }
    }

    /// Whether its program is there. One that names no program needs none; where it is unknown which it is, any will do.
    ///
    /// # Errors
    /// A gap when that cannot be told.
    pub(super) fn is_whole(&self, target: &Target) -> Result<bool, Gap> {
        if self.info.executable.is_some() {
            return match target.resolve(&self.program) {
                Err(gap) if gap.code == GapCode::Dangling => Ok(false),
                found => found.map(|found| found.is_some()),
            };
        }
        let programs = self.program.parent().filter(|_| self.gap.is_some());
        programs.map_or(Ok(true), |programs| {
            target.list(programs).map(|entries| entries.is_some_and(|entries| !entries.is_empty()))
        })
    }
}
