//! Native messaging hosts: programs that extensions may start.
//!
//! Format: developer.chrome.com/docs/extensions/develop/concepts/native-messaging and MDN, "Native manifests". A host is
//! told by its program, so that is among its paths; the extensions that may start it are no identifiers of it.

use std::path::Path;

use super::{Look, Whose};
use crate::inventory::GapCode;
use crate::item::{Item, Kind, State};
use crate::parse::webext::text;
use crate::text::Text;

/// Reads the hosts in a folder.
pub(super) fn folder(look: &mut Look<'_>, whose: Whose<'_>, folder: &Path) {
    for entry in look.entries(folder) {
        if !entry.name.as_encoded_bytes().ends_with(b".json") {
            continue;
        }
        let path = folder.join(&entry.name);
        let read = look.document(&path);
        let Some(value) = look.sink.keep(read).flatten() else { continue };
        let (Some(name), Some(program)) = (text(value.get("name")), text(value.get("path"))) else {
            look.gap(GapCode::Damaged, &path, "it names no host, or no program of it");
            continue;
        };
        let mut item = Item::new(Kind::Extension, name.clone().into(), Text::from_path(&path));
        item.product = text(value.get("description")).map(Text::from);
        // Windows allows a path from the manifest.
        let is_windows = program.contains('\\') || program.as_bytes().get(1) == Some(&b':');
        if is_windows {
            item.paths = vec![program.into()];
        } else {
            let program = folder.join(program);
            item.paths = vec![Text::from_path(&program)];
            match look.target.resolve(&program) {
                Ok(Some(behind)) if behind != program => item.paths.push(Text::from_path(&behind)),
                _ if look.is_gone(&program) => item.state = State::Remnant,
                _ => {}
            }
        }
        look.give(whose, folder, &name, item);
    }
}
