//! What the Windows Installer knows: MSI products of the machine and of every user.
//!
//! Format: "Windows Installer" (learn.microsoft.com), whose interface `Win32_Product` repairs each product that it lists
//! and is not used. Products are registered under `Installer\Products`, and what was installed of them, for whom, under
//! `Installer\UserData`. The names of the keys are product codes with their parts turned round. What is registered and not
//! installed is advertised: it will be installed when it is first used.

use std::collections::BTreeMap;

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Item, Kind, State};
use crate::parse::regf::Value;
use crate::sources::{Depth, Needs, Sink, Source, uninstall};
use crate::target::Target;
use crate::target::registry::{Key, Root, find};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "msi",
    about: "products of the Windows Installer",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Application],
    rights: "an administrator, or else what users who are not logged on installed for themselves is not seen",
    blind: "what was not installed with an MSI, and products whose keys were removed",
    collect,
};

/// Where products of all users are registered, and what was installed, below `HKLM\SOFTWARE`.
const OF_MACHINE: &str = "Classes\\Installer";
const INSTALLED: &str = "Microsoft\\Windows\\CurrentVersion\\Installer\\UserData";
const UPGRADES: &str = "Microsoft\\Windows\\CurrentVersion\\Installer\\UpgradeCodes";
/// Where those of a user are, below the user's root.
const OF_USER: &str = "Software\\Microsoft\\Installer";
/// For whom that is installed which is for everyone.
const EVERYONE: &str = "S-1-5-18";

/// The products by the user they are for, none being everyone, and by product code.
type Products = BTreeMap<(Option<Text>, String), Item>;

/// What is collected.
#[derive(Default)]
struct Found {
    products: Products,
    /// Upgrade codes by the product code.
    upgrades: BTreeMap<String, Text>,
}

fn collect(target: &Target, sink: &mut Sink) {
    let registry = target.registry();
    let software = sink.part(registry.open(&Root::Software));
    let mut profiles = sink.part(registry.users());
    let names: BTreeMap<Text, Text> =
        profiles.iter().filter_map(|profile| Some((profile.sid.clone()?, profile.name.clone()))).collect();
    let mut found = Found::default();
    if let Some(software) = &software {
        found.installed(sink, software, &names);
        found.registered(sink, software, OF_MACHINE, None);
        found.upgrades(sink, software, UPGRADES);
        found.belong(None, |code| owner(software, "", code));
    }
    // The system's own account is that of the machine.
    profiles.retain(|profile| profile.sid.as_ref().is_none_or(|sid| sid.raw() != EVERYONE));
    for profile in profiles {
        let name = profile.name.clone();
        if let Some(user) = sink.part(registry.open(&Root::User(profile))) {
            found.registered(sink, &user, OF_USER, Some(&name));
            found.belong(Some(&name), |code| owner(&user, "Software\\", code));
        }
    }
    for ((_, code), mut item) in found.products {
        if let Some(upgrade) = found.upgrades.get(&code) {
            item.ids.insert(IdKind::UpgradeCode, upgrade.clone());
        }
        sink.item(item);
    }
}

impl Found {
    /// Takes what was installed, for everyone and for each user.
    fn installed(&mut self, sink: &mut Sink, software: &Key, names: &BTreeMap<Text, Text>) {
        let Some(data) = sink.keep(software.key(INSTALLED)).flatten() else { return };
        for of in sink.part(data.keys()) {
            let sid = of.name();
            let user = (sid.raw() != EVERYONE).then(|| names.get(sid).unwrap_or(sid).clone());
            let Some(products) = sink.keep(of.key("Products")).flatten() else { continue };
            for product in sink.part(products.keys()) {
                let Some(code) = unpacked(product.name().raw()) else {
                    sink.gap(misnamed(&product));
                    continue;
                };
                let properties = sink.keep(product.key("InstallProperties"));
                let values = properties.as_ref().and_then(Option::as_ref).map(Key::values);
                let values = values.map(|values| sink.part(values)).unwrap_or_default();
                let mut item = item(&product, &code, &values, "DisplayName", user.as_ref());
                // All that an installation has stands in that key, unless it could not be read.
                if matches!(properties, Some(None)) {
                    item.state = State::Remnant;
                }
                self.products.insert((user.clone(), code), item);
            }
        }
    }

    /// Takes what is registered, of which the rest is not installed.
    fn registered(&mut self, sink: &mut Sink, root: &Key, below: &str, user: Option<&Text>) {
        if let Some(products) = sink.keep(root.key(&format!("{below}\\Products"))).flatten() {
            for product in sink.part(products.keys()) {
                let Some(code) = unpacked(product.name().raw()) else {
                    sink.gap(misnamed(&product));
                    continue;
                };
                let values = sink.part(product.values());
                let told = item(&product, &code, &values, "ProductName", user);
                match self.products.get_mut(&(user.cloned(), code.clone())) {
                    None => {
                        self.products.insert((user.cloned(), code), Item { state: State::Present, ..told });
                    }
                    Some(known) => {
                        known.state = State::Installed;
                        if known.name.raw() == code {
                            known.name = told.name;
                        } else if known.name != told.name && told.name.raw() != code {
                            known.product = Some(told.name);
                        }
                        known.version = known.version.take().or(told.version);
                    }
                }
            }
        }
        self.upgrades(sink, root, &format!("{below}\\UpgradeCodes"));
    }

    /// Takes upgrade codes: each is a key whose values are named as the products are.
    fn upgrades(&mut self, sink: &mut Sink, root: &Key, place: &str) {
        let Some(list) = sink.keep(root.key(place)).flatten() else { return };
        for upgrade in sink.part(list.keys()) {
            let Some(code) = unpacked(upgrade.name().raw()) else { continue };
            for (product, _) in sink.part(upgrade.values()) {
                if let Some(product) = unpacked(product.raw()) {
                    self.upgrades.entry(product).or_insert_with(|| code.as_str().into());
                }
            }
        }
    }

    /// Says of the products of one user, or of everyone, which uninstall key is the same product.
    fn belong(&mut self, user: Option<&Text>, owner: impl Fn(&str) -> Option<Text>) {
        for ((of, code), item) in &mut self.products {
            if of.as_ref() == user {
                item.owner = owner(code);
            }
        }
    }
}

fn item(key: &Key, code: &str, values: &[(Text, Value)], name: &str, user: Option<&Text>) -> Item {
    let text = |name: &str| find(values, name).and_then(Value::text);
    let mut item =
        Item::new(Kind::Application, text(name).unwrap_or_else(|| code.into()), key.path().clone());
    item.id = format!("msi:{}", key.path().raw()).into();
    let version = find(values, "Version").and_then(Value::integer).filter(|number| *number > 0);
    let version =
        version.map(|number| format!("{}.{}.{}", number >> 24, number >> 16 & 0xff, number & 0xffff));
    item.version = text("DisplayVersion").or(version.map(Text::from));
    item.publisher = text("Publisher");
    item.homepage = text("URLInfoAbout");
    item.paths = text("InstallLocation").and_then(|path| uninstall::folder(&path)).into_iter().collect();
    item.installed = text("InstallDate").and_then(|date| uninstall::day(&date));
    item.uninstall = text("UninstallString");
    item.scope = Some(if user.is_some() { "user" } else { "machine" }.into());
    item.user = user.cloned();
    item.ids.insert(IdKind::ProductCode, code.into());
    item
}

/// The item of the uninstall key of a product.
fn owner(root: &Key, below: &str, code: &str) -> Option<Text> {
    uninstall::VIEWS.iter().find_map(|view| {
        let place = format!("{below}{view}{}\\{code}", uninstall::PLACE);
        // What cannot be read there is told by that source.
        root.key(&place).ok().flatten().map(|key| uninstall::id(&key))
    })
}

fn misnamed(key: &Key) -> Gap {
    let reason = "its name is no product code, so the Windows Installer does not know it";
    Gap::new(GapCode::Damaged, key.path().clone(), reason).note()
}

/// The product code of which the name of a key is made: the first three parts are written from behind, and of the rest
/// the two digits of each byte.
fn unpacked(name: &str) -> Option<String> {
    if name.len() != 32 || !name.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let turned = |from: usize, to: usize, step: usize| -> Option<String> {
        let part = name.get(from..to)?.as_bytes();
        Some(part.chunks(step).flat_map(|chunk| chunk.iter().rev()).map(|digit| char::from(*digit)).collect())
    };
    let parts =
        [turned(0, 8, 8)?, turned(8, 12, 4)?, turned(12, 16, 4)?, turned(16, 20, 2)?, turned(20, 32, 2)?];
    Some(format!("{{{}}}", parts.join("-")).to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_codes_are_turned_round() {
        // Java 8 Update 161 and the name of its key, as published.
        let code = unpacked("4EA42A62D9304AC4784BF2381208160F");
        assert_eq!(code.as_deref(), Some("{26A24AE4-039D-4CA4-87B4-2F83218061F0}"));
        assert_eq!(unpacked("26A24AE4"), None);
        assert_eq!(unpacked(&"é".repeat(16)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_without_a_panic(text: String) {
            unpacked(&text);
        }

        #[test]
        fn turning_round_twice_is_the_name(name in "[0-9A-F]{32}") {
            let code = unpacked(&name).unwrap();
            let bare: String = code.chars().filter(char::is_ascii_hexdigit).collect();
            let again = unpacked(&bare).unwrap();
            proptest::prop_assert_eq!(again.chars().filter(char::is_ascii_hexdigit).collect::<String>(), name);
        }
    }
}
