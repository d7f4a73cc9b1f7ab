//! The store of containerd.
//!
//! Format: containerd, core/metadata/buckets.go and core/snapshots/storage/bolt.go. `meta.db` holds, by namespace, images
//! (a name and the digest of a manifest), containers and snapshots; a snapshot's name there is its key in the snapshotter's
//! own `metadata.db`, where it has a number, which is the name of its folder, and a parent. What digests name lies in the
//! content store. An image's snapshot is the chain id of its layers, if it was unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::inventory::{Gap, GapCode};
use crate::parse::bolt::{self, Bucket, Damage, Value};
use crate::sources::containers::stores::Store;
use crate::sources::containers::{MAX_LAYERS, Snapshots, Sort, Stack, Stored, damaged, oci, text};
use crate::sources::{MAX_JSON, Sink};
use crate::target::{EntryKind, Marks, Target};
use crate::text::Text;

const ENGINE: &str = "containerd";
const META: &str = "io.containerd.metadata.v1.bolt/meta.db";
const CONTENT: &str = "io.containerd.content.v1.content/blobs/sha256";
const SNAPSHOTTERS: &str = "io.containerd.snapshotter.v1.";
/// The namespace of Docker, in which snapshots of its containers have their ids.
const DOCKER: &str = "moby";
/// Bytes of a database.
const MAX_DATABASE: u64 = 256 << 20;
/// The labels by which others name a container: nerdctl's, and those of Kubernetes.
const NAMES: &[&str] = &["nerdctl/name", "io.kubernetes.container.name"];

/// The bucket at a path of names.
fn bucket<'b, 'a>(bucket: &'b Bucket<'a>, path: &[&str]) -> Option<&'b Bucket<'a>> {
    bolt::bucket(bucket, &path.iter().map(|key| key.as_bytes()).collect::<Vec<_>>())
}

/// The text under a name.
fn value(bucket: &Bucket<'_>, key: &str) -> Option<String> {
    let bytes = bolt::value(bucket, key.as_bytes()).filter(|bytes| !bytes.is_empty())?;
    Some(Text::from_bytes(bytes).raw().to_owned())
}

/// The buckets in a bucket.
fn buckets<'b, 'a>(bucket: Option<&'b Bucket<'a>>) -> impl Iterator<Item = (String, &'b Bucket<'a>)> {
    bucket.into_iter().flatten().filter_map(|(key, value)| match value {
        Value::Bucket(bucket) => Some((Text::from_bytes(key).raw().to_owned(), bucket)),
        Value::Bytes(_) => None,
    })
}

pub(super) fn read(
    target: &Target,
    sink: &mut Sink,
    store: &Store,
    dockers: &BTreeSet<String>,
    snapshots: &mut Snapshots,
) -> Vec<Stored> {
    let path = store.place.join(META);
    let Some(bytes) = sink.keep(target.read_up_to(&path, MAX_DATABASE)) else { return Vec::new() };
    let Some(bytes) = bytes else {
        // Snapshots without the database that names them.
        let held = store.place.join(format!("{SNAPSHOTTERS}overlayfs/snapshots"));
        if sink.keep(target.list(&held)).flatten().is_some_and(|entries| !entries.is_empty()) {
            let reason = "it is not there, though there are snapshots, so what these are is unknown";
            sink.gap(Gap::new(GapCode::Missing, Text::from_path(&path), reason));
        }
        return Vec::new();
    };
    let (root, damage) = bolt::parse(&bytes);
    if let Some(damage) = damage {
        sink.gap(gap(&path, damage));
    }
    let mut containerd = Containerd { target, store, meta: &path, snapshotters: BTreeMap::new() };
    let mut found = Vec::new();
    for (name, namespace) in buckets(bucket(&root, &["v1"])) {
        found.extend(containerd.images(sink, namespace));
        found.extend(containerd.containers(sink, namespace, dockers));
        if name == DOCKER {
            containerd.of_docker(sink, namespace, snapshots);
        }
    }
    found
}

fn gap(path: &Path, damage: Damage) -> Gap {
    let (code, what) = match damage {
        Damage::Truncated => (GapCode::Truncated, "it ends too early"),
        Damage::Damaged(what) => (GapCode::Damaged, what),
        Damage::Unsupported(what) => (GapCode::Unsupported, what),
        Damage::TooMany => (GapCode::TooMany, "it holds more than the bound"),
    };
    Gap::new(code, Text::from_path(path), format!("{what}, so what it lists is not all known"))
}

/// A snapshot in the database of its snapshotter.
struct Snapshot {
    number: u64,
    parent: Option<String>,
}

/// The snapshots of a snapshotter by name, or why they are not known.
type Snapshotter = Result<BTreeMap<String, Snapshot>, Gap>;

struct Containerd<'a> {
    target: &'a Target,
    store: &'a Store,
    meta: &'a Path,
    snapshotters: BTreeMap<String, Snapshotter>,
}

impl Containerd<'_> {
    fn images(&mut self, sink: &mut Sink, namespace: &Bucket<'_>) -> Vec<Stored> {
        // Several names may lead to one image, and one name to images for several machines.
        let mut configs: BTreeMap<String, (Vec<Text>, PathBuf, Json)> = BTreeMap::new();
        let mut unknown = Vec::new();
        for (name, image) in buckets(bucket(namespace, &["images"])) {
            let digest = bucket(image, &["target"]).and_then(|target| value(target, "digest"));
            match digest.ok_or_else(|| self.undescribed(&name)).and_then(|digest| self.configs(&digest)) {
                Ok(found) => {
                    for (digest, place, config) in found {
                        let names = &mut configs.entry(digest).or_insert((Vec::new(), place, config)).0;
                        names.push(name.as_str().into());
                    }
                }
                Err(gap) => {
                    sink.gap(gap);
                    unknown.push(self.image(name.clone(), vec![name.as_str().into()], self.meta.to_owned()));
                }
            }
        }
        let mut found = unknown;
        for (digest, (names, place, config)) in configs {
            let mut image = self.image(digest, names, place.clone());
            let config = oci::config(&config, &mut image);
            if !config.is_image {
                let reason =
                    "no image of a container but something else from a registry, which holds no system";
                sink.gap(Gap::new(GapCode::Unsupported, Text::from_path(&place), reason).note());
            } else if let Some(chain) = oci::chain(&config.layers) {
                image.stack = sink.keep(self.unpacked(namespace, &chain, &image, config.layers.len()));
            }
            found.push(image);
        }
        found
    }

    fn image(&self, id: String, names: Vec<Text>, place: PathBuf) -> Stored {
        let mut image = Stored::new(Sort::Image, ENGINE, id, place, self.store.user.as_ref());
        image.names = oci::names(names);
        image
    }

    fn undescribed(&self, name: &str) -> Gap {
        damaged(self.meta, format!("it does not say which files are {name}, so what is in it is unknown"))
    }

    /// The configs that a manifest, or an index of manifests, leads to: their digits, their places and themselves.
    fn configs(&self, digest: &str) -> Result<Vec<(String, PathBuf, Json)>, Gap> {
        let document = self.content(digest)?;
        let manifests = match document.1.get("manifests").and_then(Json::as_array) {
            None => vec![document],
            Some(list) => {
                let mut manifests = Vec::new();
                for manifest in list {
                    // Of an index only what is for this machine is there. What attests something is no image.
                    let attests =
                        text(manifest, "/platform/architecture").is_some_and(|a| a.raw() == "unknown");
                    let Some(digest) = text(manifest, "/digest").filter(|_| !attests) else { continue };
                    if matches!(self.target.entry(&self.blob(digest.raw())?), Ok(None)) {
                        continue;
                    }
                    manifests.push(self.content(digest.raw())?);
                }
                manifests
            }
        };
        let mut configs = Vec::new();
        for (path, manifest) in manifests {
            let digest = text(&manifest, "/config/digest").ok_or_else(|| {
                damaged(&path, "a manifest without a config, so what is in its image is unknown")
            })?;
            let (place, config) = self.content(digest.raw())?;
            configs.push((oci::digits(digest.raw()).unwrap_or_default().to_owned(), place, config));
        }
        if configs.is_empty() {
            let reason = "none of the images that this index lists is there, so what was in them is unknown";
            return Err(Gap::new(GapCode::Missing, Text::from_path(&self.blob(digest)?), reason));
        }
        Ok(configs)
    }

    fn blob(&self, digest: &str) -> Result<PathBuf, Gap> {
        let digits = oci::digits(digest)
            .ok_or_else(|| damaged(self.meta, format!("it names a digest of an unknown kind: {digest}")))?;
        Ok(self.store.place.join(CONTENT).join(digits))
    }

    /// A JSON document in the content store.
    fn content(&self, digest: &str) -> Result<(PathBuf, Json), Gap> {
        let path = self.blob(digest)?;
        let Some(bytes) = self.target.read_up_to(&path, MAX_JSON)? else {
            let reason = "it is not there, so what is in the image that it describes is unknown";
            return Err(Gap::new(GapCode::Missing, Text::from_path(&path), reason));
        };
        if oci::digest(&bytes) != digest {
            return Err(damaged(
                &path,
                "its digest is not its name, so what is in the image it describes is unknown",
            ));
        }
        let document = serde_json::from_slice(&bytes);
        document
            .map(|document| (path.clone(), document))
            .map_err(|e| damaged(&path, format!("it is no JSON: {e}")))
    }

    /// The layers of an image in the first snapshotter that has them.
    fn unpacked(
        &mut self,
        namespace: &Bucket<'_>,
        chain: &str,
        image: &Stored,
        layers: usize,
    ) -> Result<Stack, Gap> {
        let snapshotters: Vec<String> =
            buckets(bucket(namespace, &["snapshots"])).map(|(snapshotter, _)| snapshotter).collect();
        let mut first = None;
        for snapshotter in &snapshotters {
            match self.snapshot(namespace, snapshotter, chain) {
                Ok(Some(stack)) if stack.folders.len() == layers || snapshotter == "native" => {
                    return Ok(stack);
                }
                Ok(Some(_)) => {
                    let reason =
                        format!("a snapshot has fewer layers below it than its image, {}", image.label());
                    first.get_or_insert(damaged(self.meta, reason));
                }
                Ok(None) => {}
                Err(gap) => {
                    first.get_or_insert(gap);
                }
            }
        }
        Err(first.unwrap_or_else(|| {
            let reason = format!(
                "the image {} was not unpacked, so what is in it was not looked at; unpack it (`ctr images mount`) and \
                 scan again, or remove it",
                image.label()
            );
            Gap::new(GapCode::Unsupported, Text::from_path(&image.place), reason)
        }))
    }

    /// The layers of a snapshot; nothing, if the snapshotter has none of this key.
    fn snapshot(
        &mut self,
        namespace: &Bucket<'_>,
        snapshotter: &str,
        key: &str,
    ) -> Result<Option<Stack>, Gap> {
        let Some(snapshot) = bucket(namespace, &["snapshots", snapshotter, key]) else { return Ok(None) };
        let missing =
            |name: &str| damaged(self.meta, format!("the snapshot {name} is not known to {snapshotter}"));
        let name = value(snapshot, "name").ok_or_else(|| missing(key))?;
        let folder = self.store.place.join(format!("{SNAPSHOTTERS}{snapshotter}"));
        let (within, marks) = match snapshotter {
            "overlayfs" => ("fs", self.store.marks()),
            "fuse-overlayfs" => ("fs", Marks::Any),
            "native" => ("", self.store.marks()),
            _ => {
                let reason = format!(
                    "containerd keeps layers with its snapshotter {snapshotter}, which is not read; `ctr images export` \
                     the images and scan them"
                );
                return Err(Gap::new(GapCode::Unsupported, Text::from_path(&folder), reason));
            }
        };
        let known = self.snapshotters.entry(snapshotter.to_owned());
        let known =
            known.or_insert_with(|| snapshotter_of(self.target, &folder)).as_ref().map_err(Gap::clone)?;
        let (mut folders, mut next) = (Vec::new(), Some(name));
        while let Some(name) = next {
            let Some(snapshot) = known.get(&name) else { return Err(missing(&name)) };
            folders.push(folder.join("snapshots").join(snapshot.number.to_string()).join(within));
            if folders.len() > MAX_LAYERS {
                return Err(damaged(
                    &folder,
                    "its snapshots lie on each other in a circle, or are more than can be",
                ));
            }
            // A native snapshot holds all that is below it.
            next = snapshot.parent.clone().filter(|_| snapshotter != "native");
        }
        Ok(Some(Stack { folders, marks }))
    }

    fn containers(
        &mut self,
        sink: &mut Sink,
        namespace: &Bucket<'_>,
        dockers: &BTreeSet<String>,
    ) -> Vec<Stored> {
        let mut found = Vec::new();
        for (id, container) in buckets(bucket(namespace, &["containers"])) {
            if dockers.contains(&id) {
                continue;
            }
            let snapshotter = value(container, "snapshotter").zip(value(container, "snapshotKey"));
            let mut stored = Stored::new(
                Sort::Container,
                ENGINE,
                id.clone(),
                self.meta.to_owned(),
                self.store.user.as_ref(),
            );
            stored.image = value(container, "image").map(Text::from);
            stored.created = bolt::value(container, b"createdat").and_then(time).map(Text::from);
            let labels = bucket(container, &["labels"]);
            let label = |name: &str| labels.and_then(|labels| value(labels, name)).map(Text::from);
            stored.names.extend(NAMES.iter().find_map(|name| label(name)));
            stored.publisher = label("org.opencontainers.image.vendor");
            stored.version = label("org.opencontainers.image.version");
            let stack = match &snapshotter {
                Some((snapshotter, key)) => self.snapshot(namespace, snapshotter, key),
                None => Ok(None),
            };
            stored.stack = sink.keep(stack.and_then(|stack| stack.ok_or_else(|| self.undescribed(&id))));
            found.push(stored);
        }
        found
    }

    /// Gives the snapshots that Docker has for its containers, under their ids.
    fn of_docker(&mut self, sink: &mut Sink, namespace: &Bucket<'_>, snapshots: &mut Snapshots) {
        for (snapshotter, all) in buckets(bucket(namespace, &["snapshots"])) {
            let keys: BTreeSet<String> = buckets(Some(all)).map(|(key, _)| key).collect();
            for key in keys.into_iter().filter(|key| key.len() == 64 && super::is_plain(key)) {
                if let Some(stack) = sink.keep(self.snapshot(namespace, &snapshotter, &key)).flatten() {
                    snapshots.insert(key, stack);
                }
            }
        }
    }
}

/// The snapshots in the database of a snapshotter.
fn snapshotter_of(target: &Target, folder: &Path) -> Snapshotter {
    let path = folder.join("metadata.db");
    let Some(bytes) = target.read_up_to(&path, MAX_DATABASE)? else {
        let there = matches!(target.entry(folder), Ok(Some(EntryKind::Folder)));
        let reason = if there { "it is not there" } else { "its snapshotter keeps its files elsewhere" };
        let reason = format!("{reason}, so where the layers of images lie is unknown");
        return Err(Gap::new(GapCode::Missing, Text::from_path(&path), reason));
    };
    let (root, damage) = bolt::parse(&bytes);
    // A layer that is not known is told for what it belongs to.
    if let (Some(damage), true) = (damage, root.is_empty()) {
        return Err(gap(&path, damage));
    }
    let snapshot = |(name, snapshot): (String, &Bucket<'_>)| {
        let number = bolt::value(snapshot, b"id").and_then(varint)?;
        Some((name, Snapshot { number, parent: value(snapshot, "parent") }))
    };
    Ok(buckets(bucket(&root, &["v1", "snapshots"])).filter_map(snapshot).collect())
}

/// A number of seven bits a byte, the lowest first (Go, encoding/binary).
fn varint(bytes: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f).checked_shl(u32::try_from(place).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A time as Go's `MarshalBinary` writes it: the version 1, and the seconds since the year 1.
fn time(bytes: &[u8]) -> Option<String> {
    const TO_1970: i64 = 62_135_596_800;
    let seconds = i64::from_be_bytes(*bytes.strip_prefix(&[1])?.first_chunk()?);
    Some(jiff::Timestamp::from_second(seconds.checked_sub(TO_1970)?).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_read_as_go_writes_them() {
        assert_eq!(
            (varint(&[0x7f]), varint(&[0x82, 0x09]), varint(&[0x80]), varint(&[])),
            (Some(127), Some(1154), None, None)
        );
        assert_eq!(varint(&[0xff; 11]), None);
        let written = [1, 0, 0, 0, 0x0e, 0xe2, 0x97, 0x75, 0x9f, 0x0b, 0x14, 0x2d, 0x11, 0xff, 0xff];
        assert_eq!(time(&written).as_deref(), Some("2026-11-24T12:10:07Z"));
        assert_eq!((time(&[]), time(&[0xff; 15])), (None, None));
    }
}
