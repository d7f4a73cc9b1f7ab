//! The forms in which names are compared.
//!
//! Unicode NFKC (UAX 15) and lower case, so that full-width brackets, composed letters and capitals make no
//! difference; of company names also punctuation and the spacing around it, since `Co., Ltd.` and `Co.,Ltd` are one
//! company. `*` and `?` of patterns stay what they are.

use unicode_normalization::UnicodeNormalization;

use super::vendor::Trait;
use crate::text::is_deceptive;

/// Whether a pattern matches more than itself.
pub(super) fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

/// A value or pattern in the form in which the trait compares it.
pub(super) fn normal(on: Trait, text: &str) -> String {
    match on {
        Trait::Publisher | Trait::Signer => company(text),
        Trait::Path => path(text),
        _ => name(text),
    }
}

fn folded(text: &str) -> String {
    // Nearly all names are ASCII, which is its own normal form.
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Characters without a shape make no other name.
    let shown = text.chars().filter(|c| !is_deceptive(*c) || c.is_whitespace());
    shown.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

fn name(text: &str) -> String {
    spaced(folded(text).split_whitespace())
}

fn company(text: &str) -> String {
    // A maintainer's address is not the company's name.
    let text =
        text.split_once('<').map_or(text, |(name, _)| if name.trim().is_empty() { text } else { name });
    let folded = folded(text);
    spaced(folded.split(|c: char| !c.is_alphanumeric() && c != '*' && c != '?').filter(|w| !w.is_empty()))
}

/// Paths of Windows know no case and have two separators; elsewhere a path is what it is. Empty parts, `.` and `..` are
/// resolved. No system knows longer paths than are compared here.
fn path(text: &str) -> String {
    const LONGEST: usize = 4096;
    let text = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text);
    let text = if text.starts_with('/') { text.to_owned() } else { folded(text).replace('\\', "/") };
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/').filter(|p| !matches!(*p, "" | ".")) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    let root = if text.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

fn spaced<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companies_compare_without_punctuation_spacing_and_width() {
        let of = |text| normal(Trait::Publisher, text);
        assert_eq!(
            of("Tencent Technology(Shenzhen) Co., Ltd."),
            of("TENCENT  Technology (Shenzhen) Co.,Ltd")
        );
        assert_eq!(of("腾讯科技（深圳）有限公司"), of("腾讯科技(深圳)有限公司"));
        assert_eq!(of("Kaspersky Lab <info@example.org>"), "kaspersky lab");
        assert_eq!(of("<root@localhost>"), "root localhost");
        assert_eq!(of("Acme Spyware*"), "acme spyware*");
    }

    #[test]
    fn windows_paths_know_no_case_and_others_do() {
        let of = |text| normal(Trait::Path, text);
        assert_eq!(of("C:\\Program Files\\Kaspersky Lab\\"), "c:/program files/kaspersky lab");
        assert_eq!(of("/opt/Kaspersky/"), "/opt/Kaspersky");
        assert_eq!(of("/"), "/");
    }
}
