//! Kernel modules: those that were added to a kernel, those that it has loaded, and what DKMS builds for it.
//!
//! Formats: modules.dep(5), proc(5), and those of [`crate::parse::modinfo`] and [`crate::parse::modules`]. A kernel
//! comes with thousands of modules, whose list `modules.order` is made when it is built. These are one item, the kernel,
//! unless one is loaded; a file that the list does not name was added later, wherever it stands, and is read. So what
//! is damaged in that list makes more be read and not less. The ending of a file says nothing of its compression.

mod dkms;
mod file;
mod loaded;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use self::dkms::Dkms;
use self::file::Module;
use self::loaded::{Kernel, Loaded};
use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::modules;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target};
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "modules",
    about: "kernel modules",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Driver],
    rights: "none: modules are readable by everyone unless someone changed that",
    blind: "below full depth a module that was put in place of one of the kernel's own under the same name and is not \
            loaded; one that is kept elsewhere and not loaded, in an initramfs among others; who signed one; in a container the loaded \
            modules are those of its host",
    collect,
};

/// Where modules are, each in the folder of its kernel's release; NixOS has those of the kernels it runs and would run.
const FOLDERS: &[&str] = &[
    "/lib/modules",
    "/usr/lib/modules",
    "/run/booted-system/kernel-modules/lib/modules",
    "/run/current-system/kernel-modules/lib/modules",
];
/// Links that lead to what a kernel was built from, where no modules are.
const BUILT_FROM: &[&str] = &["build", "source"];
/// The folder of the modules that come with the kernel.
const OF_KERNEL: &[u8] = b"kernel/";
/// Bytes of a list.
const MAX_LIST: u64 = 64 << 20;
/// Files and folders of one kernel that are looked at.
const MAX_ENTRIES: usize = 200_000;

fn collect(target: &Target, sink: &mut Sink) {
    let kernel = if target.is_live() { loaded::read(target, sink) } else { Kernel::default() };
    gather(target, sink, kernel);
}

fn gather(target: &Target, sink: &mut Sink, mut kernel: Kernel) {
    let mut dkms = dkms::read(target, sink);
    let mut seen = BTreeSet::new();
    for folder in FOLDERS.iter().map(Path::new) {
        let mut entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
        // A folder under its own name, rather than one that a link gives it.
        entries.sort_by_key(|entry| entry.kind == EntryKind::Link);
        for entry in entries {
            let tree = Tree::walk(target, sink, folder.join(&entry.name), entry.kind, &mut seen);
            tree.tell(target, sink, &entry.name, &mut kernel, &mut dkms);
        }
    }
    for loaded in kernel.modules.into_values() {
        sink.item(loaded.alone());
    }
    for dkms in dkms {
        sink.item(dkms.item());
    }
}

/// The modules in the folder of one kernel.
struct Tree {
    folder: PathBuf,
    /// Whether it is a folder that was not looked through before, under another name.
    is_folder: bool,
    /// Whether all of it was seen.
    whole: bool,
    files: Vec<(PathBuf, EntryKind)>,
}

impl Tree {
    /// Looks through a folder; of what stands in a folder's place, a module is taken too.
    fn walk(
        target: &Target,
        sink: &mut Sink,
        folder: PathBuf,
        kind: EntryKind,
        seen: &mut BTreeSet<PathBuf>,
    ) -> Self {
        let mut tree = Self { folder: folder.clone(), is_folder: false, whole: true, files: Vec::new() };
        let (mut ahead, mut count) = (vec![(folder, kind)], 0);
        while let Some((path, kind)) = ahead.pop() {
            count += 1;
            if count > MAX_ENTRIES {
                let reason = format!("more than {MAX_ENTRIES} files and folders; the rest was not looked at");
                sink.gap(Gap::new(GapCode::TooMany, Text::from_path(&tree.folder), reason));
                tree.whole = false;
                break;
            }
            let name = path.file_name().unwrap_or_default();
            if kind == EntryKind::Link && BUILT_FROM.iter().any(|link| name == *link) {
                continue;
            }
            let is_module = modules::module(name.as_encoded_bytes()).is_some();
            match tree.stands(target, sink, &path, kind) {
                Some(EntryKind::Folder) => {
                    let real = tree.keep(sink, target.resolve(&path));
                    if real.is_some_and(|real| seen.insert(real)) {
                        tree.is_folder |= path == tree.folder;
                        let entries = tree.keep(sink, target.list(&path)).unwrap_or_default();
                        ahead.extend(entries.into_iter().rev().map(|e| (path.join(e.name), e.kind)));
                    }
                }
                // The kernel loads nothing from these.
                Some(EntryKind::Special) if is_module || path == tree.folder => {
                    let reason = "a pipe, socket or device, in which no module can be";
                    sink.gap(Gap::new(GapCode::Special, Text::from_path(&path), reason).note());
                }
                Some(EntryKind::File | EntryKind::Link) if is_module => tree.files.push((path, kind)),
                _ => {}
            }
        }
        tree
    }

    /// What stands at a path when its links are followed: a link, if they lead nowhere.
    fn stands(
        &mut self,
        target: &Target,
        sink: &mut Sink,
        path: &Path,
        kind: EntryKind,
    ) -> Option<EntryKind> {
        if kind != EntryKind::Link {
            return Some(kind);
        }
        let leads = target.resolve(path).and_then(|leads| match leads {
            Some(leads) => target.entry(&leads),
            None => Ok(Some(EntryKind::Link)),
        });
        self.keep(sink, leads)
    }

    fn keep<T>(&mut self, sink: &mut Sink, result: Result<Option<T>, Gap>) -> Option<T> {
        self.whole &= result.is_ok();
        sink.keep(result).flatten()
    }

    /// Gives the items of the modules that were added or are loaded, and one for the kernel with all others.
    fn tell(
        mut self,
        target: &Target,
        sink: &mut Sink,
        release: &OsStr,
        kernel: &mut Kernel,
        dkms: &mut [Dkms],
    ) {
        let (mut own, mut dep) = (BTreeSet::new(), BTreeSet::new());
        if self.is_folder {
            // What is not read of this list makes no module unknown.
            let order = self.list(target, "modules.order", modules::order);
            let (order, gap) = order.unwrap_or_else(|gap| (BTreeSet::new(), Some(gap)));
            if let Some(gap) = gap {
                sink.gap(gap.note());
            }
            own = order.into_iter().filter(|path| path.starts_with(OF_KERNEL)).collect();
            let list = self.list(target, "modules.dep", modules::dep);
            let gap;
            (dep, gap) = sink.keep(list).unwrap_or_default();
            if let Some(gap) = gap {
                sink.gap(gap);
            }
        }
        let runs = kernel.release.as_deref() == Some(release.as_encoded_bytes());
        if !own.is_empty() {
            sink.item(self.kernel(release, runs));
        }
        let mut found: Vec<Module> = Vec::new();
        for (path, kind) in std::mem::take(&mut self.files) {
            let within = path.strip_prefix(&self.folder).unwrap_or(&path).as_os_str().as_encoded_bytes();
            let within = modules::module(within).unwrap_or_default().to_vec();
            let name = modules::name(path.as_os_str().as_encoded_bytes());
            let is_foreign = runs && kernel.modules.get(&name).is_some_and(Loaded::is_foreign);
            let is_own = own.contains(&within) && kind == EntryKind::File;
            let is_known = dep.remove(&within);
            let mut module = Module { path, name, is_own, is_known, ..Module::default() };
            if !is_own || is_foreign || sink.depth() == Depth::Full {
                module.read(target, sink, kind);
            }
            found.push(module);
        }
        if runs {
            kernel.run(&mut found);
        }
        for module in found.iter().filter(|module| !module.is_own || module.loaded.is_some()) {
            let mut item = module.item();
            if !module.is_own {
                item.owner = dkms::owner(dkms, release, &module.path);
            }
            sink.item(item);
        }
        if self.whole {
            self.missing(sink, &dep, &own);
        }
    }

    /// The modules in a list, and the gap of what of it could not be read.
    fn list(
        &self,
        target: &Target,
        name: &str,
        parse: fn(&[u8]) -> modules::Lines<&[u8]>,
    ) -> Result<(BTreeSet<Vec<u8>>, Option<Gap>), Gap> {
        let path = self.folder.join(name);
        let bytes = target.read_up_to(&path, MAX_LIST)?.unwrap_or_default();
        let (modules, damaged) = parse(&bytes);
        let gap = damaged.map(|line| {
            let code = if bytes.ends_with(b"\n") { GapCode::Damaged } else { GapCode::Truncated };
            let reason = format!("line {line} names no module; run depmod, or install the kernel again");
            Gap::new(code, Text::from_path(&path), reason)
        });
        // Old versions of depmod wrote whole paths.
        let whole =
            [b"/lib/modules/", self.folder.file_name().unwrap_or_default().as_encoded_bytes(), b"/"].concat();
        let within = |path: &[u8]| path.strip_prefix(whole.as_slice()).unwrap_or(path).to_vec();
        Ok((modules.into_iter().map(within).collect(), gap))
    }

    /// The item of a kernel with the modules that came with it.
    fn kernel(&self, release: &OsStr, runs: bool) -> Item {
        let list = Text::from_path(&self.folder.join("modules.order"));
        let mut item = Item::new(Kind::Driver, "linux".into(), list.clone());
        item.id = format!("kernel:{}", Text::from_path(&self.folder).raw()).into();
        item.version = Some(Text::from_bytes(release.as_encoded_bytes()));
        item.product = Some("Linux kernel with the modules it came with".into());
        // The folder may belong to whoever added a module; the list is the kernel's.
        item.paths = vec![list];
        item.state = if runs { State::Running } else { State::Installed };
        item.scope = Some("machine".into());
        item
    }

    /// Tells of modules that can be loaded by name, and whose files are gone.
    fn missing(&self, sink: &mut Sink, gone: &BTreeSet<Vec<u8>>, own: &BTreeSet<Vec<u8>>) {
        let list = Text::from_path(&self.folder.join("modules.dep"));
        let (of_kernel, added): (Vec<_>, Vec<_>) = gone.iter().partition(|path| own.contains(*path));
        for path in added {
            let path = self.folder.join(bytes_to_path(path));
            let name = modules::name(path.as_os_str().as_encoded_bytes());
            let module = Module { path, name, is_gone: true, ..Module::default() };
            sink.item(Item { place: list.clone(), ..module.item() });
        }
        if !of_kernel.is_empty() {
            let reason =
                format!("{} of the kernel's own modules in this list are not there", of_kernel.len());
            sink.gap(Gap::new(GapCode::Missing, list, reason).note());
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
