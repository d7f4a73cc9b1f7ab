//! Package URLs of the packages of languages.
//!
//! Format: purl-spec (`pkg:type/namespace/name@version`). Every part is percent-encoded by itself, so that the `@` of a
//! scope is `%40`.

use std::fmt::Write;

use crate::text::Text;

/// The URL of a package. What is left empty is left out.
pub(super) fn purl(sort: &str, namespace: &str, name: &str, version: Option<&Text>) -> Text {
    let mut out = format!("pkg:{sort}");
    for part in namespace.split('/').chain([name]).filter(|part| !part.is_empty()) {
        out.push('/');
        encode(&mut out, part);
    }
    if let Some(version) = version.filter(|v| !v.is_empty()) {
        out.push('@');
        encode(&mut out, version.raw());
    }
    out.into()
}

fn encode(out: &mut String, part: &str) {
    for byte in part.bytes() {
        // Writing to a String cannot fail.
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                out.push(byte.into());
            }
            _ => write!(out, "%{byte:02X}").unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_encoded_by_itself() {
        let of = |sort, namespace, name, version: &str| {
            purl(sort, namespace, name, Some(&version.into())).raw().to_owned()
        };
        assert_eq!(of("npm", "@angular", "animation", "12.3.1"), "pkg:npm/%40angular/animation@12.3.1");
        assert_eq!(of("pypi", "", "django", "1.11+local 1"), "pkg:pypi/django@1.11%2Blocal%201");
        assert_eq!(of("maven", "org.a/b", "ü/", ""), "pkg:maven/org.a/b/%C3%BC%2F");
        assert_eq!(purl("conda", "", "a", None).raw(), "pkg:conda/a");
    }
}
