//! What is inside an image or a container: all sources, over its files.

use crate::inventory::{Gap, GapCode};
use crate::item::Item;
use crate::sources::containers::Stack;
use crate::sources::{Depth, SOURCES, Shared, Sink, put_together, read as read_source, unlisted};
use crate::target::Target;
use crate::text::Text;

/// Gives what is inside to the container: of this label, and of this id among all items.
pub(super) fn read(target: &Target, sink: &mut Sink, stack: &Stack, label: &str, id: &str) {
    let (root, gaps) = target.stack(&stack.folders, stack.marks, label.into());
    for gap in gaps {
        sink.gap(gap);
    }
    let Some(root) = root else { return };
    let (mut items, mut gaps) = all_sources(&root, sink.depth());
    // What no list describes is known by its programs, wherever they lie.
    if gaps.iter().any(|gap| gap.code == GapCode::NothingListed) && sink.depth() < Depth::Full {
        (items, gaps) = all_sources(&root, Depth::Full);
    }
    for gap in gaps {
        let gap = match gap.code {
            GapCode::NothingListed => {
                let reason = "nothing in it lists installed software, so it is known by its programs alone";
                Gap { reason: reason.into(), ..gap }.note()
            }
            _ => gap,
        };
        sink.gap(Gap { place: format!("{label}: {}", gap.place.raw()).into(), ..gap });
    }
    for mut item in items {
        item.id = within(id, &item.id);
        item.owner = item.owner.as_ref().map(|owner| within(id, owner));
        item.container = Some(label.into());
        sink.item(item);
    }
}

/// The id, among all items, of an item of a container.
fn within(container: &str, item: &Text) -> Text {
    format!("{container}/{}", item.raw()).into()
}

/// What all sources find in a root, and what they could not see.
fn all_sources(root: &Target, depth: Depth) -> (Vec<Item>, Vec<Gap>) {
    let tree = Shared::default();
    let read =
        SOURCES.iter().map(|source| read_source(source, root, Sink::new(depth, &tree, root))).collect();
    let (items, coverage) = put_together(root, read);
    let unlisted = unlisted(root, &coverage);
    (items, coverage.into_iter().flat_map(|row| row.gaps).chain(unlisted).collect())
}
