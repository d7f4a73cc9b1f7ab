//! The store of Docker.
//!
//! Format: moby's daemon and layer packages. `image/DRIVER/imagedb/content/sha256/` holds the config of each image under
//! its digest and `repositories.json` their names; `layerdb/sha256/CHAIN/cache-id` names the folder of a layer, and its
//! file `lower` all those below. `containers/ID/config.v2.json` describes a container, whose layers
//! `layerdb/mounts/ID/mount-id` names, or containerd where Docker keeps its images there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::inventory::{Gap, GapCode};
use crate::sources::containers::stores::Store;
use crate::sources::containers::{
    MAX_LAYERS, Snapshots, Sort, Stack, Stored, damaged, is_plain, names, oci, text,
};
use crate::sources::{MAX_JSON, Sink, json};
use crate::target::{Marks, Target};
use crate::text::{Text, bytes_to_path};

const ENGINE: &str = "docker";
const CONTAINERS: &str = "containers";
/// Bytes of a file that names a folder.
const MAX_NAME: u64 = 4096;
/// Bytes of a list of lower layers.
const MAX_LOWER: u64 = 1 << 20;

pub(super) fn read(target: &Target, sink: &mut Sink, store: &Store, snapshots: &Snapshots) -> Vec<Stored> {
    let docker = Docker { target, store };
    let mut found = Vec::new();
    let drivers = names(target, sink, &store.place.join("image"));
    for driver in &drivers {
        found.extend(docker.images(sink, driver));
    }
    for id in containers(target, sink, store) {
        found.push(docker.container(sink, &id, &drivers, snapshots));
    }
    let layers = store.place.join("overlay2");
    if found.is_empty() && names(target, sink, &layers).iter().any(|name| name != "l") {
        let reason = "there are layers, and no image or container says what they are; `docker builder prune` removes \
                      those of builds";
        sink.gap(Gap::new(GapCode::Missing, Text::from_path(&layers), reason));
    }
    found
}

/// The ids of its containers.
pub(super) fn containers(target: &Target, sink: &mut Sink, store: &Store) -> Vec<String> {
    names(target, sink, &store.place.join(CONTAINERS))
}

/// Whether each layer names all those below it.
fn is_overlay(driver: &str) -> bool {
    matches!(driver, "overlay2" | "fuse-overlayfs")
}

struct Docker<'a> {
    target: &'a Target,
    store: &'a Store,
}

impl Docker<'_> {
    fn images(&self, sink: &mut Sink, driver: &str) -> Vec<Stored> {
        let database = self.store.place.join("image").join(driver);
        let content = database.join("imagedb/content/sha256");
        let tags = self.tags(sink, &database.join("repositories.json"));
        let listed = names(self.target, sink, &content);
        let ids: BTreeSet<&String> = listed.iter().chain(tags.keys()).collect();
        let mut found = Vec::new();
        for id in ids {
            let place = content.join(id);
            let mut image =
                Stored::new(Sort::Image, ENGINE, id.clone(), place.clone(), self.store.user.as_ref());
            image.names = oci::names(tags.get(id).cloned().unwrap_or_default());
            if let Some(config) = sink.keep(self.config(&place, id)) {
                let layers = oci::config(&config, &mut image).layers;
                image.stack = sink.keep(self.image_stack(driver, &database, &layers)).flatten();
            }
            found.push(image);
        }
        found
    }

    /// The names of images, by id.
    fn tags(&self, sink: &mut Sink, path: &Path) -> BTreeMap<String, Vec<Text>> {
        let mut tags: BTreeMap<String, Vec<Text>> = BTreeMap::new();
        let document = sink.keep(json(self.target, path)).flatten().unwrap_or_default();
        let repositories = document.get("Repositories").and_then(Value::as_object);
        for (name, id) in
            repositories.into_iter().flat_map(|all| all.values()).filter_map(Value::as_object).flatten()
        {
            match id.as_str().and_then(oci::digits) {
                Some(id) => tags.entry(id.to_owned()).or_default().push(name.as_str().into()),
                None => sink
                    .gap(damaged(path, "an image in it has no digest, so it is not known which one it is")),
            }
        }
        tags
    }

    /// The config of an image, whose name is its digest.
    fn config(&self, path: &Path, id: &str) -> Result<Value, Gap> {
        let gap = |code, reason: &str| Gap::new(code, Text::from_path(path), reason);
        let Some(bytes) = self.target.read_up_to(path, MAX_JSON)? else {
            return Err(gap(
                GapCode::Missing,
                "this image has a name and no config, so what is in it is unknown",
            ));
        };
        if oci::digits(&oci::digest(&bytes)) != Some(id) {
            return Err(gap(
                GapCode::Damaged,
                "its digest is not its name, so what is in this image is unknown",
            ));
        }
        serde_json::from_slice(&bytes).map_err(|e| damaged(path, format!("it is no JSON document: {e}")))
    }

    fn image_stack(&self, driver: &str, database: &Path, layers: &[String]) -> Result<Option<Stack>, Gap> {
        let Some(chain) = oci::chain(layers) else { return Ok(None) };
        let digits = oci::digits(&chain)
            .ok_or_else(|| damaged(database, "a layer has a digest of an unknown kind"))?;
        let layer = self.name(&database.join("layerdb/sha256").join(digits).join("cache-id"))?;
        let stack = self.stack(driver, &layer)?;
        if is_overlay(driver) && stack.folders.len() != layers.len() {
            let reason =
                format!("the image has {} layers and {} are named here", layers.len(), stack.folders.len());
            return Err(damaged(&self.store.place.join(driver).join(layer).join("lower"), reason));
        }
        Ok(Some(stack))
    }

    /// The folder of a layer with all those below it.
    fn stack(&self, driver: &str, layer: &str) -> Result<Stack, Gap> {
        let folder = self.store.place.join(driver);
        let marks = if driver == "fuse-overlayfs" { Marks::Any } else { self.store.marks() };
        if driver == "vfs" {
            return Ok(Stack { folders: vec![folder.join("dir").join(layer)], marks });
        }
        if !is_overlay(driver) {
            let reason = format!(
                "Docker keeps layers with its driver {driver}, which is not read; `docker save` the images and scan them"
            );
            return Err(Gap::new(GapCode::Unsupported, Text::from_path(&folder), reason));
        }
        let mut folders = vec![folder.join(layer).join("diff")];
        let path = folder.join(layer).join("lower");
        let lower = self.target.read_up_to(&path, MAX_LOWER)?.unwrap_or_default();
        for name in lower.trim_ascii().split(|&b| b == b':').filter(|name| !name.is_empty()) {
            let link = folder.join(bytes_to_path(name));
            match self.target.resolve(&link)? {
                Some(place) if place.starts_with(self.target.resolve(&folder)?.unwrap_or_default()) => {
                    folders.push(place);
                }
                _ => {
                    let reason =
                        format!("it names a layer that is not there: {}", Text::from_bytes(name).raw());
                    return Err(damaged(&path, reason));
                }
            }
        }
        if folders.len() > MAX_LAYERS {
            return Err(Gap::new(
                GapCode::TooMany,
                Text::from_path(&path),
                "it names more layers than can be",
            ));
        }
        Ok(Stack { folders, marks })
    }

    /// The name of a folder that a file holds.
    fn name(&self, path: &Path) -> Result<String, Gap> {
        let Some(bytes) = self.target.read_up_to(path, MAX_NAME)? else {
            let reason = "it should name a layer and is not there, so what is in this layer is unknown";
            return Err(Gap::new(GapCode::Missing, Text::from_path(path), reason));
        };
        let name = String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
        if is_plain(&name) { Ok(name) } else { Err(damaged(path, "it should name a layer and does not")) }
    }

    fn container(&self, sink: &mut Sink, id: &str, drivers: &[String], snapshots: &Snapshots) -> Stored {
        let place = self.store.place.join(CONTAINERS).join(id).join("config.v2.json");
        let mut container =
            Stored::new(Sort::Container, ENGINE, id.to_owned(), place.clone(), self.store.user.as_ref());
        let config = sink.keep(json(self.target, &place).and_then(|config| {
            let reason = "a container without a description, so what is in it is unknown; `docker rm` it";
            config.ok_or_else(|| Gap::new(GapCode::Missing, Text::from_path(&place), reason))
        }));
        let config = config.unwrap_or_default();
        container
            .names
            .extend(text(&config, "/Name").map(|name| Text::from(name.raw().trim_start_matches('/'))));
        container.image = text(&config, "/Config/Image").or_else(|| text(&config, "/Image"));
        container.created = text(&config, "/Created");
        oci::labels(&config, "/Config/Labels", &mut container);
        // A description that is lost leaves the layers, which each driver names by the container's id.
        let named = text(&config, "/Driver").map(|driver| driver.raw().to_owned());
        let driver = drivers.iter().find(|driver| match &named {
            Some(named) => *driver == named,
            None => matches!(self.target.entry(&self.mount(driver, id)), Ok(Some(_))),
        });
        let stack = match driver {
            Some(driver) => self.container_stack(driver, id),
            None => snapshots.get(id).cloned().ok_or_else(|| {
                let reason = "where this container's files lie is not told by Docker or containerd";
                Gap::new(GapCode::Missing, Text::from_path(&place), reason)
            }),
        };
        container.stack = sink.keep(stack);
        container
    }

    fn mount(&self, driver: &str, id: &str) -> PathBuf {
        self.store.place.join("image").join(driver).join("layerdb/mounts").join(id).join("mount-id")
    }

    fn container_stack(&self, driver: &str, id: &str) -> Result<Stack, Gap> {
        let layer = self.name(&self.mount(driver, id))?;
        let stack = self.stack(driver, &layer)?;
        // Below its own layer is at least the one that Docker prepares for it.
        if is_overlay(driver) && stack.folders.len() < 2 {
            let path = self.store.place.join(driver).join(layer).join("lower");
            let reason = "it names no layer below, so what is in the container's image is unknown";
            return Err(Gap::new(GapCode::Missing, Text::from_path(&path), reason));
        }
        Ok(stack)
    }
}
