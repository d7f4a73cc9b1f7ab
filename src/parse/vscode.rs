//! What Visual Studio Code writes of its extensions: the list `extensions.json`, and the manifest in each folder.
//!
//! Format: the list as the editor's own profile scanner writes it (github.com/microsoft/vscode,
//! `extensionsProfileScannerService.ts`), and "Extension Manifest" (code.visualstudio.com/api). A text of a manifest may
//! be `%key%`, which stands for one in `package.nls.json`. A folder is named `publisher.name-version`, with a platform
//! behind it where the extension was built for one.

use serde_json::Value;

/// One extension of the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// `publisher.name`.
    pub id: String,
    /// Its version.
    pub version: Option<String>,
    /// Where its folder may be, likeliest first; paths that do not begin with `/` are from the list's own folder.
    pub places: Vec<String>,
    /// The publisher's name for people.
    pub publisher: Option<String>,
    /// When it was installed, in milliseconds since 1970.
    pub installed: Option<i64>,
}

/// The extensions of a list, and how many of its entries name none; nothing, if it is no list.
#[must_use]
pub fn records(list: &Value) -> Option<(Vec<Record>, usize)> {
    let entries = list.as_array()?;
    let records: Vec<_> = entries.iter().filter_map(record).collect();
    let strange = entries.len() - records.len();
    Some((records, strange))
}

fn record(entry: &Value) -> Option<Record> {
    let location = entry.get("location");
    let path = location.and_then(|l| text(l, "path").or_else(|| text(l, "fsPath")));
    // A list that was moved with its folders still names the old place.
    let last = path.as_deref().and_then(|p| p.rsplit(['/', '\\']).find(|part| !part.is_empty()));
    let beside = last.map(str::to_owned);
    // A path of Windows is `/c:/…` here, and none elsewhere.
    let path = path.filter(|p| p.starts_with('/') && p.get(2..3) != Some(":"));
    let metadata = entry.get("metadata");
    Some(Record {
        id: text(entry.get("identifier")?, "id")?,
        version: text(entry, "version"),
        places: text(entry, "relativeLocation").into_iter().chain(path).chain(beside).collect(),
        publisher: metadata.and_then(|m| text(m, "publisherDisplayName")),
        installed: metadata.and_then(|m| m.get("installedTimestamp")?.as_i64()),
    })
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// `publisher.name`, if it has both.
    pub id: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its name for people, or the `%key%` of it.
    pub name: Option<String>,
    /// Its home page.
    pub homepage: Option<String>,
}

impl Manifest {
    /// Takes what is needed of a manifest.
    #[must_use]
    pub fn of(manifest: &Value) -> Self {
        let id = text(manifest, "publisher").zip(text(manifest, "name"));
        Self {
            id: id.map(|(publisher, name)| format!("{publisher}.{name}")),
            version: text(manifest, "version"),
            name: text(manifest, "displayName"),
            homepage: text(manifest, "homepage"),
        }
    }
}

/// The key, if a text is `%key%`.
#[must_use]
pub fn key(text: &str) -> Option<&str> {
    text.strip_prefix('%')?.strip_suffix('%').filter(|key| !key.is_empty())
}

/// A text of `package.nls.json`, which is there by itself or with a comment beside it.
#[must_use]
pub fn localised(texts: &Value, key: &str) -> Option<String> {
    text(texts, key).or_else(|| text(texts.get(key)?, "message"))
}

/// The id and the version that the name of a folder tells.
#[must_use]
pub fn folder(name: &str) -> Option<(&str, &str)> {
    let (at, version) = name.match_indices('-').rev().find_map(|(at, _)| {
        let rest = name.get(at + 1..)?;
        let version = rest.split('-').next()?;
        let numbers = version.split('.').filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        (numbers.count() == 3 && version.split('.').count() == 3).then_some((at, version))
    })?;
    let id = name.get(..at)?;
    let (publisher, own) = id.split_once('.')?;
    (!publisher.is_empty() && !own.is_empty()).then_some((id, version))
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_names_extensions_and_where_they_are() {
        let list = json!([
            {"identifier": {"id": "a.b", "uuid": "u"}, "version": "1.2.3", "relativeLocation": "a.b-1.2.3",
             "location": {"$mid": 1, "path": "/home/u/.vscode/extensions/a.b-1.2.3", "scheme": "file"},
             "metadata": {"publisherDisplayName": "A Inc.", "installedTimestamp": 1_741_171_252_441_i64}},
            {"identifier": {"id": "c.d"}, "version": "1.0.0",
             "location": {"fsPath": "c:\\Users\\u\\c.d-1.0.0", "path": "/c:/Users/u/c.d-1.0.0"}},
            {"identifier": {}},
            7
        ]);
        let (found, strange) = records(&list).unwrap();
        let first = Record {
            id: "a.b".into(),
            version: Some("1.2.3".into()),
            places: ["a.b-1.2.3", "/home/u/.vscode/extensions/a.b-1.2.3", "a.b-1.2.3"]
                .map(String::from)
                .into(),
            publisher: Some("A Inc.".into()),
            installed: Some(1_741_171_252_441),
        };
        assert_eq!((&found[0], strange), (&first, 2));
        assert_eq!((found[1].places.as_slice(), found.len()), (&["c.d-1.0.0".to_owned()][..], 2));
        assert_eq!(records(&json!({"something": "else"})), None);
    }

    #[test]
    fn a_manifest_says_what_it_is_of() {
        let manifest = json!({"name": "b", "publisher": "A", "version": "1.0.0", "displayName": "%name%"});
        let manifest = Manifest::of(&manifest);
        assert_eq!((manifest.id.as_deref(), manifest.name.as_deref()), (Some("A.b"), Some("%name%")));
        assert_eq!(Manifest::of(&json!([])), Manifest::default());
        assert_eq!((key("%name%"), key("100%"), key("%%")), (Some("name"), None, None));
        let texts = json!({"plain": "P", "told": {"message": "T", "comment": []}, "bad": 7});
        assert_eq!(localised(&texts, "plain").as_deref(), Some("P"));
        assert_eq!(localised(&texts, "told").as_deref(), Some("T"));
        assert_eq!(localised(&texts, "bad"), None);
    }

    #[test]
    fn folders_are_named_after_what_is_in_them() {
        assert_eq!(folder("ms-vscode.cpptools-1.23.6-linux-arm64"), Some(("ms-vscode.cpptools", "1.23.6")));
        assert_eq!(folder("a.b-2.0.0-web-1.0.0"), Some(("a.b-2.0.0-web", "1.0.0")));
        for no in ["a-1.0.0", "a.b", "a.b-1.0", ".b-1.0.0", "a.-1.0.0", "a.b-1..0", "node_modules", ""] {
            assert_eq!(folder(no), None, "{no}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_without_a_panic(text in ".{0,40}", more in "[a.\\-0-9ü%]{0,30}") {
            for text in [&text, &more] {
                let list = json!([{"identifier": {"id": text}, "location": {"path": text}, "version": text}]);
                let named = records(&list).unwrap().0.len();
                proptest::prop_assert_eq!(named, usize::from(!text.trim().is_empty()));
                proptest::prop_assert!(key(text).is_none_or(|key| text.contains(key)));
                proptest::prop_assert!(folder(text).is_none_or(|(id, version)| text.starts_with(id) && !version.is_empty()));
            }
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
                proptest::prop_assert_eq!(records(&value).is_some(), value.is_array());
                proptest::prop_assert!(Manifest::of(&value).id.is_none_or(|id| id.contains('.')));
            }
        }

        #[test]
        fn a_folder_tells_the_id_and_version_it_was_named_after(
            id in "[a-z][a-z0-9-]{0,8}\\.[a-z][a-z-]{0,8}", version in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
            platform in "(-linux-x64|-win32-arm64|-universal)?"
        ) {
            let name = format!("{id}-{version}{platform}");
            proptest::prop_assert_eq!(folder(&name), Some((id.as_str(), version.as_str())));
        }
    }
}
