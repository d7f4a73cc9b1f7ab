//! Modules that DKMS builds on the machine for each kernel.
//!
//! Format: dkms(8). `/var/lib/dkms/NAME/VERSION/` has a link `source` to what is built, and what was built for a kernel
//! in `RELEASE/ARCH/module/`. The files are copied from there to the folder of the kernel, so one of the same name there
//! is DKMS's, and with it the package's that brought the source.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::file::{publisher, read as read_module};
use crate::item::{Item, Kind, State};
use crate::parse::modinfo::ModInfo;
use crate::parse::modules;
use crate::sources::Sink;
use crate::target::{EntryKind, Target};
use crate::text::Text;

const FOLDER: &str = "/var/lib/dkms";

/// A version of what DKMS builds.
pub(super) struct Dkms {
    item: Item,
    /// The kernels it was built for and the modules, without the ending of their compression.
    built: BTreeSet<(OsString, Vec<u8>)>,
    /// Whether a kernel's folder has one of them.
    is_installed: bool,
}

/// Reads what DKMS knows of.
pub(super) fn read(target: &Target, sink: &mut Sink) -> Vec<Dkms> {
    let mut all = Vec::new();
    for name in folders(target, sink, Path::new(FOLDER)) {
        for version in folders(target, sink, &name) {
            // What the kernel had before is kept beside the versions.
            if version.file_name().is_some_and(|name| name != "original_module") {
                all.push(Dkms::read(target, sink, &name, &version));
            }
        }
    }
    all
}

impl Dkms {
    fn read(target: &Target, sink: &mut Sink, name: &Path, version: &Path) -> Self {
        let of = |path: &Path| Text::from_bytes(path.file_name().unwrap_or_default().as_encoded_bytes());
        let place = Text::from_path(version);
        let mut item = Item::new(Kind::Driver, of(name), place.clone());
        item.id = format!("dkms:{}/{}", of(name).raw(), of(version).raw()).into();
        item.version = Some(of(version));
        item.scope = Some("machine".into());
        // A package has the folder of the source in its list.
        let source = sink.keep(target.resolve(&version.join("source"))).flatten();
        item.paths = std::iter::once(place).chain(source.as_deref().map(Text::from_path)).collect();

        let (mut built, mut last) = (BTreeSet::new(), Vec::new());
        for kernel in folders(target, sink, version) {
            for arch in folders(target, sink, &kernel) {
                let folder = arch.join("module");
                let mut files = Vec::new();
                for entry in sink.keep(target.list(&folder)).flatten().unwrap_or_default() {
                    if let Some(module) = modules::module(entry.name.as_encoded_bytes()) {
                        built.insert((kernel.file_name().unwrap_or_default().to_owned(), module.to_vec()));
                        files.push(folder.join(&entry.name));
                    }
                }
                last = if files.is_empty() { last } else { files };
            }
        }
        // All kernels have the same source, so one says who made it.
        let infos = last.iter().filter_map(|path| sink.keep(read_module(target, path)).flatten());
        let infos: Vec<ModInfo> = infos.collect();
        item.publisher = publisher(&infos);
        item.product = infos.iter().find_map(|info| info.first("description")).map(Text::from_bytes);
        let is_left = built.is_empty() && source.is_none();
        item.state = if is_left { State::Remnant } else { State::Present };
        Self { item, built, is_installed: false }
    }

    /// Its item; installed, if a kernel has what was built.
    pub(super) fn item(self) -> Item {
        let state = if self.is_installed { State::Installed } else { self.item.state };
        Item { state, ..self.item }
    }
}

/// The id of what DKMS built a kernel's module from; of several versions the newest by name.
pub(super) fn owner(all: &mut [Dkms], release: &OsStr, module: &Path) -> Option<Text> {
    let file = modules::module(module.file_name()?.as_encoded_bytes())?.to_vec();
    let key = (release.to_owned(), file);
    let dkms = all.iter_mut().rev().find(|dkms| dkms.built.contains(&key))?;
    dkms.is_installed = true;
    Some(dkms.item.id.clone())
}

/// The folders in a folder; a link there leads to another of them or to the source.
fn folders(target: &Target, sink: &mut Sink, folder: &Path) -> Vec<PathBuf> {
    let entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
    entries.into_iter().filter(|e| e.kind == EntryKind::Folder).map(|e| folder.join(e.name)).collect()
}
