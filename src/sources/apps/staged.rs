//! System extensions that were activated, as the system lists them.
//!
//! Format: `/Library/SystemExtensions/db.plist`, which systemextensionsctl(8) shows and Apple does not describe: for each
//! extension its identifier, version, team, state, the application it came from and the copy that runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Gap, GapCode, IdKind, Item, Kind, Sink, State, Target, Text, id, is_folder};
use crate::parse::plist::{Value, list, text};
use crate::sources::bundles::{property_list, stem};

const LIST: &str = "/Library/SystemExtensions/db.plist";
/// Extensions that are read.
const MAX_EXTENSIONS: usize = 10_000;

/// One extension of the list.
pub(super) struct Extension {
    identifier: Option<Text>,
    version: Option<Text>,
    team: Option<Text>,
    state: Text,
    /// The application that activated it.
    of: Option<PathBuf>,
}

/// The extensions of the list, by the copy that runs.
#[derive(Default)]
pub(super) struct Staged(BTreeMap<PathBuf, Extension>);

impl Staged {
    /// Reads the list; most machines have none.
    pub(super) fn read(target: &Target, sink: &mut Sink) -> Self {
        let Some(all) = sink.keep(property_list(target, Path::new(LIST))).flatten() else {
            return Self::default();
        };
        let extensions = list(&all, "extensions");
        if extensions.len() > MAX_EXTENSIONS {
            let reason = format!("it lists more than {MAX_EXTENSIONS} extensions; the rest was not read");
            sink.gap(Gap::new(GapCode::TooMany, LIST, reason));
        }
        let mut staged = Self::default();
        for value in extensions.iter().take(MAX_EXTENSIONS) {
            let Some((copy, extension)) = extension(value) else {
                let reason =
                    "an extension in it has no copy that runs, so which one it is is unknown; look there";
                sink.gap(Gap::new(GapCode::Damaged, LIST, reason));
                continue;
            };
            staged.0.insert(copy, extension);
        }
        staged
    }

    /// The extension whose copy is at this place.
    pub(super) fn take(&mut self, copy: &Path) -> Option<Extension> {
        self.0.remove(copy)
    }

    /// Tells of extensions whose copy was not met: what is left of those that were removed, and a gap for the others.
    pub(super) fn rest(self, target: &Target, sink: &mut Sink) {
        for (copy, extension) in self.0 {
            // A walk that leaves the folder out has told so.
            if sink.keep(is_folder(target, &copy)).is_none_or(|is_there| is_there) {
                continue;
            }
            let name = extension.identifier.clone().unwrap_or_else(|| stem(&copy));
            let mut item = Item::new(Kind::Driver, name, LIST.into());
            item.id = id(&copy);
            item.paths = vec![Text::from_path(&copy)];
            item.scope = Some("machine".into());
            extension.complete(&mut item);
            item.state = State::Remnant;
            sink.item(item);
        }
    }
}

/// An extension and the copy of it that runs.
fn extension(value: &Value) -> Option<(PathBuf, Extension)> {
    let of_dictionary = |key: &str| value.as_dictionary()?.get(key);
    let copy = text(of_dictionary("stagedBundleURL")?, "relative")?;
    let version = of_dictionary("bundleVersion");
    let extension = Extension {
        identifier: text(value, "identifier"),
        version: version
            .and_then(|v| text(v, "CFBundleShortVersionString").or_else(|| text(v, "CFBundleVersion"))),
        team: text(value, "teamID"),
        state: text(value, "state").unwrap_or_default(),
        of: of_dictionary("container").and_then(|of| text(of, "bundlePath")).map(|path| path.to_path()),
    };
    Some((path_of(copy.raw())?, extension))
}

/// The path that a file URL (RFC 8089) names.
fn path_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://")?.trim_end_matches('/');
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|c| char::from(*c).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    Some(crate::text::bytes_to_path(&bytes)).filter(|path| path.has_root())
}

impl Extension {
    /// Adds what the list says to an item.
    pub(super) fn complete(&self, item: &mut Item) {
        if let Some(identifier) = &self.identifier {
            item.ids.entry(IdKind::BundleId).or_insert_with(|| identifier.clone());
        }
        if let Some(team) = &self.team {
            item.ids.entry(IdKind::TeamId).or_insert_with(|| team.clone());
        }
        item.version = item.version.take().or_else(|| self.version.clone());
        item.owner = item.owner.take().or_else(|| self.of.as_deref().map(id));
        item.enabled = Some(self.state.raw() == "activated_enabled");
        if self.state.raw().contains("uninstall") {
            item.state = State::Remnant;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_path() {
        let url = "file:///Library/SystemExtensions/A%20B/k.systemextension/";
        assert_eq!(path_of(url), Some("/Library/SystemExtensions/A B/k.systemextension".into()));
        assert_eq!(path_of("file:///%4"), Some("/%4".into()));
        assert_eq!(path_of("https://k.example/"), None);
        assert_eq!(path_of("file://host"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_url_ends_without_a_panic(path: String) {
            let url = format!("file:///{path}");
            proptest::prop_assert!(path_of(&url).is_some() || path.trim_matches('/').is_empty());
        }
    }
}
