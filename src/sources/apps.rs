//! Applications of macOS, and the extensions and plug-ins that lie in them or beside them.
//!
//! Format: that of [`crate::sources::bundles`]; "Installing System Extensions and Drivers" (developer.apple.com). What lies
//! within an application belongs to it. A system extension runs from a copy outside of its application, which a list of
//! the system joins with it. What was moved to the Trash is left over, though all of it is there.

mod staged;

use std::collections::BTreeSet;
use std::path::Path;

use staged::{Extension, Staged};

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Item, Kind, State};
use crate::parse::plist::text;
use crate::sources::bundles::{Bundle, ending, stem};
use crate::sources::codesign::sign;
use crate::sources::tree::{Found, Sort, is_folder};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Family, Packages, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "apps",
    about: "applications of macOS and their extensions, at full depth everywhere",
    expects: &[Packages::MacOs],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Application, Kind::Extension, Kind::Driver],
    rights: "root and full disk access, or else what lies in the homes of other users is not seen",
    blind: "an application that was deleted, one whose folder has another ending, homes that are not mounted, and \
            whether a signature leads to one of Apple's certificates",
    collect,
};

/// Where applications are installed.
const APPLICATIONS: &str = "/Applications";
/// Folders of what was thrown away, in a home and on a volume.
const TRASH: &[&str] = &[".Trash", ".Trashes"];

fn collect(target: &Target, sink: &mut Sink) {
    if sink.keep(target.list(Path::new(APPLICATIONS))).flatten().is_some() {
        sink.found();
    }
    let tree = sink.tree(target);
    // What a link calls by a second place is told by its first.
    let is_one = |found: &&Found| found.sort == Sort::Bundle && found.leads.is_none();
    let bundles: Vec<&Found> = tree.found.iter().filter(is_one).collect();
    let places: BTreeSet<&Path> = bundles.iter().map(|found| found.path.as_path()).collect();
    let mut staged = Staged::read(target, sink);
    for found in bundles {
        let extension = staged.take(&found.path);
        if let Some(item) = item(target, sink, found, &places, extension.as_ref()) {
            sink.owns_below(&found.path, &item.id);
            sink.item(item);
        }
    }
    staged.rest(target, sink);
}

fn id(bundle: &Path) -> Text {
    format!("apps:{}", Text::from_path(bundle).raw()).into()
}

/// The item of a bundle; nothing, if the folder holds none.
fn item(
    target: &Target,
    sink: &mut Sink,
    found: &Found,
    places: &BTreeSet<&Path>,
    extension: Option<&Extension>,
) -> Option<Item> {
    // What the App Store wrapped is told by its wrapper.
    let wrapper = found.path.parent().filter(|parent| parent.ends_with("Wrapper")).and_then(Path::parent);
    if wrapper.is_some_and(|outer| places.contains(outer)) {
        return None;
    }
    let bundle = sink.keep(Bundle::read(target, &found.path))??;
    let kind = match ending(&found.path) {
        Some("app") => Kind::Application,
        Some("systemextension") => Kind::Driver,
        _ => Kind::Extension,
    };
    let folder = stem(&found.path);
    let name = bundle.info.name.clone().unwrap_or_else(|| folder.clone());
    let mut item = Item::new(kind, name, Text::from_path(&bundle.list));
    item.id = id(&found.path);
    item.product = (folder != item.name).then_some(folder);
    item.version.clone_from(&bundle.info.version);
    item.ids.extend(bundle.info.identifier.clone().map(|identifier| (IdKind::BundleId, identifier)));
    item.publisher = bundle.store.as_ref().and_then(|store| text(store, "artistName"));
    item.paths = vec![Text::from_path(&found.path)];
    item.user.clone_from(&found.user);
    item.scope = Some(if found.user.is_some() { "user" } else { "machine" }.into());
    item.owner = found.path.ancestors().skip(1).find(|above| places.contains(above)).map(id);
    item.state = state(target, sink, found, &bundle);
    sign(target, sink, &bundle.program, &mut item);
    if let Some(of) = bundle.info.stands_in(item.ids.get(&IdKind::TeamId)) {
        // What it starts is inside the virtual machine.
        item.container = Some(of.into());
        item.state = item.state.max(State::Present);
    }
    if let Some(extension) = extension {
        extension.complete(&mut item);
    }
    // What is left of a bundle may say nothing of itself.
    let is_left = item.state == State::Remnant;
    if let Some(gap) = bundle.gap {
        let is_gone = matches!(gap.code, GapCode::Missing | GapCode::Dangling);
        sink.gap(if is_left && is_gone { gap.note() } else { gap });
    }
    Some(item)
}

fn state(target: &Target, sink: &mut Sink, found: &Found, bundle: &Bundle) -> State {
    let is_thrown_away =
        found.path.components().any(|part| TRASH.iter().any(|trash| part.as_os_str() == *trash));
    let is_gone = sink.keep(bundle.is_whole(target)) == Some(false);
    match target.os().family {
        _ if is_thrown_away || is_gone => State::Remnant,
        // Nothing of macOS is installed there; its files are.
        Family::Linux | Family::Windows => State::Present,
        Family::MacOs | Family::Unknown => State::Installed,
    }
}
