//! Ports of `MacPorts`.
//!
//! Format: [`crate::parse::macports`]; guide.macports.org, "`MacPorts` Internals". The registry lies in the prefix, which is
//! `/opt/local` unless `MacPorts` was built for another. Who made the software stands nowhere.

use std::collections::BTreeMap;
use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::item::{Ids, Item, Kind, State};
use crate::parse::macports::{Damage, Registry};
use crate::sources::database::with_log;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::Target;
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "macports",
    about: "ports of MacPorts",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the registry is readable by everyone unless someone changed that",
    blind: "a port whose rows were deleted from the registry, and a prefix elsewhere",
    collect,
};

const REGISTRY: &str = "/opt/local/var/macports/registry/registry.db";

fn collect(target: &Target, sink: &mut Sink) {
    let read = with_log(target, sink, Path::new(REGISTRY), "run `port installed`");
    let Some(bytes) = sink.keep(read).flatten() else { return };
    if bytes.is_empty() {
        let reason = "it is empty, and which ports are installed is unknown";
        return sink.gap(Gap::new(GapCode::Empty, REGISTRY, reason));
    }
    let registry = Registry::read(&bytes);
    for damage in &registry.damage {
        let code = match damage {
            Damage::Cut(..) => GapCode::Truncated,
            Damage::TooMany => GapCode::TooMany,
            Damage::Sqlite(_) | Damage::NoTable | Damage::Nameless(_) => GapCode::Damaged,
        };
        sink.gap(Gap::new(code, REGISTRY, format!("{damage}, so some ports are unknown")));
    }
    let (mut ids, mut by_number) = (Ids::default(), BTreeMap::new());
    for port in registry.ports {
        let mut item = Item::new(Kind::Package, port.name, REGISTRY.into());
        item.id = ids.unique(format!("macports:{}@{}", item.name.raw(), port.version.raw())).into();
        item.version = Some(port.version).filter(|version| !version.is_empty());
        item.state = if port.active { State::Installed } else { State::Present };
        item.ecosystem = Some("macports".into());
        item.scope = Some("machine".into());
        let time = port.installed.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        item.installed = time.map(|time| Text::from(time.to_string()));
        by_number.insert(port.number, item.id.clone());
        sink.item(item);
    }
    if by_number.is_empty() && registry.damage.is_empty() {
        let reason = "MacPorts is there and has nothing in it";
        sink.gap(Gap::new(GapCode::Empty, REGISTRY, reason).note());
    }
    for (number, path) in &registry.files {
        if let Some(id) = by_number.get(number) {
            sink.owns(path, id);
        }
    }
}
