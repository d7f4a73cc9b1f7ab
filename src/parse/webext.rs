//! Manifests of browser extensions: `manifest.json`, and the catalogs that its names may refer to.
//!
//! Format: the manifest file format of Chrome (developer.chrome.com/docs/extensions/reference/manifest) and of Firefox
//! (MDN, `WebExtensions`, manifest.json), and chrome.i18n. Browsers allow comments, commas at the end of a list and a byte
//! order mark in these files, which JSON (RFC 8259) forbids. An extension of Chrome has no name of its own for the world: its
//! id is a digest of its public key or, without one, of the path of its folder.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a manifest says; each as written, an empty text as none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Manifest {
    /// Its name, which may hold `__MSG_x__` for a message of the catalog.
    pub(crate) name: Option<String>,
    /// Its version.
    pub(crate) version: Option<String>,
    /// Who made it: a name or an address.
    pub(crate) author: Option<String>,
    /// Its home page.
    pub(crate) homepage: Option<String>,
    /// The locale whose catalog holds its messages.
    pub(crate) default_locale: Option<String>,
    /// Its id in Chrome, if it carries its public key.
    pub(crate) id: Option<String>,
    /// Its id in Firefox, if it says one.
    pub(crate) gecko_id: Option<String>,
}

impl Manifest {
    /// Takes what a document says; nothing, if it is no manifest, which always has a name and a version.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let manifest = Self::partly(value);
        (manifest.name.is_some() && manifest.version.is_some()).then_some(manifest)
    }

    /// Takes what a copy of a manifest says, which may be only a part of one.
    pub(crate) fn partly(value: &Value) -> Self {
        let text = |key: &str| text(value.get(key));
        // `applications` is the older name.
        let gecko = ["browser_specific_settings", "applications"].into_iter();
        let mut gecko = gecko.filter_map(|key| value.get(key)?.get("gecko")?.get("id"));
        let author = value.get("author");
        let developer = value.get("developer").and_then(|d| d.get("name"));
        Self {
            name: text("name"),
            version: text("version"),
            author: [author, author.and_then(|a| a.get("email")), developer].into_iter().find_map(self::text),
            homepage: text("homepage_url"),
            default_locale: text("default_locale"),
            id: text("key").and_then(|key| id_of_key(&key)),
            gecko_id: gecko.find_map(|id| self::text(Some(id))),
        }
    }
}

/// A text with something in it.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The JSON document of a manifest, catalog, host or policy.
///
/// # Errors
/// When it is none even with what browsers allow.
pub(crate) fn document(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(&plain(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)))
}

/// The same length of JSON with blanks for comments and for commas that end a list.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    // Where the last comma stands, if only blanks came since.
    let mut comma = None;
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let length = match rest {
            [b'"', after @ ..] => string(after) + 1,
            [b'/', b'/', ..] => rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len()),
            [b'/', b'*', after @ ..] => {
                after.windows(2).position(|end| end == b"*/").map_or(rest.len(), |at| at + 4)
            }
            _ => 1,
        };
        let (token, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        if first == b'/' && token.len() > 1 {
            out.resize(out.len() + token.len(), b' ');
            continue;
        }
        match first {
            b',' => comma = Some(out.len()),
            b'}' | b']' => {
                if let Some(comma) = comma.take().and_then(|at| out.get_mut(at)) {
                    *comma = b' ';
                }
            }
            _ if first.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        out.extend_from_slice(token);
    }
    out
}

/// The length of a string behind its opening quote, the closing one included.
fn string(bytes: &[u8]) -> usize {
    let mut escaped = false;
    let end = bytes.iter().position(|&b| {
        let end = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        end
    });
    end.map_or(bytes.len(), |at| at + 1)
}

/// Whether a text refers to messages.
pub(crate) fn has_message(text: &str) -> bool {
    text.split_once("__MSG_").is_some_and(|(_, rest)| rest.contains("__"))
}

/// Messages of one text that are looked up.
const MAX_MESSAGES: usize = 16;

/// The text with its messages from a catalog, in which names are without regard to case; what is not in it stays, and so
/// does what comes after [`MAX_MESSAGES`].
pub(crate) fn with_messages(text: &str, catalog: &Value) -> String {
    let (mut out, mut rest) = (String::new(), text);
    for _ in 0..MAX_MESSAGES {
        let Some((before, from)) = rest.split_once("__MSG_") else { break };
        let Some((name, after)) = from.split_once("__") else { break };
        out.push_str(before);
        let entry =
            catalog.as_object().and_then(|all| all.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)));
        match self::text(entry.and_then(|(_, entry)| entry.get("message"))) {
            Some(message) => out.push_str(&message),
            None => out.extend(["__MSG_", name, "__"]),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a text has the form of Chrome's ids: 32 letters from a to p.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| (b'a'..=b'p').contains(&b))
}

/// Chrome's id of a public key or a path: the first half of its digest, with the letters a to p for digits.
pub(crate) fn id_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().take(16).flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b'a' + digit)).collect()
}

/// Chrome's id of the `key` of a manifest: a DER public key in base64, which may be wrapped as PEM (RFC 7468).
pub(crate) fn id_of_key(key: &str) -> Option<String> {
    let lines = key.lines().filter(|line| !line.trim_start().starts_with("-----"));
    let bare: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(bare).ok().filter(|der| !der.is_empty()).map(|der| id_of(&der))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_allow_is_json() {
        let text =
            "\u{feff}{ // a \"comment\"\n \"a\": [1, 2, /* , */ ], \"url\": \"http://k//x\\\"/*,]\", }";
        let value = document(text.as_bytes()).unwrap();
        assert_eq!(value, serde_json::json!({"a": [1, 2], "url": "http://k//x\"/*,]"}));
        for damaged in ["", "{", "{\"a\": /* ", "[1,,]", "[,]x", "{\"a\""] {
            assert!(document(damaged.as_bytes()).is_err(), "{damaged}");
        }
    }

    #[test]
    fn an_author_is_a_name_or_an_address() {
        let of = |author: &str| {
            let text = format!(r#"{{"name": "k", "version": "1", {author}}}"#);
            Manifest::of(&document(text.as_bytes()).unwrap()).unwrap().author
        };
        assert_eq!(of(r#""author": " K Lab ""#), Some("K Lab".into()));
        assert_eq!(of(r#""author": {"email": "k@k.example"}"#), Some("k@k.example".into()));
        assert_eq!(of(r#""author": "", "developer": {"name": "K"}"#), Some("K".into()));
        assert_eq!(of(r#""author": 7"#), None);
        assert_eq!(Manifest::of(&serde_json::json!({})), None);
    }

    #[test]
    fn messages_are_found_without_regard_to_case() {
        let catalog = serde_json::json!({"ExtName": {"message": "K"}, "empty": {"message": ""}});
        assert_eq!(with_messages("__MSG_extname__ for __MSG_EXTNAME__!", &catalog), "K for K!");
        for stays in ["__MSG_none__", "__MSG_empty__", "__MSG_x", "plain__"] {
            assert_eq!(with_messages(stays, &catalog), stays);
        }
        assert!(has_message("__MSG_a__") && !has_message("__MSG_a"));
    }

    /// The key of Google Docs Offline and the path of an unpacked extension, with the ids that Chrome gives them.
    #[test]
    fn ids_are_those_of_chrome() {
        let key = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCfHy1M+jghaHyaVAILzx/c/Dy+RXtcaP9/5pC7EY8JlNEI/G4DIIng9IzlrH8UWStpMWMyGUsdyusn2PkYFrqfVzhc2azVF3PX9D0KHG3FLN3mNoz1YTBHvO5QSXJf292qW0tTYuoGqeTfXtF9odLdg20Xd0YrLmtS4TQkpSYGDwIDAQAB";
        let id = "aapbdbdomjkkjkaonfhkkikfgjllcleb";
        assert_eq!(id_of_key(key).as_deref(), Some(id));
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n");
        assert_eq!(id_of_key(&pem).as_deref(), Some(id));
        assert!(is_id(id) && !is_id("aapbdbdomjkkjkaonfhkkikfgjllclez") && !is_id("a"));
        assert_eq!(id_of(b""), "odlameecjipmbmbejkplpemijjgpljce");
        assert_eq!((id_of_key("?"), id_of_key("")), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            if let Ok(value) = document(&bytes) {
                Manifest::of(&value);
            }
        }

        #[test]
        fn any_text_of_these_ends_without_a_panic(text in r#"(__MSG_|__|"|\\|//|/\*|\*/|,|\]|\}|\[|\{|a|:|1|\n| ){0,40}"#) {
            if let Ok(value) = document(text.as_bytes()) {
                Manifest::partly(&value);
                with_messages(&text, &value);
            }
            proptest::prop_assert_eq!(plain(text.as_bytes()).len(), text.len());
            id_of_key(&text);
        }

        /// What is JSON already means the same.
        #[test]
        fn json_stays_what_it_is(text in r#"[a-z,/*"\\ ]{0,12}"#, number: i32) {
            let value = serde_json::json!({"a": [text, number], "b": {}, "c": []});
            proptest::prop_assert_eq!(document(value.to_string().as_bytes()).unwrap(), value);
        }
    }
}
