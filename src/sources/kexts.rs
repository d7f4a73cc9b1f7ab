//! Kernel extensions of macOS.
//!
//! Format: that of [`crate::sources::bundles`]; kext(8). Within one there may be others. The kernel loads copies that the
//! system staged, which stay after the extension itself was removed until the system is started anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Item, Kind, State};
use crate::sources::bundles::{Bundle, stem};
use crate::sources::codesign::sign;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "kexts",
    about: "kernel extensions of macOS",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Driver],
    rights: "none: kernel extensions are readable by everyone unless someone changed that",
    blind: "an extension that was deleted, one that is in the kernel collection alone, and one that is loaded from \
            another place",
    collect,
};

/// Where extensions are installed, and where the copies are that were staged.
const FOLDERS: &[(&str, State)] = &[
    ("/System/Library/Extensions", State::Installed),
    ("/Library/Extensions", State::Installed),
    ("/Library/Apple/System/Library/Extensions", State::Installed),
    ("/Library/StagedExtensions/System/Library/Extensions", State::Present),
    ("/Library/StagedExtensions/Library/Extensions", State::Present),
];
/// Extensions within each other.
const MAX_DEPTH: usize = 8;

fn collect(target: &Target, sink: &mut Sink) {
    let mut seen = BTreeSet::new();
    for (folder, state) in FOLDERS {
        let mut ahead = vec![(PathBuf::from(folder), None, 0)];
        while let Some((folder, owner, depth)) = ahead.pop() {
            let Some(entries) = sink.keep(target.list(&folder)).flatten() else { continue };
            let real = sink.keep(target.resolve(&folder)).flatten();
            if real.is_some_and(|real| !seen.insert(real)) {
                continue;
            }
            let is_one =
                |path: &PathBuf| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("kext"));
            let folders =
                entries.into_iter().filter(|e| matches!(e.kind, EntryKind::Folder | EntryKind::Link));
            for path in folders.map(|entry| folder.join(entry.name)).filter(is_one) {
                match target.list(&path) {
                    Ok(_) => {}
                    // What the link led to was removed, so that nothing can be loaded by it.
                    Err(gap) if gap.code == GapCode::Dangling => {
                        sink.gap(gap.note());
                        continue;
                    }
                    Err(gap) => {
                        sink.gap(gap);
                        continue;
                    }
                }
                let Some(item) = item(target, sink, &path, *state, owner.clone()) else { continue };
                if depth < MAX_DEPTH {
                    ahead.push((path.join("Contents/PlugIns"), Some(item.id.clone()), depth + 1));
                } else {
                    let reason = format!("there are more than {MAX_DEPTH} extensions within each other");
                    sink.gap(Gap::new(GapCode::TooMany, Text::from_path(&path), reason));
                }
                sink.owns_below(&path, &item.id);
                sink.item(item);
            }
        }
    }
}

/// The item of an extension; nothing, if the folder holds none.
fn item(target: &Target, sink: &mut Sink, path: &Path, state: State, owner: Option<Text>) -> Option<Item> {
    let bundle = sink.keep(Bundle::read(target, path))??;
    let place = Text::from_path(&bundle.list);
    let mut item = Item::new(Kind::Driver, bundle.info.name.clone().unwrap_or_else(|| stem(path)), place);
    item.id = format!("kexts:{}", Text::from_path(path).raw()).into();
    item.state = state;
    item.version.clone_from(&bundle.info.version);
    item.ids.extend(bundle.info.identifier.clone().map(|identifier| (IdKind::BundleId, identifier)));
    item.paths = vec![Text::from_path(path)];
    item.scope = Some("machine".into());
    item.owner = owner;
    sign(target, sink, &bundle.program, &mut item);
    if sink.keep(bundle.is_whole(target)) == Some(false) {
        item.state = State::Remnant;
    }
    let is_left = item.state == State::Remnant;
    if let Some(gap) = bundle.gap {
        // Without a description and a program nothing can be loaded.
        sink.gap(if is_left && gap.code == GapCode::Missing { gap.note() } else { gap });
    }
    Some(item)
}
