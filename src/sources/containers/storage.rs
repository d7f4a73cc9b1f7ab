//! The store of containers/storage, which Podman, Buildah and CRI-O share.
//!
//! Format: containers/storage, store.go, images.go, layers.go, containers.go and drivers/overlay. `DRIVER-images/`,
//! `DRIVER-layers/` and `DRIVER-containers/` each hold a JSON list and a folder for each of its images and containers;
//! lists of what need not survive a restart begin with `volatile-`. A layer of overlay is `overlay/ID/diff`, one of vfs
//! `vfs/dir/ID` with all that is below it. A store may take layers from others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::inventory::{Gap, GapCode};
use crate::sources::containers::stores::Store;
use crate::sources::containers::{MAX_LAYERS, Sort, Stack, Stored, damaged, names, oci, text};
use crate::sources::{Sink, json};
use crate::target::{EntryKind, Marks, Target};
use crate::text::Text;

const ENGINE: &str = "podman";
/// Bytes of a config of an image.
const MAX_CONFIG: u64 = 8 << 20;

/// A layer by its driver and id: the store it is in, and the layer below.
type Layers<'a> = BTreeMap<(String, String), (&'a Store, Option<String>)>;

pub(super) fn read(target: &Target, sink: &mut Sink, stores: &[&Store]) -> Vec<Stored> {
    let mut layers = Layers::new();
    let mut drivers = Vec::new();
    for store in stores {
        let lists = names(target, sink, &store.place);
        for driver in lists.iter().filter_map(|name| name.strip_suffix("-layers")) {
            for layer in list(target, sink, store, driver, "layers") {
                if let Some(id) = text(&layer, "/id") {
                    let parent = text(&layer, "/parent").map(|parent| parent.raw().to_owned());
                    layers.entry((driver.to_owned(), id.raw().to_owned())).or_insert((store, parent));
                }
            }
        }
        // What is left of a store may be its layers alone.
        let of = |name: &String| match name.as_str() {
            "overlay" | "vfs" => Some(name.clone()),
            name => name.strip_suffix("-images").or(name.strip_suffix("-containers")).map(str::to_owned),
        };
        let of_store: BTreeSet<String> = lists.iter().filter_map(of).collect();
        drivers.extend(of_store.into_iter().map(|driver| (*store, driver)));
    }
    let mut found = Vec::new();
    for (store, driver) in drivers {
        let storage = Storage { target, store, driver: &driver, layers: &layers };
        storage.unlisted(sink);
        found.extend(storage.images(sink));
        found.extend(storage.containers(sink));
    }
    found
}

/// The elements of a list of a store, with those that need not survive a restart.
fn list(target: &Target, sink: &mut Sink, store: &Store, driver: &str, what: &str) -> Vec<Value> {
    let folder = store.place.join(format!("{driver}-{what}"));
    let mut elements = Vec::new();
    for name in [format!("{what}.json"), format!("volatile-{what}.json")] {
        let path = folder.join(name);
        match sink.keep(json(target, &path)).flatten() {
            Some(Value::Array(list)) => elements.extend(list),
            Some(_) => sink.gap(damaged(&path, "it is no list, so what the store holds is unknown")),
            None => {}
        }
    }
    elements
}

struct Storage<'a> {
    target: &'a Target,
    store: &'a Store,
    driver: &'a str,
    layers: &'a Layers<'a>,
}

impl Storage<'_> {
    fn images(&self, sink: &mut Sink) -> Vec<Stored> {
        let mut found = Vec::new();
        for image in self.described(sink, "images") {
            let (mut stored, value) = (image.0, image.1);
            let tags = value.get("names").and_then(Value::as_array);
            let tags = tags.into_iter().flatten().filter_map(|name| name.as_str().map(Text::from));
            stored.names = oci::names(tags);
            if let Some(config) = self.config(&stored.id) {
                oci::config(&config, &mut stored);
            }
            found.push(stored);
        }
        found
    }

    fn containers(&self, sink: &mut Sink) -> Vec<Stored> {
        let mut found = Vec::new();
        for (mut stored, value) in self.described(sink, "containers") {
            stored.names.extend(text(&value, "/names/0"));
            stored.created = text(&value, "/created");
            let more: Value = text(&value, "/metadata")
                .and_then(|metadata| serde_json::from_str(metadata.raw()).ok())
                .unwrap_or_default();
            stored.image = text(&more, "/image-name").or_else(|| text(&value, "/image"));
            let image = text(&value, "/image").and_then(|image| self.config(image.raw()));
            if let Some(config) = image {
                oci::labels(&config, "/config/Labels", &mut stored);
            }
            found.push(stored);
        }
        found
    }

    /// What a list describes; what has a folder and is not in the list is a gap.
    fn described(&self, sink: &mut Sink, what: &str) -> Vec<(Stored, Value)> {
        let folder = self.store.place.join(format!("{}-{what}", self.driver));
        let place = folder.join(format!("{what}.json"));
        let sort = if what == "images" { Sort::Image } else { Sort::Container };
        let mut found = Vec::new();
        for value in list(self.target, sink, self.store, self.driver, what) {
            let Some(id) = text(&value, "/id") else {
                sink.gap(damaged(&place, "it describes something without an id, which is unknown"));
                continue;
            };
            let mut stored =
                Stored::new(sort, ENGINE, id.raw().to_owned(), place.clone(), self.store.user.as_ref());
            if let Some(layer) = text(&value, "/layer") {
                stored.stack = sink.keep(self.stack(layer.raw()));
            }
            found.push((stored, value));
        }
        for id in names(self.target, sink, &folder) {
            let is_folder = matches!(self.target.entry(&folder.join(&id)), Ok(Some(EntryKind::Folder)));
            if is_folder && !found.iter().any(|(stored, _)| stored.id == id) {
                let reason = "it is not in the list beside it, so what it holds is unknown; remove it, or scan it by \
                              itself";
                sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&folder.join(id)), reason));
            }
        }
        found
    }

    /// Tells of layers that no list describes.
    fn unlisted(&self, sink: &mut Sink) {
        let folder = self.store.place.join(if self.driver == "vfs" { "vfs/dir" } else { self.driver });
        let known = |id: &String| self.layers.contains_key(&(self.driver.to_owned(), id.clone()));
        for id in names(self.target, sink, &folder).into_iter().filter(|id| id.len() == 64 && !known(id)) {
            let reason = "no list describes this layer, so what is in it is unknown; `podman system check` removes such";
            sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&folder.join(id)), reason));
        }
    }

    /// A layer with all those below it.
    fn stack(&self, top: &str) -> Result<Stack, Gap> {
        let list = self.store.place.join(format!("{}-layers/layers.json", self.driver));
        let (mut folders, mut next) = (Vec::new(), Some(top.to_owned()));
        while let Some(id) = next.take() {
            let layer = self.layers.get(&(self.driver.to_owned(), id.clone()));
            let Some((store, parent)) = layer.filter(|_| super::is_plain(&id)) else {
                let reason = format!("it does not describe the layer {id}, so what is in it is unknown");
                return Err(damaged(&list, Text::from(reason)));
            };
            folders.push(self.folder(store, &id)?);
            if self.driver == "vfs" {
                break;
            }
            if folders.len() > MAX_LAYERS {
                return Err(damaged(
                    &list,
                    "its layers lie on each other in a circle, or are more than can be",
                ));
            }
            next.clone_from(parent);
        }
        Ok(Stack { folders, marks: self.marks() })
    }

    fn folder(&self, store: &Store, layer: &str) -> Result<PathBuf, Gap> {
        let folder = store.place.join(self.driver);
        let unsupported = |place: &Path, how: &str| {
            let reason = format!(
                "layers are kept {how}, which is not read; `podman save` the images and scan them, or scan where \
                 `podman mount` shows them"
            );
            Err(Gap::new(GapCode::Unsupported, Text::from_path(place), reason))
        };
        match self.driver {
            "vfs" => Ok(folder.join("dir").join(layer)),
            "overlay" => {
                let composed = folder.join(layer).join("composefs-data");
                match self.target.entry(&composed)? {
                    Some(_) => unsupported(&composed, "with composefs"),
                    None => Ok(folder.join(layer).join("diff")),
                }
            }
            driver => unsupported(&folder, &format!("with the driver {driver}")),
        }
    }

    /// How the overlay is mounted stands in a file beside the layers.
    fn marks(&self) -> Marks {
        let flag = self.store.place.join("overlay/.has-mount-program");
        match self.target.read_up_to(&flag, 16) {
            Ok(Some(says)) if says.trim_ascii() == b"true" => Marks::Any,
            _ => self.store.marks(),
        }
    }

    /// The config of an image: the file in its folder whose digest is the image's id.
    fn config(&self, id: &str) -> Option<Value> {
        let folder = self.store.place.join(format!("{}-images", self.driver)).join(id);
        // It only adds who made the image, so one that is not there or cannot be read is no gap.
        let files = self.target.list(&folder).ok().flatten().filter(|_| super::is_plain(id))?;
        files.into_iter().filter(|entry| entry.kind == EntryKind::File).find_map(|entry| {
            let bytes = self.target.read_up_to(&folder.join(entry.name), MAX_CONFIG).ok().flatten()?;
            (oci::digits(&oci::digest(&bytes)) == Some(id)).then(|| serde_json::from_slice(&bytes).ok())?
        })
    }
}
