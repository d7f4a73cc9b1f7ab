//! Images and containers of Docker, containerd, Podman, CRI-O, LXC, Incus and systemd-nspawn, and what is inside them.
//!
//! Format: the stores of Docker ([`docker`]), of containerd ([`containerd`]), of containers/storage ([`storage`]), and
//! plain roots ([`roots`]). What is inside is read by all sources as a root of its own, and belongs to that container
//! alone. An image with several names is looked into once; a container is looked into besides its image, since it is
//! another place, and a person removes the one without the other.

mod containerd;
mod docker;
mod inside;
mod oci;
mod roots;
mod storage;
mod stores;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::inventory::Gap;
use crate::item::{IdKind, Ids, Item, Kind, State};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Marks, Target};
use crate::text::Text;

pub(super) use stores::places;

pub(super) const SOURCE: Source = Source {
    id: "containers",
    about: "images and containers on the disk, and what is inside them",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[
        Kind::Container,
        Kind::Package,
        Kind::Application,
        Kind::Service,
        Kind::Task,
        Kind::Extension,
        Kind::File,
    ],
    rights: "root, or else the stores of the system and of other users are not seen",
    blind: "volumes, build caches, stores that a daemon was given on its command line, and a container or image that \
            was cut from its store together with all that names it",
    collect,
};

/// Digits of a container's id that name it, as the processes in it are told.
const SHORT: usize = 12;
/// Layers in a stack, as many as overlayfs takes.
const MAX_LAYERS: usize = 500;

/// The layers of something, the topmost first, and how they hide what lies below.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stack {
    folders: Vec<PathBuf>,
    marks: Marks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Image,
    Container,
}

/// An image or a container in a store.
#[derive(Debug, Clone)]
struct Stored {
    sort: Sort,
    /// What keeps it: docker, containerd, podman …
    engine: &'static str,
    /// The digits of its digest, or what else it is known by in its store.
    id: String,
    /// Its names; none, if it has only its id.
    names: Vec<Text>,
    /// The name of the image that a container was made of.
    image: Option<Text>,
    publisher: Option<Text>,
    version: Option<Text>,
    created: Option<Text>,
    /// The file that describes it.
    place: PathBuf,
    /// The user whose store it is in.
    user: Option<Text>,
    /// Its files; none, if they cannot be told, of which there is a gap.
    stack: Option<Stack>,
}

impl Stored {
    fn new(sort: Sort, engine: &'static str, id: String, place: PathBuf, user: Option<&Text>) -> Self {
        Self {
            sort,
            engine,
            id,
            names: Vec::new(),
            image: None,
            publisher: None,
            version: None,
            created: None,
            place,
            user: user.cloned(),
            stack: None,
        }
    }

    /// Its id, short if it is a digest.
    fn short(&self) -> &str {
        let is_digest = self.id.len() == 64 && self.id.bytes().all(|b| b.is_ascii_hexdigit());
        self.id.get(..SHORT).filter(|_| is_digest).unwrap_or(&self.id)
    }

    /// What the items inside say that they are in: what the processes of a container say too, or an image's name.
    fn label(&self) -> String {
        match (self.sort, self.names.first()) {
            (Sort::Image, Some(name)) => name.raw().to_owned(),
            _ => self.short().to_owned(),
        }
    }

    fn item(&self, name: Text, id: String, runs: bool) -> Item {
        let mut item = Item::new(Kind::Container, name, Text::from_path(&self.place));
        item.id = id.into();
        item.state = if runs { State::Running } else { State::Present };
        let tag = item.name.raw().rsplit_once(':').map(|(_, tag)| tag).filter(|t| !t.contains('/'));
        let tag =
            tag.filter(|t| self.sort == Sort::Image && *t != "latest" && !item.name.raw().contains('@'));
        item.version = self.version.clone().or(tag.map(Text::from));
        item.publisher.clone_from(&self.publisher);
        item.product.clone_from(&self.image);
        item.installed.clone_from(&self.created);
        item.ecosystem = Some(self.engine.into());
        item.scope = Some(if self.user.is_some() { "user" } else { "machine" }.into());
        item.user.clone_from(&self.user);
        if self.sort == Sort::Image && self.short().len() == SHORT {
            item.ids.insert(IdKind::Sha256, self.id.as_str().into());
        }
        item
    }
}

fn collect(target: &Target, sink: &mut Sink) {
    let mut all = stores::read(target, sink);
    // Images before containers, and those with a name before those without, which may be the same files.
    all.sort_by(|a, b| {
        (a.sort, a.names.is_empty(), a.label(), a.engine, &a.user, &a.id).cmp(&(
            b.sort,
            b.names.is_empty(),
            b.label(),
            b.engine,
            &b.user,
            &b.id,
        ))
    });
    let running = running(target);
    let (mut ids, mut labels, mut seen) = (Ids::default(), Ids::default(), BTreeSet::new());
    for one in all {
        let sort = if one.sort == Sort::Image { "image" } else { "container" };
        let runs = one.sort == Sort::Container && running.contains(one.short());
        let names = if one.names.is_empty() { vec![Text::from(one.short())] } else { one.names.clone() };
        let base = ids.unique(format!("containers:{}:{sort}:{}", one.engine, one.id));
        for (number, name) in names.into_iter().enumerate() {
            let id = if number == 0 { base.clone() } else { format!("{base}:{}", name.raw()) };
            sink.item(one.item(name, id, runs));
        }
        let Some(stack) = &one.stack else { continue };
        // An image without a name is often a step on the way to one with a name, of the same files.
        let is_new = seen.insert(stack.folders.clone());
        if is_new || !one.names.is_empty() {
            let label = labels.unique(one.label());
            inside::read(target, sink, stack, &label, &base);
        }
    }
}

/// The containers in which a process of this machine runs.
fn running(target: &Target) -> BTreeSet<String> {
    // What keeps processes from being listed is told by their own source.
    let list =
        if target.is_live() { target.processes().map(|p| p.list).unwrap_or_default() } else { Vec::new() };
    list.into_iter().filter_map(|process| Some(process.container?.raw().to_owned())).collect()
}

/// A file of a store, and why its content is not known.
fn damaged(path: &std::path::Path, reason: impl Into<Text>) -> Gap {
    Gap::new(crate::inventory::GapCode::Damaged, Text::from_path(path), reason)
}

/// Whether it can be the name of a folder of a store: digits of a digest and the like, which lead nowhere else.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// The names of what is in a folder, of which those with a dot in front are being put there or taken away.
fn names(target: &Target, sink: &mut Sink, folder: &std::path::Path) -> Vec<String> {
    let entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
    let names = entries.into_iter().map(|entry| entry.name.to_string_lossy().into_owned());
    names.filter(|name| is_plain(name)).collect()
}

/// The text at a place in a JSON document.
fn text(value: &serde_json::Value, pointer: &str) -> Option<Text> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty()).map(Text::from)
}

/// What a store of containerd holds for others: the layers of what is in it, by the key under which another has it.
type Snapshots = BTreeMap<String, Stack>;
