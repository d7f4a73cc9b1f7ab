//! One module: its file, and what it says of itself.

use std::path::{Path, PathBuf};

use super::loaded::Loaded;
use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::compressed::{Broken, expand};
use crate::parse::modinfo::{Damage, ModInfo};
use crate::sources::Sink;
use crate::target::{EntryKind, Target};
use crate::text::Text;

/// Bytes of a module, compressed and not; the largest drivers of graphics cards have about a hundred million.
const MAX_BYTES: u64 = 256 << 20;

/// A module in the folder of a kernel.
#[derive(Default)]
pub(super) struct Module {
    pub(super) path: PathBuf,
    /// Where its link leads.
    pub(super) leads: Option<PathBuf>,
    /// Its name to the kernel.
    pub(super) name: Vec<u8>,
    /// Whether it came with the kernel.
    pub(super) is_own: bool,
    /// Whether it can be loaded by its name.
    pub(super) is_known: bool,
    /// Whether only its name is left.
    pub(super) is_gone: bool,
    pub(super) info: Option<ModInfo>,
    pub(super) loaded: Option<Loaded>,
}

impl Module {
    /// Reads its file.
    pub(super) fn read(&mut self, target: &Target, sink: &mut Sink, kind: EntryKind) {
        if kind == EntryKind::Link {
            // A failure to resolve it is met again in reading.
            let leads = target.resolve(&self.path);
            if matches!(leads, Ok(None)) {
                self.is_gone = true;
                let reason = "its link leads to no module within the root";
                sink.gap(Gap::new(GapCode::Dangling, Text::from_path(&self.path), reason).note());
                return;
            }
            self.leads = leads.ok().flatten();
        }
        self.info = sink.keep(read(target, &self.path)).flatten();
        // Whoever wrote a module of the kernel, it is the kernel's; what says that it is none was put in its place.
        self.is_own &= self.info.as_ref().is_some_and(|info| info.first("intree") == Some(b"Y"));
        if let Some(name) = self.info.as_ref().and_then(|info| info.first("name")) {
            self.name = name.to_vec();
        }
    }

    pub(super) fn item(&self) -> Item {
        let place = Text::from_path(&self.path);
        let mut item = Item::new(Kind::Driver, Text::from_bytes(&self.name), place.clone());
        item.id = format!("module:{}", place.raw()).into();
        item.paths = std::iter::once(place).chain(self.leads.as_deref().map(Text::from_path)).collect();
        item.scope = Some("machine".into());
        item.state = match &self.loaded {
            Some(_) => State::Running,
            None if self.is_gone => State::Remnant,
            None if self.is_known => State::Installed,
            None => State::Present,
        };
        if let Some(info) = &self.info {
            item.version = info.first("version").map(Text::from_bytes);
            item.product = info.first("description").map(Text::from_bytes);
            item.publisher = if self.is_own { None } else { publisher([info]) };
        }
        if let Some(loaded) = &self.loaded {
            item.version = item.version.or(loaded.version.clone());
        }
        item
    }
}

/// What the module in a file says of itself; nothing, if the file is gone by now.
pub(super) fn read(target: &Target, path: &Path) -> Result<Option<ModInfo>, Gap> {
    let Some(bytes) = target.read_up_to(path, MAX_BYTES)? else { return Ok(None) };
    let gap = |code, what: &str| {
        let reason = format!("{what}, so who made it is unknown; see what put it there");
        Gap::new(code, Text::from_path(path), reason)
    };
    if bytes.is_empty() {
        return Err(gap(GapCode::Empty, "it is empty"));
    }
    let bytes = expand(bytes, MAX_BYTES).map_err(|broken| match broken {
        Broken::Cut => gap(GapCode::Truncated, "it ends too early"),
        Broken::Large => {
            gap(GapCode::TooLarge, &format!("uncompressed it is larger than the bound of {MAX_BYTES} bytes"))
        }
        Broken::Damaged(what) => gap(GapCode::Damaged, &format!("it cannot be uncompressed: {what}")),
    })?;
    ModInfo::parse(&bytes).map(Some).map_err(|damage| match damage {
        Damage::NotElf => gap(GapCode::Damaged, "it is no whole ELF object"),
        Damage::Silent => gap(GapCode::Damaged, "it says nothing of itself"),
    })
}

/// Who made modules, as they say. An address marks a person, who is named where no company is.
pub(super) fn publisher<'a>(infos: impl IntoIterator<Item = &'a ModInfo>) -> Option<Text> {
    let mut authors: Vec<&[u8]> = Vec::new();
    for author in infos.into_iter().flat_map(|info| info.all("author")).map(<[u8]>::trim_ascii) {
        if !author.is_empty() && !authors.contains(&author) {
            authors.push(author);
        }
    }
    let (people, companies): (Vec<_>, Vec<_>) =
        authors.into_iter().partition(|author| author.contains(&b'@'));
    let named = if companies.is_empty() { people } else { companies };
    (!named.is_empty()).then(|| Text::from_bytes(&named.join(&b", "[..])))
}
