//! Models of Ollama: `manifests/REGISTRY/NAMESPACE/MODEL/TAG`, and `blobs` that they are made of.
//!
//! Format: OCI image manifests (github.com/opencontainers/image-spec), whose layers of Ollama's own media types are
//! files `sha256-DIGEST` (`sha256:DIGEST` on early versions). A manifest and its blobs witness each other: a blob of
//! weights that no manifest names was left, or its manifest is gone. A model of the cloud has a manifest and no weights.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{HEADER, Owner, files, last};
use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, State};
use crate::parse::gguf::Gguf;
use crate::sources::{Sink, json};
use crate::target::Target;
use crate::text::Text;

/// Folders of manifests; the second since 2026, beside the first.
const MANIFESTS: &[&str] = &["manifests", "manifests-v2"];
/// Media types of layers with weights begin so: whole models and single tensors.
const WEIGHTS: &[&str] = &["application/vnd.ollama.image.model", "application/vnd.ollama.image.tensor"];
/// Registries of Hugging Face, from which Ollama pulls too.
const HUGGING_FACE: &[&str] = &["hf.co", "huggingface.co"];
/// Paths of one model that are kept.
const MAX_PATHS: usize = 16;

pub(super) fn read(target: &Target, sink: &mut Sink, place: &Path, owner: Owner<'_>) {
    let blobs = blobs(target, sink, &place.join("blobs"));
    let (mut used, mut lacking) = (BTreeSet::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for folder in MANIFESTS.iter().map(|folder| place.join(folder)) {
        for file in files(target, sink, &folder) {
            let within = file.strip_prefix(&folder).unwrap_or(&file);
            let parts: Vec<Text> =
                within.iter().map(|part| Text::from_bytes(part.as_encoded_bytes())).collect();
            // What the system keeps beside files, as `.DS_Store`, is not as deep.
            let [registry, namespace @ .., model, tag] = parts.as_slice() else { continue };
            if namespace.is_empty() || !seen.insert(within.to_owned()) {
                continue;
            }
            let layers = layers(target, sink, &file);
            let mut item = owner.item(model.clone(), &file);
            item.version = Some(tag.clone());
            let namespace: Vec<&str> = namespace.iter().map(Text::raw).collect();
            let namespace = namespace.join("/");
            item.publisher = (namespace != "library").then(|| namespace.clone().into());
            if HUGGING_FACE.contains(&registry.raw()) {
                item.ids.insert(IdKind::Purl, format!("pkg:huggingface/{namespace}/{}", model.raw()).into());
            }
            let weights: Vec<&String> =
                layers.iter().filter(|(_, is)| **is).map(|(digest, _)| digest).collect();
            if let &[digest] = weights.as_slice() {
                item.ids.insert(IdKind::Sha256, digest.as_str().into());
            }
            let there = weights.iter().filter_map(|digest| blobs.get(*digest));
            item.paths = there.take(MAX_PATHS).map(|path| Text::from_path(path)).collect();
            let is_lacking = weights.iter().any(|digest| !blobs.contains_key(*digest));
            item.state = match (weights.is_empty(), is_lacking) {
                (true, _) => State::Present,
                (_, true) => State::Remnant,
                _ => State::Installed,
            };
            if is_lacking {
                lacking.push(format!("{}:{}", model.raw(), tag.raw()));
            }
            used.extend(layers.into_keys());
            sink.item(item);
        }
    }
    if let Some(first) = lacking.first() {
        let reason = format!(
            "the weights of {} models ({first} …) are not there: they were removed by hand, or not all is here; pull or \
             remove the models with ollama",
            lacking.len()
        );
        sink.gap(Gap::new(GapCode::Missing, Text::from_path(&place.join("blobs")), reason));
    }
    for (_, path) in blobs.into_iter().filter(|(digest, _)| !used.contains(digest)) {
        left(target, sink, &path, owner);
    }
}

/// The blobs by their digest.
fn blobs(target: &Target, sink: &mut Sink, folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
    let blob = |name: std::ffi::OsString| {
        let digest = name.to_str()?.strip_prefix("sha256")?.strip_prefix(['-', ':'])?;
        // An unfinished download has more behind its digest.
        is_digest(digest).then(|| (digest.to_owned(), folder.join(&name)))
    };
    entries.into_iter().filter_map(|entry| blob(entry.name)).collect()
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The digests that a manifest names, each with whether it is of weights.
fn layers(target: &Target, sink: &mut Sink, file: &Path) -> BTreeMap<String, bool> {
    let Some(manifest) = sink.keep(json(target, file)).flatten() else { return BTreeMap::new() };
    let layers = manifest.get("layers");
    let digest = |layer: &Value| {
        let digest = layer.get("digest")?.as_str()?.strip_prefix("sha256:").filter(|d| is_digest(d))?;
        let media = layer.get("mediaType")?.as_str()?;
        Some((digest.to_owned(), WEIGHTS.contains(&media)))
    };
    let listed = layers.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut found: BTreeMap<_, _> = manifest.get("config").and_then(digest).into_iter().collect();
    let of_layers: Vec<_> = listed.iter().filter_map(digest).collect();
    // A model of the cloud has no layers, which is written as `null` or as an empty list.
    let is_whole =
        layers.is_some_and(|layers| layers.is_null() || layers.is_array()) && of_layers.len() == listed.len();
    if !is_whole {
        let reason =
            "it is no manifest of a model, or names layers that are none, so the weights are not known";
        sink.gap(Gap::new(GapCode::Damaged, Text::from_path(file), reason));
    }
    found.extend(of_layers);
    found
}

/// Tells of a blob that no manifest names, if it has weights.
fn left(target: &Target, sink: &mut Sink, path: &Path, owner: Owner<'_>) {
    let Some(bytes) = sink.keep(target.read_first(path, HEADER)).flatten() else { return };
    let Ok(says) = Gguf::parse(&bytes) else { return };
    let name = says.name.map_or_else(|| last(path), |name| Text::from_bytes(&name));
    let mut item = owner.item(name, path);
    item.state = State::Present;
    item.publisher = says.organization.map(|by| Text::from_bytes(&by));
    item.version = says.version.map(|version| Text::from_bytes(&version));
    item.paths = vec![Text::from_path(path)];
    let digest = last(path).raw().get("sha256-".len()..).map(Text::from);
    item.ids.extend(digest.map(|digest| (IdKind::Sha256, digest)));
    sink.item(item);
}
