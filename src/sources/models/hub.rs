//! Models in the cache of Hugging Face: `models--ORGANISATION--NAME` with `refs`, `snapshots` and `blobs`.
//!
//! Format: "Understand caching" (huggingface.co/docs, "Hub Python Library"): `refs/main` holds the revision that was asked
//! for last, a snapshot has a link into `blobs` for each file. Often only a configuration or a tokenizer was fetched,
//! which are files of the model and not the model: it is then present, not installed.

use std::path::Path;

use super::{Owner, files, is_weights};
use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, State};
use crate::sources::Sink;
use crate::target::{EntryKind, Target};
use crate::text::Text;

/// Bytes of a reference, which is one revision.
const MAX_REF: u64 = 4096;

pub(super) fn read(target: &Target, sink: &mut Sink, place: &Path, owner: Owner<'_>) {
    for entry in sink.keep(target.list(place)).flatten().unwrap_or_default() {
        let name = Text::from_bytes(entry.name.as_encoded_bytes());
        let folder = place.join(&entry.name);
        // Data sets and spaces stand beside models.
        let Some(model) = name.raw().strip_prefix("models--") else { continue };
        if entry.kind == EntryKind::File {
            continue;
        }
        // No name on the hub has two dashes in a row.
        let (organisation, short) = model.split_once("--").map_or((None, model), |(o, n)| (Some(o), n));
        let mut item = owner.item(model.replacen("--", "/", 1).into(), &folder);
        item.publisher = organisation.map(Text::from);
        item.version = revision(target, sink, &folder);
        let mut purl =
            format!("pkg:huggingface/{}", organisation.map(|o| format!("{o}/")).unwrap_or_default());
        purl.push_str(short);
        if let Some(revision) = &item.version {
            purl.push('@');
            purl.push_str(revision.raw());
        }
        item.ids.insert(IdKind::Purl, purl.into());
        item.paths = vec![Text::from_path(&folder)];
        let blobs = files(target, sink, &folder.join("blobs"));
        let snapshots = files(target, sink, &folder.join("snapshots"));
        item.state = if snapshots.iter().any(|file| is_weights(file)) {
            State::Installed
        } else if !snapshots.is_empty() || blobs.iter().any(|file| !is_unfinished(file)) {
            State::Present
        } else {
            State::Remnant
        };
        sink.item(item);
    }
}

fn is_unfinished(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "incomplete" || end == "lock")
}

/// The revision of the main branch, or the only one that is there.
fn revision(target: &Target, sink: &mut Sink, folder: &Path) -> Option<Text> {
    let main = folder.join("refs/main");
    if let Some(bytes) = sink.keep(target.read_up_to(&main, MAX_REF)).flatten() {
        let revision = bytes.trim_ascii();
        if !revision.is_empty() && revision.iter().all(u8::is_ascii_alphanumeric) {
            return Some(Text::from_bytes(revision));
        }
        let code = if revision.is_empty() { GapCode::Empty } else { GapCode::Damaged };
        // The model is known by its folder.
        sink.gap(
            Gap::new(code, Text::from_path(&main), "it is no revision, so that of this model is not known")
                .note(),
        );
    }
    let snapshots = sink.keep(target.list(&folder.join("snapshots"))).flatten().unwrap_or_default();
    let mut folders = snapshots.into_iter().filter(|e| e.kind == EntryKind::Folder);
    let only = folders.next().filter(|_| folders.next().is_none())?;
    Some(Text::from_bytes(only.name.as_encoded_bytes()))
}
