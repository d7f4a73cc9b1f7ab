//! What Chromium and its derivatives record of extensions: in the preferences of a profile, in the list of profiles, and
//! in the policies of an administrator.
//!
//! Format: Chromium's `extensions/browser/extension_prefs.cc`, `extensions/common/manifest.mojom` (locations),
//! `chrome/browser/profiles/profile_attributes_storage.cc`, and the policies `ExtensionInstallForcelist` and
//! `ExtensionSettings` (chromeenterprise.google/policies). A record need not be an installation: what the user said of an
//! extension is kept when it is gone, so only one with a path and a location is.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::parse::webext::{Manifest, text};

/// Seconds from 1601, where Chromium's clock begins, to 1970.
const EPOCH: i64 = 11_644_473_600;

/// What a profile records of one extension.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Setting {
    /// Where its folder is: below `Extensions`, or an absolute path.
    pub(crate) path: Option<String>,
    /// Where it came from.
    pub(crate) location: Option<i64>,
    /// Whether it is switched on.
    pub(crate) enabled: bool,
    /// Whether the user removed what an administrator provides.
    pub(crate) removed: bool,
    /// When it was installed, in seconds since 1970.
    pub(crate) installed: Option<i64>,
    /// What is kept of its manifest.
    pub(crate) manifest: Manifest,
}

impl Setting {
    fn of(value: &Value) -> Self {
        let time = ["first_install_time", "install_time", "last_update_time"].into_iter();
        let micros = time.filter_map(|key| value.get(key)?.as_str()?.parse::<i64>().ok()).find(|t| *t > 0);
        let state = value.get("state").and_then(Value::as_i64);
        // A number of flags, or a list of reasons in newer versions.
        let disabled = match value.get("disable_reasons") {
            Some(Value::Array(reasons)) => !reasons.is_empty(),
            reasons => reasons.and_then(Value::as_i64).is_some_and(|flags| flags != 0),
        };
        Self {
            path: text(value.get("path")),
            location: value.get("location").and_then(Value::as_i64),
            enabled: state != Some(0) && !disabled,
            removed: state == Some(2),
            installed: micros.map(|micros| micros / 1_000_000 - EPOCH),
            manifest: value.get("manifest").map(Manifest::partly).unwrap_or_default(),
        }
    }

    /// Whether it is an installation.
    pub(crate) fn is_installed(&self) -> bool {
        self.path.is_some() && self.location.is_some() && !self.removed
    }

    /// Whether it is a part of the browser (`COMPONENT`, `EXTERNAL_COMPONENT`).
    pub(crate) fn is_of_browser(&self) -> bool {
        matches!(self.location, Some(5 | 10))
    }

    /// Whether it runs from where a developer works on it (`UNPACKED`, `COMMAND_LINE`).
    pub(crate) fn is_unpacked(&self) -> bool {
        matches!(self.location, Some(4 | 8))
    }
}

/// What preferences record, by id; nothing, if extensions stand in another file.
///
/// # Errors
/// What is wrong, when they are no preferences.
pub(crate) fn settings(preferences: &Value) -> Result<Option<BTreeMap<String, Setting>>, &'static str> {
    let Some(all) = preferences.as_object() else { return Err("it is no list of preferences") };
    let Some(extensions) = all.get("extensions") else { return Ok(None) };
    let Some(extensions) = extensions.as_object() else { return Err("its `extensions` are no list") };
    let Some(settings) = extensions.get("settings") else { return Ok(None) };
    let Some(settings) = settings.as_object() else { return Err("its `extensions.settings` are no list") };
    if settings.values().any(|value| !value.is_object()) {
        return Err("what it records of an extension is no list");
    }
    Ok(Some(settings.iter().map(|(id, value)| (id.clone(), Setting::of(value))).collect()))
}

/// The folders of the profiles that `Local State` knows.
///
/// # Errors
/// What is wrong, when it is none.
pub(crate) fn profiles(local_state: &Value) -> Result<Vec<String>, &'static str> {
    let Some(all) = local_state.as_object() else { return Err("it is no list of preferences") };
    let Some(cache) = all.get("profile").and_then(|profile| profile.get("info_cache")) else {
        return Ok(Vec::new());
    };
    let Some(cache) = cache.as_object() else { return Err("its `profile.info_cache` is no list") };
    Ok(cache.keys().cloned().collect())
}

/// An extension that a policy installs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Forced {
    /// Its id.
    pub(crate) id: Option<String>,
    /// Where the browser gets it.
    pub(crate) from: Option<String>,
}

/// The extensions that a policy installs, in order and each once.
///
/// # Errors
/// What is wrong, when it is no policy.
pub(crate) fn forced(policy: &Value) -> Result<Vec<Forced>, &'static str> {
    let Some(policy) = policy.as_object() else { return Err("it is no list of policies") };
    let mut all = Vec::new();
    match policy.get("ExtensionInstallForcelist") {
        None => {}
        Some(Value::Array(list)) => {
            for entry in list.iter().filter_map(Value::as_str) {
                let (id, from) = entry.split_once(';').unwrap_or((entry, ""));
                let from = Some(from.trim()).filter(|from| !from.is_empty());
                all.push(Forced { id: Some(id.trim().to_owned()), from: from.map(str::to_owned) });
            }
        }
        Some(_) => return Err("its `ExtensionInstallForcelist` is no list"),
    }
    all.extend(installing(policy.get("ExtensionSettings"), "update_url")?);
    all.sort();
    all.dedup_by(|a, b| a.id == b.id);
    Ok(all)
}

/// What `ExtensionSettings` installs; the policy has the same form in Chromium and in Firefox but for this key.
pub(super) fn installing(settings: Option<&Value>, from: &str) -> Result<Vec<Forced>, &'static str> {
    let settings = match settings {
        None => return Ok(Vec::new()),
        Some(Value::Object(settings)) => settings,
        Some(_) => return Err("its `ExtensionSettings` are no list"),
    };
    let is_installed = |value: &Value| {
        matches!(
            text(value.get("installation_mode")).as_deref(),
            Some("force_installed" | "normal_installed")
        )
    };
    let entries = settings.iter().filter(|(_, value)| is_installed(value));
    // Chromium lets several ids share what is said of them.
    let ids = entries.flat_map(|(ids, value)| ids.split(',').map(move |id| (id.trim().to_owned(), value)));
    Ok(ids.map(|(id, value)| Forced { id: Some(id), from: text(value.get(from)) }).collect())
}

/// A file of the name of an id that provides an extension to all users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct External {
    /// The package on this machine.
    pub(crate) package: Option<String>,
    /// Its version.
    pub(crate) version: Option<String>,
    /// Where the browser gets it otherwise.
    pub(crate) from: Option<String>,
}

impl External {
    /// Takes what a file says; nothing, if it provides none.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let text = |key: &str| text(value.get(key));
        let external = Self {
            package: text("external_crx"),
            version: text("external_version"),
            from: text("external_update_url"),
        };
        (external.package.is_some() || external.from.is_some()).then_some(external)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn setting(value: &Value) -> Setting {
        settings(&json!({"extensions": {"settings": {"k": value}}})).unwrap().unwrap().remove("k").unwrap()
    }

    #[test]
    fn an_installation_has_a_path_and_a_location() {
        let old = setting(
            &json!({"path": "k/1_0", "location": 1, "state": 1, "install_time": "13253759999000000"}),
        );
        assert!(old.is_installed() && old.enabled && !old.is_unpacked());
        assert_eq!(old.installed, Some(1_609_286_399));
        assert!(!setting(&json!({"state": 1})).is_installed());
        assert!(!setting(&json!({"path": "k/1", "location": 2, "state": 2})).is_installed());
        assert!(setting(&json!({"path": "/k", "location": 4})).is_unpacked());
        assert!(setting(&json!({"path": "/k", "location": 5})).is_of_browser());
    }

    #[test]
    fn what_is_switched_off_says_so_in_one_of_three_ways() {
        for off in [json!({"state": 0}), json!({"disable_reasons": 1}), json!({"disable_reasons": [1, 8192]})]
        {
            assert!(!setting(&off).enabled, "{off}");
        }
        for on in [json!({}), json!({"state": 1, "disable_reasons": 0}), json!({"disable_reasons": []})] {
            assert!(setting(&on).enabled, "{on}");
        }
    }

    #[test]
    fn preferences_of_another_form_are_damage() {
        assert_eq!(settings(&json!({"extensions": {"alerts": {}}})), Ok(None));
        for other in [json!([]), json!({"extensions": []}), json!({"extensions": {"settings": 1}})] {
            assert!(settings(&other).is_err(), "{other}");
        }
        assert!(settings(&json!({"extensions": {"settings": {"k": 1}}})).is_err());
        assert_eq!(
            profiles(&json!({"profile": {"info_cache": {"Default": {}}}})),
            Ok(vec!["Default".into()])
        );
        assert_eq!(profiles(&json!({})), Ok(vec![]));
        assert!(profiles(&json!(1)).is_err() && profiles(&json!({"profile": {"info_cache": []}})).is_err());
    }

    #[test]
    fn a_policy_installs_by_either_list() {
        let policy = json!({
            "ExtensionInstallForcelist": ["b;https://k/crx", "a"],
            "ExtensionSettings": {
                "*": {"installation_mode": "blocked"},
                "b": {"installation_mode": "force_installed"},
                "c,d": {"installation_mode": "normal_installed", "update_url": "https://k"},
            },
        });
        let told = forced(&policy).unwrap().into_iter().map(|f| (f.id.unwrap(), f.from)).collect::<Vec<_>>();
        assert_eq!(told.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(told[2].1.as_deref(), Some("https://k"));
        assert!(forced(&json!({"ExtensionInstallForcelist": {}})).is_err());
        assert!(forced(&json!({"ExtensionSettings": []})).is_err() && forced(&json!("")).is_err());
    }

    const SAMPLE: &str = r#"{"extensions":{"settings":{"k":{"path":"k/1_0","location":1,"state":1,"disable_reasons":[1],
        "install_time":"13253759999000000","manifest":{"name":"K","version":"1"}}}},"profile":{"info_cache":{"Default":{}}}}"#;

    proptest::proptest! {
        #[test]
        fn a_changed_sample_ends_without_a_panic(at: proptest::sample::Index, byte in b' '..b'~') {
            let mut sample = SAMPLE.as_bytes().to_vec();
            let at = at.index(sample.len());
            sample[at] = byte;
            if let Ok(value) = serde_json::from_slice(&sample) {
                drop((settings(&value), profiles(&value), forced(&value)));
            }
        }

        #[test]
        fn any_record_ends_without_a_panic(time: i64, number: i64, text: String) {
            for value in [json!(time.to_string()), json!(number), json!(text), json!([number]), json!({text: number})] {
                setting(&json!({"path": value, "location": value, "state": value, "disable_reasons": value,
                    "install_time": value, "manifest": value}));
                drop((settings(&value), profiles(&value), External::of(&value)));
                drop(forced(&json!({"ExtensionInstallForcelist": [value], "ExtensionSettings": {"a": value}})));
            }
        }
    }
}
