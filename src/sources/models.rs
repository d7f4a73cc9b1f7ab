//! Weights of AI models that programs keep for themselves: of Ollama, the Hugging Face cache, LM Studio, `GPT4All`, Jan,
//! llama.cpp and `ModelScope`.
//!
//! Format: [`ollama`] and [`hub`] say it of their stores; the others hold files in folders, those of LM Studio and
//! `ModelScope` in `PUBLISHER/MODEL`. Whoever publishes a model need not be its maker, as most are converted by others.
//! A file may have any name, so the header of a GGUF file ([`crate::parse::gguf`]) is read for what is in it.

mod hub;
mod ollama;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind};
use crate::parse::gguf::{Fault, Gguf};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "models",
    about: "weights of AI models",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Model],
    rights: "root, or else what other users downloaded is not seen",
    blind: "weights that were removed together with what names them, stores that a setting or a variable puts \
            elsewhere, weights in containers, and homes that are not mounted",
    collect,
};

/// Where Ollama keeps models when it runs as a service: as its own installer, as packages of distributions and as the
/// snap have it.
const OLLAMA: &[&str] = &[
    "/usr/share/ollama/.ollama/models",
    "/var/lib/ollama",
    "/var/lib/ollama/.ollama/models",
    "/var/lib/ollama/models",
    "/var/snap/ollama/common/models",
];
/// Stores in a home that have a folder of a publisher, and in it one of the model.
const PUBLISHED: &[&str] = &[
    ".cache/lm-studio/models",
    ".cache/modelscope/hub",
    ".cache/modelscope/hub/models",
    ".lmstudio/.internal/bundled-models",
    ".lmstudio/models",
];
/// Folders of older `ModelScope` beside those of publishers.
const NO_PUBLISHERS: &[&str] = &["models", "datasets", "temp"];
/// Stores in a home that hold files, in folders or not.
const LOOSE: &[&str] = &[
    ".cache/llama.cpp",
    ".config/Jan/data",
    ".local/share/Jan/data",
    ".local/share/nomic.ai/GPT4All",
    "Library/Application Support/Jan/data",
    "Library/Application Support/nomic.ai/GPT4All",
    "Library/Caches/llama.cpp",
    "jan/models",
];
/// How the names of files with weights end.
const WEIGHTS: &[&str] =
    &["bin", "ckpt", "ggml", "gguf", "h5", "msgpack", "npz", "onnx", "pt", "pth", "safetensors"];
/// Those of them that nothing but models has.
const LOOSE_ENDS: &[&str] = &["ggml", "gguf", "safetensors"];
/// Bytes of a header that are read.
const HEADER: u64 = 256 << 10;
/// Folders that links in one store lead to.
const MAX_LINKED: usize = 1000;

/// Whose a store is.
#[derive(Clone, Copy)]
struct Owner<'a>(Option<&'a Text>);

impl Owner<'_> {
    fn item(self, name: Text, place: &Path) -> Item {
        let place = Text::from_path(place);
        let mut item = Item::new(Kind::Model, name, place.clone());
        item.id = format!("models:{}", place.raw()).into();
        item.scope = Some(if self.0.is_some() { "user" } else { "machine" }.into());
        item.user = self.0.cloned();
        item
    }
}

fn collect(target: &Target, sink: &mut Sink) {
    let (users, gaps) = target.users();
    for gap in gaps {
        sink.gap(gap);
    }
    let mut seen = BTreeSet::new();
    let mut is_new = |sink: &mut Sink, place: &Path| {
        // A link to a disk that is not mounted is a gap here.
        let there = sink.keep(target.list(place)).flatten().is_some();
        let real = if there { sink.keep(target.resolve(place)).flatten() } else { None };
        real.is_some_and(|real| seen.insert(real))
    };
    for place in OLLAMA.iter().map(Path::new) {
        if is_new(sink, place) {
            ollama::read(target, sink, place, Owner(None));
        }
    }
    for user in users {
        // A home that may not be looked into is one gap, not one for each store in it.
        if sink.keep(target.list(&user.home)).flatten().is_none() {
            continue;
        }
        let owner = Owner(Some(&user.name));
        let (models, cache) = (user.home.join(".ollama/models"), user.home.join(".cache/huggingface/hub"));
        if is_new(sink, &models) {
            ollama::read(target, sink, &models, owner);
        }
        if is_new(sink, &cache) {
            hub::read(target, sink, &cache, owner);
        }
        for (stores, by_publisher) in [(PUBLISHED, true), (LOOSE, false)] {
            for place in stores.iter().map(|store| user.home.join(store)) {
                if is_new(sink, &place) {
                    folders(target, sink, &place, by_publisher, owner);
                }
            }
        }
    }
}

/// Reads a store of files in folders.
fn folders(target: &Target, sink: &mut Sink, place: &Path, by_publisher: bool, owner: Owner<'_>) {
    // A folder of a model, or a file that is one, and the first file with weights of it.
    let mut models: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    let is_model = if by_publisher { is_weights } else { is_loose };
    for file in files(target, sink, place).into_iter().filter(|file| is_model(file)) {
        let within: Vec<_> = file.strip_prefix(place).into_iter().flatten().collect();
        let model = match within.as_slice() {
            [first, ..] if by_publisher && NO_PUBLISHERS.iter().any(|no| first == no) => continue,
            // As the cache of Hugging Face has it, which `ModelScope` writes where a caller names the folder.
            [model, snapshots, _, ..] if by_publisher && *snapshots == "snapshots" => place.join(model),
            [publisher, model, _, ..] if by_publisher => place.join(publisher).join(model),
            _ => file.clone(),
        };
        models.entry(model).or_insert(file);
    }
    for (model, file) in models {
        let says = header(target, sink, &file);
        let mut item = owner.item(Text::default(), &model);
        item.paths = vec![Text::from_path(&model)];
        if model == file {
            let name = says.name.map(|name| Text::from_bytes(&name));
            item.name = name.unwrap_or_else(|| Text::from_bytes(named(&file)));
            item.publisher = says.organization.map(|by| Text::from_bytes(&by));
            item.version = says.version.map(|version| Text::from_bytes(&version));
        } else {
            let (folder, parent) = (last(&model), model.parent().unwrap_or(place));
            let split = folder.raw().split_once("--").filter(|_| parent == place);
            item.publisher = split.map(|(publisher, _)| publisher.into()).or_else(|| Some(last(parent)));
            // Older `ModelScope` puts this for a point.
            item.name = split.map_or(folder.raw(), |(_, name)| name).replace("___", ".").into();
            item.product = says.name.map(|name| Text::from_bytes(&name)).filter(|name| *name != item.name);
        }
        sink.item(item);
    }
}

/// The last part of a path.
fn last(path: &Path) -> Text {
    path.file_name().map(|name| Text::from_bytes(name.as_encoded_bytes())).unwrap_or_default()
}

/// The name of a file, without its ending; of one that every model has, that of its folder.
fn named(file: &Path) -> &[u8] {
    let stem = file.file_stem().unwrap_or_default();
    let parent = file.parent().and_then(Path::file_name).filter(|_| stem == "model");
    parent.unwrap_or(stem).as_encoded_bytes()
}

fn is_weights(file: &Path) -> bool {
    let end = file.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    end.is_some_and(|end| WEIGHTS.iter().any(|weights| end == *weights))
}

/// Among files of all sorts, `.bin` is a model only under the names of llama.cpp's first formats.
fn is_loose(file: &Path) -> bool {
    let of_ggml = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ggml"));
    let own = file.extension().is_some_and(|end| LOOSE_ENDS.iter().any(|own| end.eq_ignore_ascii_case(own)));
    own || (of_ggml && is_weights(file))
}

/// What a file says of itself, if it is a GGUF file.
fn header(target: &Target, sink: &mut Sink, file: &Path) -> Gguf {
    if !file.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf")) {
        return Gguf::default();
    }
    let Some(bytes) = sink.keep(target.read_first(file, HEADER)).flatten() else { return Gguf::default() };
    let damaged = |fault: Fault| {
        let code = match fault {
            _ if bytes.is_empty() => GapCode::Empty,
            Fault::Cut => GapCode::Truncated,
            Fault::Version(_) => GapCode::Unsupported,
            Fault::Magic => GapCode::Damaged,
        };
        Gap::new(
            code,
            Text::from_path(file),
            format!("{fault}, so which model this is, its name alone tells"),
        )
    };
    sink.keep(Gguf::parse(&bytes).map_err(damaged)).unwrap_or_default()
}

/// All files below a folder, and below those that links in it lead to, by the names that they have in it.
fn files(target: &Target, sink: &mut Sink, place: &Path) -> Vec<PathBuf> {
    let there = sink.keep(target.list(place)).flatten().is_some();
    let own = if there { sink.keep(target.resolve(place)).flatten() } else { None };
    let Some(own) = own else { return Vec::new() };
    let (mut files, mut seen) = (Vec::new(), BTreeSet::from([own.clone()]));
    let mut ahead = vec![(own.clone(), place.to_owned())];
    while let Some((start, name)) = ahead.pop() {
        let mut links = Vec::new();
        let mut visit = |met: crate::target::Met<'_>| {
            let Ok(within) = met.path.strip_prefix(&start) else { return };
            let path = name.join(within);
            match met.kind {
                EntryKind::Folder => {}
                EntryKind::Link => links.push(path),
                // Reading a pipe that stands for a file is a gap.
                EntryKind::File | EntryKind::Special => files.push(path),
            }
        };
        for gap in target.walk(&start, &|_| None, &mut visit) {
            sink.gap(gap);
        }
        links.sort();
        for link in links {
            let Some(real) = sink.keep(target.resolve(&link)) else { continue };
            let kind = real.as_ref().map(|real| target.entry(real));
            match (real, kind) {
                (Some(real), Some(Ok(Some(EntryKind::Folder)))) => {
                    // One of the same store is met by its own name, and one above it leads back to it.
                    if !real.starts_with(&own) && !own.starts_with(&real) && seen.insert(real.clone()) {
                        ahead.push((real, link));
                    }
                }
                (Some(_), _) => files.push(link),
                // What it leads to may be on a disk that is not mounted.
                (None, _) => {
                    let reason = "its link leads nowhere within the root";
                    sink.gap(Gap::new(GapCode::Dangling, Text::from_path(&link), reason));
                }
            }
        }
        if seen.len() > MAX_LINKED {
            let reason =
                format!("links in it lead to more than {MAX_LINKED} folders; the rest was not looked at");
            sink.gap(Gap::new(GapCode::TooMany, Text::from_path(place), reason));
            break;
        }
    }
    files.sort();
    files
}
