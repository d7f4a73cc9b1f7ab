//! Descriptions of Node.js packages, and the archives in which Electron keeps an application.
//!
//! Formats: npm's `package.json`, of which only what names a package and its maker is read; Electron's asar, which has
//! no other description than its reader: two numbers of Chromium's Pickle, a header in JSON, then the files. Of a key
//! that stands twice JavaScript takes the last.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// What a description says; empty words are none.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name, with its scope.
    pub name: Option<String>,
    /// Its name for people.
    pub product: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Who wrote it, without an address.
    pub author: Option<String>,
    /// Its home page.
    pub homepage: Option<String>,
}

impl Package {
    /// Reads a description; one with a byte order mark is read as npm does.
    ///
    /// # Errors
    /// When it is no whole JSON object.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
    }
}

impl<'de> Deserialize<'de> for Package {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Package;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Package, A::Error> {
        let mut package = Package::default();
        while let Some(key) = map.next_key::<String>()? {
            let field = match key.as_str() {
                "name" => &mut package.name,
                "productName" => &mut package.product,
                "version" => &mut package.version,
                "author" => &mut package.author,
                "homepage" => &mut package.homepage,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value = map.next_value::<Value>()?;
            // Only a person is an object; in one line it is `NAME <ADDRESS> (PAGE)`.
            let person = value.get("name").unwrap_or(&value).as_str();
            let words = if key == "author" {
                person.and_then(|p| p.split(['<', '(']).next())
            } else {
                value.as_str()
            };
            *field = words.map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned);
        }
        Ok(package)
    }
}

/// Where the header of an archive ends and its files begin, as its first 16 bytes say: the length of the JSON that
/// follows them, and the place of the first file. Nothing, if they are no archive's.
#[must_use]
pub fn asar_lengths(first: &[u8; 16]) -> Option<(u32, u64)> {
    let mut numbers = first.chunks_exact(4).filter_map(|n| Some(u32::from_le_bytes(n.try_into().ok()?)));
    let (four, header, payload, json) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
    let fits = four == 4 && payload.checked_add(4)? <= header && json.checked_add(4)? <= payload;
    fits.then(|| (json, u64::from(header) + 8))
}

/// Where the description of an archive's application stands, counted from the first file, and how long it is; nothing,
/// if there is none in the archive.
///
/// # Errors
/// When the header is no whole JSON object, or says neither.
pub fn asar_package(json: &[u8]) -> Result<Option<(u64, u64)>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Header {
        files: Files,
    }
    #[derive(Deserialize)]
    struct Files {
        #[serde(rename = "package.json")]
        package: Option<File>,
    }
    #[derive(Deserialize)]
    struct File {
        size: u64,
        /// In digits; not there where the file lies beside the archive.
        offset: Option<String>,
    }
    let header: Header = serde_json::from_slice(json)?;
    let place = |file: File| Some((file.offset?.parse().ok()?, file.size));
    Ok(header.files.package.and_then(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &[u8] = b"\xef\xbb\xbf{\"name\": \"x\", \"name\": \"@a/b\", \"version\": \"1.0.0\", \"files\": [{\"a\": 1}], \
        \"author\": {\"name\": \"Acme \", \"email\": \"a@x\"}, \"homepage\": null, \"productName\": 3}";

    fn texts<const N: usize>(texts: [&str; N]) -> [Option<String>; N] {
        texts.map(|text| Some(text.to_owned()))
    }

    #[test]
    fn a_package_names_itself_and_its_author() {
        let package = Package::read(PACKAGE).unwrap();
        let [name, version, author] = texts(["@a/b", "1.0.0", "Acme"]);
        assert_eq!(package, Package { name, version, author, ..Package::default() });
        let line = Package::read(b"{\"author\": \"Jane Doe <jane@x> (http://x)\", \"productName\": \"App\"}");
        let line = line.unwrap();
        assert_eq!([line.author, line.product], texts(["Jane Doe", "App"]));
        assert_eq!(Package::read(b"{}").unwrap(), Package::default());
    }

    #[test]
    fn what_is_no_whole_object_is_an_error() {
        for bytes in [&b"[]"[..], b"", b"null", b"\"name\"", b"{\"name\": \"a\"", b"{\"name\": \"a\"} x"] {
            assert!(Package::read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn an_archive_says_where_its_description_is() {
        let first =
            |numbers: [u32; 4]| -> [u8; 16] { numbers.map(u32::to_le_bytes).concat().try_into().unwrap() };
        assert_eq!(asar_lengths(&first([4, 28, 24, 20])), Some((20, 36)));
        for wrong in [[5, 28, 24, 20], [4, 27, 24, 20], [4, 28, 24, 21], [4, u32::MAX, u32::MAX, 1]] {
            assert_eq!(asar_lengths(&first(wrong)), None);
        }
        let of = |json: &str| asar_package(json.as_bytes());
        let json = r#"{"files":{"a":{"files":{}},"package.json":{"size":9,"offset":"12","integrity":{}}}}"#;
        assert_eq!(of(json).unwrap(), Some((12, 9)));
        assert_eq!(of(r#"{"files":{"package.json":{"size":9,"unpacked":true}}}"#).unwrap(), None);
        assert_eq!(of(r#"{"files":{}}"#).unwrap(), None);
        assert!(of("{}").is_err());
        assert!(of(r#"{"files":{"package.json":{"files":{}}}}"#).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>, first: [u8; 16]) {
            Package::read(&bytes).ok();
            asar_package(&bytes).ok();
            proptest::prop_assert!(asar_lengths(&first).is_none_or(|(json, files)| u64::from(json) < files));
        }

        #[test]
        fn a_real_description_with_other_bytes_ends_without_a_panic(at in 0..PACKAGE.len(), byte: u8, cut in 0..PACKAGE.len()) {
            let mut bytes = PACKAGE.to_vec();
            bytes[at] = byte;
            bytes.truncate(cut);
            Package::read(&bytes).ok();
        }
    }
}
