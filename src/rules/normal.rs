//! The forms in which names are compared.
//!
//! Unicode NFKC (UAX 15) and lower case, so that full-width brackets, composed letters and capitals make no
//! difference; of company names also punctuation and the spacing around it, since `Co., Ltd.`, `Co.,Ltd` and
//! `Company Limited` are one company. `*` and `?` of patterns stay what they are.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::vendor::Trait;
use crate::text::is_deceptive;

/// What is special in patterns: any text, and one character.
pub(super) const WILDCARDS: [char; 2] = ['*', '?'];
/// Words of a company's form that are written in full too.
const FORMS: [(&str, &str); 4] =
    [("company", "co"), ("corporation", "corp"), ("incorporated", "inc"), ("limited", "ltd")];

/// Whether a pattern matches more than itself.
pub(super) fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(WILDCARDS)
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
    let in_word = |c: char| c.is_alphanumeric() || WILDCARDS.contains(&c);
    let is_initial = |word: &str| word.trim_end_matches(WILDCARDS).chars().count() == 1;
    let mut out = String::new();
    let mut rest = folded.trim_start_matches(|c| !in_word(c));
    while !rest.is_empty() {
        let (word, left) = rest.split_at(rest.find(|c| !in_word(c)).unwrap_or(rest.len()));
        out.push_str(word);
        let (gap, next) = left.split_at(left.find(in_word).unwrap_or(left.len()));
        let end = next.find(|c| !in_word(c)).unwrap_or(next.len());
        // `L.L.C.` is `LLC`: letters that only full stops part are one word.
        let one = gap.trim_end() == "." && is_initial(word) && next.get(..end).is_some_and(is_initial);
        if !one && !next.is_empty() {
            out.push(' ');
        }
        rest = next;
    }
    out
}

/// A whole name in the one of its forms that the short words of a company's form make: `Limited` is `Ltd`. Patterns are
/// not put into it, because `Co*` is not the beginning of `Company` alone.
pub(super) fn of_form(on: Trait, normal: &str) -> Cow<'_, str> {
    let short = |word| FORMS.iter().find(|(long, _)| *long == word).map(|(_, short)| *short);
    if !matches!(on, Trait::Publisher | Trait::Signer) || !normal.split(' ').any(|w| short(w).is_some()) {
        return normal.into();
    }
    spaced(normal.split(' ').map(|word| short(word).unwrap_or(word))).into()
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
    fn forms_of_companies_are_one_however_they_are_written() {
        let of = |text: &&str| of_form(Trait::Publisher, &normal(Trait::Publisher, text)).into_owned();
        for (form, spellings) in [
            (
                "co ltd",
                &["Co., Ltd.", "Co.,Ltd", "Co Ltd", "CO. LTD.", "Ｃｏ．，Ｌｔｄ．", "Company Limited"][..],
            ),
            ("inc", &["Inc.", "Inc", ", Inc.", "INC", "(Inc.)", "Incorporated"]),
            ("llc", &["LLC", "L.L.C.", "L. L. C.", ", LLC", "Ｌ．Ｌ．Ｃ．"]),
            ("gmbh", &["GmbH", "G.m.b.H.", "gmbh", "ＧｍｂＨ"]),
            ("corp", &["Corp.", "Corp", "Corporation", "CORP"]),
            ("pte ltd", &["Pte. Ltd.", "PTE LTD", "Pte.Ltd.", "Pte. Limited"]),
            ("spa", &["S.p.A.", "SpA"]),
            ("sp z oo", &["Sp. z o.o.", "sp. z o. o.", "Sp. z.oo"]),
        ] {
            for spelling in spellings {
                assert_eq!(of(&format!("Acme {spelling}").as_str()), format!("acme {form}"), "{spelling}");
            }
        }
        assert_eq!(normal(Trait::Signer, "Acme L.L.C*"), "acme llc*");
        assert_eq!(normal(Trait::Publisher, "J. Doe & A.B. Sons"), "j doe ab sons");
        // What is no name of a company keeps its words.
        assert_eq!(of_form(Trait::Name, "acme company"), "acme company");
    }

    #[test]
    fn windows_paths_know_no_case_and_others_do() {
        let of = |text| normal(Trait::Path, text);
        assert_eq!(of("C:\\Program Files\\Kaspersky Lab\\"), "c:/program files/kaspersky lab");
        assert_eq!(of("/opt/Kaspersky/"), "/opt/Kaspersky");
        assert_eq!(of("/"), "/");
    }
}
