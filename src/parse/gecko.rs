//! What Firefox and its relatives record of add-ons: `profiles.ini`, `extensions.json` of a profile, and `policies.json`.
//!
//! Format: Mozilla's `toolkit/mozapps/extensions/internal/XPIDatabase.sys.mjs` and `toolkit/profile`, and the policies
//! `ExtensionSettings` and `Extensions` (mozilla.github.io/policy-templates). Add-ons that are part of the browser are
//! recorded beside those of the user, and differ by their location.

use serde_json::Value;

use crate::parse::chromium::{Forced, installing};
use crate::parse::webext::text;

/// What a profile records of one add-on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Addon {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: Option<String>,
    /// Its version.
    pub(crate) version: Option<String>,
    /// Who made it, as it says itself.
    pub(crate) creator: Option<String>,
    /// Its home page.
    pub(crate) homepage: Option<String>,
    /// Whether it is switched on.
    pub(crate) active: Option<bool>,
    /// Which of the places it lies in.
    pub(crate) location: Option<String>,
    /// Its file or folder.
    pub(crate) path: Option<String>,
    /// When it was installed, in milliseconds since 1970.
    pub(crate) installed: Option<i64>,
}

/// Locations of what came with the browser.
const OF_BROWSER: &[&str] =
    &["app-builtin", "app-builtin-addons", "app-system-defaults", "app-system-addons"];
/// How the ids of what Mozilla makes end.
const OF_MOZILLA: &[&str] = &["@mozilla.org", ".mozilla.org", "@mozilla.com", ".mozilla.com"];

impl Addon {
    fn of(value: &Value) -> Option<Self> {
        let own = |key: &str| text(value.get(key));
        let locale = |key: &str| text(value.get("defaultLocale").and_then(|locale| locale.get(key)));
        Some(Self {
            id: own("id")?,
            name: locale("name"),
            version: own("version"),
            creator: locale("creator"),
            homepage: locale("homepageURL"),
            active: value.get("active").and_then(Value::as_bool),
            location: own("location"),
            path: own("path"),
            installed: value.get("installDate").and_then(Value::as_i64),
        })
    }

    /// Whether it is a part of the browser, by its location and its id both.
    pub(crate) fn is_of_browser(&self) -> bool {
        self.location.as_deref().is_some_and(|location| OF_BROWSER.contains(&location))
            && OF_MOZILLA.iter().any(|end| self.id.ends_with(end))
    }
}

/// The add-ons that a profile records, and how many records are none.
///
/// # Errors
/// What is wrong, when it is no such list.
pub(crate) fn addons(extensions: &Value) -> Result<(Vec<Addon>, usize), &'static str> {
    let Some(all) = extensions.get("addons").and_then(Value::as_array) else {
        return Err("it has no list of add-ons");
    };
    let addons: Vec<_> = all.iter().filter_map(Addon::of).collect();
    let damaged = all.len() - addons.len();
    Ok((addons, damaged))
}

/// A profile that `profiles.ini` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Its folder.
    pub(crate) path: Vec<u8>,
    /// Whether that is below the folder of `profiles.ini`.
    pub(crate) is_relative: bool,
}

/// The profiles of a `profiles.ini`; its other sections say which of them is used.
pub(crate) fn profiles(bytes: &[u8]) -> Vec<Profile> {
    let mut profiles: Vec<Profile> = Vec::new();
    let mut is_profile = false;
    for line in bytes.split(|&b| b == b'\n').map(<[u8]>::trim_ascii) {
        if let Some(section) = line.strip_prefix(b"[") {
            is_profile = section.starts_with(b"Profile");
            if is_profile {
                profiles.push(Profile { path: Vec::new(), is_relative: true });
            }
        } else if let Some(profile) = profiles.last_mut().filter(|_| is_profile) {
            if let Some(path) = line.strip_prefix(b"Path=") {
                profile.path = path.trim_ascii().to_vec();
            } else if let Some(flag) = line.strip_prefix(b"IsRelative=") {
                profile.is_relative = flag.trim_ascii() != b"0";
            }
        }
    }
    profiles.retain(|profile| !profile.path.is_empty());
    profiles
}

/// The add-ons that a `policies.json` installs, in order and each once.
///
/// # Errors
/// What is wrong, when it is none.
pub(crate) fn forced(policies: &Value) -> Result<Vec<Forced>, &'static str> {
    let Some(policies) = policies.get("policies").and_then(Value::as_object) else {
        return Err("it has no list of policies");
    };
    let mut all = installing(policies.get("ExtensionSettings"), "install_url")?;
    match policies.get("Extensions").and_then(|extensions| extensions.get("Install")) {
        None => {}
        // Addresses and paths, which say no id.
        Some(Value::Array(list)) => {
            let places = list.iter().filter_map(|place| text(Some(place)));
            all.extend(places.map(|from| Forced { id: None, from: Some(from) }));
        }
        Some(_) => return Err("its `Extensions.Install` is no list"),
    }
    all.sort();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn records_without_an_id_are_counted() {
        let list = json!({"schemaVersion": 37, "addons": [
            {"id": "k@k.example", "version": "1", "active": true, "location": "app-profile", "installDate": 5,
             "defaultLocale": {"name": "K", "creator": "K Lab"}},
            {"version": "1"}, 7,
        ]});
        let (addons, damaged) = addons(&list).unwrap();
        assert_eq!((addons.len(), damaged), (1, 2));
        assert_eq!((addons[0].name.as_deref(), addons[0].creator.as_deref()), (Some("K"), Some("K Lab")));
        assert!(super::addons(&json!({})).is_err() && super::addons(&json!({"addons": {}})).is_err());
    }

    #[test]
    fn what_is_of_the_browser_has_its_location_and_its_makers_id() {
        let of = |id: &str, location: &str| {
            Addon { id: id.into(), location: Some(location.into()), ..Addon::default() }.is_of_browser()
        };
        assert!(
            of("default-theme@mozilla.org", "app-builtin") && of("google@search.mozilla.org", "app-builtin")
        );
        assert!(!of("k@kaspersky.com", "app-builtin") && !of("x@mozilla.org", "app-profile"));
    }

    #[test]
    fn profiles_are_sections_with_a_path() {
        let text = b"[Install4F96D1932A9F858E]\nDefault=x\nPath=no\n\n[Profile1]\r\nName=a\r\nIsRelative=1\r\n\
                     Path=ab.default\r\n[Profile0]\nIsRelative=0\nPath=/srv/p\n[Profile2]\nName=none\n[General]\nPath=no\n";
        let told: Vec<_> = profiles(text).into_iter().map(|p| (p.path, p.is_relative)).collect();
        assert_eq!(told, [(b"ab.default".to_vec(), true), (b"/srv/p".to_vec(), false)]);
    }

    #[test]
    fn a_policy_installs_by_id_or_by_address() {
        let policies = json!({"policies": {
            "ExtensionSettings": {"k@k": {"installation_mode": "force_installed", "install_url": "https://k/k.xpi"},
                                  "no": {"installation_mode": "allowed"}},
            "Extensions": {"Install": ["https://k/l.xpi"], "Uninstall": ["gone"]},
        }});
        let told = forced(&policies).unwrap();
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].id.as_deref(), told[0].from.as_deref()), (None, Some("https://k/l.xpi")));
        assert_eq!(told[1].id.as_deref(), Some("k@k"));
        assert!(forced(&json!({})).is_err());
        assert!(forced(&json!({"policies": {"Extensions": {"Install": "x"}}})).is_err());
    }

    const SAMPLE: &str = r#"{"schemaVersion":37,"addons":[{"id":"k@k","version":"1","active":true,"location":"app-profile",
        "path":"/k.xpi","installDate":1600000000000,"defaultLocale":{"name":"K","creator":"K Lab"}}]}"#;

    proptest::proptest! {
        #[test]
        fn a_changed_sample_ends_without_a_panic(at: proptest::sample::Index, byte in b' '..b'~') {
            let mut sample = SAMPLE.as_bytes().to_vec();
            let at = at.index(sample.len());
            sample[at] = byte;
            if let Ok(value) = serde_json::from_slice(&sample) {
                drop((addons(&value), forced(&value)));
            }
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            profiles(&bytes);
        }

        #[test]
        fn any_lines_end_without_a_panic(text in "(\\[Profile0\\]|Path=|IsRelative=|0|/|a|\n|\r){0,40}") {
            profiles(text.as_bytes());
        }

        #[test]
        fn any_record_ends_without_a_panic(text: String, number: i64) {
            for value in [json!(text), json!(number), json!([text]), json!({text: number})] {
                let record = json!({"id": value, "path": value, "defaultLocale": value, "installDate": value});
                drop(addons(&json!({"addons": [record, value]})));
                drop((addons(&value), forced(&json!({"policies": {"ExtensionSettings": value}}))));
            }
        }
    }
}
