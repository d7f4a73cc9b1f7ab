//! What Windows lists as installed: the uninstall keys of the machine and of every user.
//!
//! Format: "Uninstall Registry Key" (learn.microsoft.com), of which programs of each width have one, so it stands in both
//! views of the registry. The name of a key is an MSI product code, what Inno Setup makes of one (`{…}_is1`), or a word.
//! `WiX` bundles leave `InstallWIX_{…}` beside `{…}`, which are one installation. Anyone may write here: a key that says
//! nothing of itself may be what was left, or all that there is, so it is told as a registry key.

mod location;

use std::collections::BTreeMap;

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Item, Kind, State};
use crate::parse::regf::Value;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::registry::{Key, Profile, Root, find};
use crate::target::{Packages, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "uninstall",
    about: "uninstall keys of Windows",
    expects: &[Packages::Windows],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Application, Kind::Key],
    rights: "an administrator, or else what users who are not logged on installed for themselves is not seen",
    blind: "what was installed without telling Windows, and keys that were removed",
    collect,
};

/// The views of the registry: its own, and those of 32-bit programs on machines of both makes.
pub(super) const VIEWS: &[&str] = &["", "Wow6432Node\\", "WowAA32Node\\"];
/// Where the keys stand in a view.
pub(super) const PLACE: &str = "Microsoft\\Windows\\CurrentVersion\\Uninstall";
/// What `WiX` puts before the product code.
const WIX: &str = "InstallWIX_";
/// What `ReleaseType` says of updates.
const UPDATES: &[&str] =
    &["hotfix", "security update", "service pack", "servicepack", "update", "update rollup"];

fn collect(target: &Target, sink: &mut Sink) {
    let registry = target.registry();
    if let Some(software) = sink.part(registry.open(&Root::Software)) {
        sink.found();
        read(target, sink, &software, "", None);
    }
    for profile in sink.part(registry.users()) {
        if let Some(user) = sink.part(registry.open(&Root::User(profile.clone()))) {
            read(target, sink, &user, "Software\\", Some(&profile));
        }
    }
}

/// The id of the item of a key.
pub(super) fn id(key: &Key) -> Text {
    format!("uninstall:{}", key.path().raw()).into()
}

/// Gives the items of the machine or of a user.
fn read(target: &Target, sink: &mut Sink, root: &Key, below: &str, user: Option<&Profile>) {
    for view in VIEWS {
        let place = format!("{below}{view}{PLACE}");
        let list = match root.key(&place) {
            Ok(Some(list)) => list,
            Ok(None) if user.is_none() && view.is_empty() => {
                let place = format!("{}\\{place}", root.path().raw());
                sink.gap(Gap::new(GapCode::Missing, place, "it is not there, though every Windows has it"));
                continue;
            }
            Ok(None) => continue,
            Err(gap) => {
                sink.gap(gap);
                continue;
            }
        };
        let mut items = BTreeMap::new();
        for key in sink.part(list.keys()) {
            let values = sink.part(key.values());
            let item = item(&key, &list, &values, user.map(|user| &user.name));
            items.insert(key.name().raw().to_uppercase(), item);
        }
        merge(&mut items);
        for item in items.into_values() {
            if let Some(folder) = location::of(target, &item, user) {
                sink.owns_below(&folder, &item.id);
            }
            sink.item(item);
        }
    }
}

/// What a key says.
fn item(key: &Key, list: &Key, values: &[(Text, Value)], user: Option<&Text>) -> Item {
    let text = |name: &str| find(values, name).and_then(Value::text);
    let is_set = |name: &str| find(values, name).and_then(Value::integer).is_some_and(|number| number != 0);
    let code = key.name().raw();
    let code = Text::from(code.strip_prefix(WIX).unwrap_or(code));
    let name = text("DisplayName");
    let says = ["UninstallString", "QuietUninstallString", "Publisher", "InstallLocation", "DisplayIcon"];
    let is_known = name.is_some() || says.into_iter().any(|value| text(value).is_some());
    let kind = if is_known { Kind::Application } else { Kind::Key };
    let mut item = Item::new(kind, name.unwrap_or_else(|| code.clone()), key.path().clone());
    item.id = id(key);
    item.state = if is_known { State::Installed } else { State::Remnant };
    item.version = text("DisplayVersion");
    item.publisher = text("Publisher");
    item.homepage = text("URLInfoAbout");
    item.paths = text("InstallLocation").and_then(|path| folder(&path)).into_iter().collect();
    item.installed = text("InstallDate").and_then(|date| day(&date));
    item.uninstall = text("UninstallString");
    item.quiet_uninstall = text("QuietUninstallString");
    item.scope = Some(if user.is_some() { "user" } else { "machine" }.into());
    item.user = user.cloned();
    item.ids.insert(IdKind::ProductCode, code);
    let parent = text("ParentKeyName");
    let release = text("ReleaseType").map(|release| release.raw().trim().to_lowercase());
    if parent.is_some() || release.is_some_and(|release| UPDATES.contains(&release.as_str())) {
        item.role = Some("update".into());
        item.owner = parent.map(|parent| format!("uninstall:{}\\{}", list.path().raw(), parent.raw()).into());
    } else if is_set("SystemComponent") {
        item.role = Some("component".into());
    }
    item
}

/// Puts the two keys that `WiX` leaves of one installation together, unless they name different things.
fn merge(items: &mut BTreeMap<String, Item>) {
    let prefix = WIX.to_uppercase();
    let twins: Vec<String> = items.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
    for twin in twins {
        let Some(more) = items.remove(&twin) else { continue };
        match items.get_mut(twin.strip_prefix(&prefix).unwrap_or_default()) {
            Some(kept) if is_same(kept, &more) => complete(kept, more),
            _ => {
                items.insert(twin, more);
            }
        }
    }
}

fn is_same(one: &Item, other: &Item) -> bool {
    let agree = |one: &Option<Text>, other: &Option<Text>| one.is_none() || other.is_none() || one == other;
    // A key that says nothing has no name of its own.
    one.kind != other.kind || (one.name == other.name && agree(&one.publisher, &other.publisher))
}

fn complete(item: &mut Item, more: Item) {
    if item.kind == Kind::Key {
        (item.kind, item.state, item.name) = (more.kind, more.state, more.name);
    }
    for (field, value) in [
        (&mut item.version, more.version),
        (&mut item.publisher, more.publisher),
        (&mut item.homepage, more.homepage),
        (&mut item.installed, more.installed),
        (&mut item.uninstall, more.uninstall),
        (&mut item.quiet_uninstall, more.quiet_uninstall),
        (&mut item.owner, more.owner),
    ] {
        *field = field.take().or(value);
    }
    item.paths.extend(more.paths);
    item.paths.sort();
    item.paths.dedup();
    // One of the two is hidden from people, and the other shown.
    item.role = item.role.take().filter(|_| more.role.is_some());
}

/// A folder as it is written elsewhere: without quotes and without a separator at its end.
pub(super) fn folder(path: &Text) -> Option<Text> {
    let bare = path.raw().trim().trim_matches('"').trim_end_matches(['\\', '/']);
    (!bare.is_empty()).then(|| bare.into())
}

/// A day as ISO 8601 writes it; nothing, if it is written in a form that the day and the month cannot be told from.
pub(super) fn day(date: &Text) -> Option<Text> {
    let digits = date.raw().trim();
    let is_date = digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let written = if is_date {
        format!("{}-{}-{}", digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?)
    } else {
        digits.to_owned()
    };
    written.parse::<jiff::civil::Date>().ok().map(|day| day.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_where_they_can_be() {
        let of = |text: &str| day(&text.into()).map(|day| day.raw().to_owned());
        assert_eq!(of("20240131").as_deref(), Some("2024-01-31"));
        assert_eq!(of("2024-01-31").as_deref(), Some("2024-01-31"));
        for other in ["20240132", "01/02/2024", "", "1706659200"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn folders_are_bare() {
        let of = |text: &str| folder(&text.into()).map(|path| path.raw().to_owned());
        assert_eq!(of("\"C:\\Program Files\\K\\\"").as_deref(), Some("C:\\Program Files\\K"));
        assert_eq!(of(" \\ "), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_without_a_panic(text: String) {
            day(&text.as_str().into());
            folder(&text.as_str().into());
        }
    }
}
