//! The scalars at the top of a YAML document, as far as a package's description needs them.
//!
//! Format: YAML 1.2 (yaml.org/spec/1.2.2). The crate yields events and builds no tree, so an alias is never expanded,
//! and neither depth nor size in memory can be made to grow. A value may be quoted, folded over lines or hold escapes,
//! which is why it is not read line by line.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScanError};

/// The values of these keys in the mapping that is the first document; of a key that comes twice, the first. Values
/// that are no scalars, or say nothing, are left out.
///
/// # Errors
/// When it is not YAML, or the first document is no mapping, with the place.
pub fn scalars(bytes: &[u8], keys: &[&str]) -> Result<BTreeMap<String, String>, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = BTreeMap::new();
    let (mut depth, mut key, mut mapping) = (0_usize, None, false);
    for event in Parser::new_from_str(&text) {
        let (event, _) = event.map_err(|e: ScanError| e.to_string())?;
        // Nodes at depth 1 are keys and values in turn.
        let node = match event {
            Event::Scalar(text, ..) => Some(text.trim().to_owned()),
            Event::Alias(_) => None,
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                mapping |= depth == 0 && matches!(event, Event::MappingStart(..));
                depth += 1;
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                None
            }
            Event::DocumentEnd => break,
            _ => continue,
        };
        if depth == 1 && mapping {
            match key.take() {
                None => key = Some(node.unwrap_or_default()),
                Some(key) => {
                    if let Some(value) = node.filter(|v| !v.is_empty() && keys.contains(&key.as_str())) {
                        found.entry(key).or_insert(value);
                    }
                }
            }
        }
    }
    if mapping { Ok(found) } else { Err("it is no mapping".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let found = scalars(text.as_bytes(), &["name", "version", "title"]).unwrap();
        found.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn scalars_at_the_top_are_read_and_others_passed_over() {
        let text = "# c\nname: kesl\nversion: '1.0'\napps:\n  name: no\n  x: {version: no}\nlist:\n- name: no\n\
                    ? [name]\n: no\ntitle: >-\n  Two\n  words\nname: twice\n---\nversion: no\n";
        assert_eq!(read(text), ["name=kesl", "title=Two words", "version=1.0"]);
        assert_eq!(read("{name: a, version: \"1\\t\\u00fc\", title: }"), ["name=a", "version=1\tü"]);
        assert_eq!(read("a: &a k\nname: *a\nversion: 1\n"), ["version=1"]);
    }

    #[test]
    fn what_is_no_mapping_is_damage() {
        for bytes in
            [&b""[..], b"# c\n", b"- name: x\n", b"name", b"name: [\n", b"a: b: c\n", b"name: \"x", b"\xff"]
        {
            assert!(scalars(bytes, &["name"]).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn depth_and_aliases_cost_nothing() {
        assert!(scalars("[".repeat(100_000).as_bytes(), &["name"]).is_err());
        let bomb =
            (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect::<Vec<_>>().concat();
        assert_eq!(read(&format!("a0: &a0 x\n{bomb}name: k\n")), ["name=k"]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            drop(scalars(&bytes, &["name"]));
        }

        #[test]
        fn any_yaml_ends_without_a_panic(text in "(name|: |- |[\\[\\]{}&*!|>'\"#%@,?~a1]|\n|  |\t|---|\\.\\.\\.|\u{85}){0,60}") {
            drop(scalars(text.as_bytes(), &["name"]));
        }
    }
}
