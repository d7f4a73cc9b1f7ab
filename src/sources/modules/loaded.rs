//! What the running kernel has loaded.
//!
//! Formats: `/proc/modules` (proc(5)) and `/sys/module/` (the kernel's `Documentation/ABI/stable/sysfs-module`), where
//! a module that was loaded, and not built in, has a file `initstate`. It is a second witness.

use std::collections::BTreeMap;
use std::path::Path;

use super::file::Module;
use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::modinfo::ModInfo;
use crate::parse::modules;
use crate::sources::Sink;
use crate::target::{Family, Target};
use crate::text::Text;

const LOADED: &str = "/proc/modules";
const RELEASE: &str = "/proc/sys/kernel/osrelease";
/// There if, and only if, a kernel can load modules.
const CAN_LOAD: &str = "/proc/sys/kernel/modules_disabled";
const MODULES: &str = "/sys/module";
/// Bytes of what the kernel lists.
const MAX_BYTES: u64 = 16 << 20;

/// The running kernel.
#[derive(Default)]
pub(super) struct Kernel {
    /// Its release, after which the folder of its modules is named.
    pub(super) release: Option<Vec<u8>>,
    /// Its modules by name, those whose file was found taken out.
    pub(super) modules: BTreeMap<Vec<u8>, Loaded>,
}

/// A module that the kernel has loaded.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) place: Text,
    pub(super) name: Text,
    pub(super) taints: Vec<u8>,
    pub(super) version: Option<Text>,
    /// A digest of what it was built from (modinfo(8)).
    pub(super) built_from: Option<Vec<u8>>,
}

/// Asks the kernel of a live machine.
pub(super) fn read(target: &Target, sink: &mut Sink) -> Kernel {
    let mut kernel = Kernel::default();
    if matches!(target.os().family, Family::Windows | Family::MacOs) {
        return kernel;
    }
    let line =
        |path: &Path| target.read_up_to(path, MAX_BYTES).ok().flatten().map(|b| b.trim_ascii().to_vec());
    kernel.release = line(Path::new(RELEASE));
    let place = Text::from(LOADED);
    match sink.keep(target.read_up_to(Path::new(LOADED), MAX_BYTES)) {
        Some(Some(bytes)) => {
            let (loaded, damaged) = modules::loaded(&bytes);
            for module in loaded {
                let taints = module.taints.to_vec();
                let entry = Loaded { place: place.clone(), taints, ..Loaded::default() };
                kernel.modules.insert(module.name.to_vec(), entry);
            }
            if let Some(line) = damaged {
                let reason = format!("line {line} names no loaded module");
                sink.gap(Gap::new(GapCode::Damaged, place, reason));
            }
        }
        Some(None) if matches!(target.entry(Path::new(CAN_LOAD)), Ok(None)) && kernel.release.is_some() => {
            let reason = "it is not there: this kernel has no modules that could be loaded";
            sink.gap(Gap::new(GapCode::Missing, place, reason).note());
        }
        Some(None) => {
            let reason = "it is not there, so what the kernel has loaded is unknown; mount /proc in full";
            sink.gap(Gap::new(GapCode::Missing, place, reason));
        }
        None => {}
    }
    // What is not listed here is listed above, so only what is found counts.
    for entry in target.list(Path::new(MODULES)).ok().flatten().unwrap_or_default() {
        let folder = Path::new(MODULES).join(&entry.name);
        if matches!(target.entry(&folder.join("initstate")), Ok(Some(_))) {
            let loaded = kernel.modules.entry(entry.name.as_encoded_bytes().to_vec()).or_insert_with(|| {
                let taints = line(&folder.join("taint")).unwrap_or_default();
                Loaded { place: Text::from_path(&folder), taints, ..Loaded::default() }
            });
            loaded.version = line(&folder.join("version")).as_deref().map(Text::from_bytes);
            loaded.built_from = line(&folder.join("srcversion"));
        }
    }
    for (name, loaded) in &mut kernel.modules {
        loaded.name = Text::from_bytes(name);
    }
    kernel
}

impl Kernel {
    /// Gives each loaded module to the file it was loaded from: of several of one name the one that can be loaded by it.
    pub(super) fn run(&mut self, found: &mut [Module]) {
        for known in [true, false] {
            for module in found.iter_mut().filter(|m| m.is_known == known && !m.is_gone) {
                let is_it = self.modules.get(&module.name).is_some_and(|l| l.can_be(module.info.as_ref()));
                module.loaded = if is_it { self.modules.remove(&module.name) } else { None };
            }
        }
    }
}

impl Loaded {
    /// Whether the kernel says that it did not come with it: built outside of it, not signed, not under its licence, or
    /// loaded by force.
    pub(super) fn is_foreign(&self) -> bool {
        self.taints.iter().any(|taint| b"OEPF".contains(taint))
    }

    fn can_be(&self, file: Option<&ModInfo>) -> bool {
        let of_file = file.and_then(|info| info.first("srcversion"));
        self.built_from.is_none() || of_file.is_none() || self.built_from.as_deref() == of_file
    }

    /// The item of a module whose file was not found.
    pub(super) fn alone(self) -> Item {
        let mut item = Item::new(Kind::Driver, self.name.clone(), self.place);
        item.id = format!("module:{}", self.name.raw()).into();
        item.version = self.version;
        item.state = State::Running;
        item.scope = Some("machine".into());
        item
    }
}
