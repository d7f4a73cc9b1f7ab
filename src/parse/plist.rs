//! The texts of the uppermost dictionary of a property list of macOS in XML.
//!
//! Format: plist(5) and Apple's document type `PropertyList-1.0`. What is nested in other values is passed over; a list
//! in the binary form, in which what tells the system is never written, gives nothing.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements within each other that are followed.
const MAX_DEPTH: usize = 64;

/// The texts by their keys; nothing, if it is no whole property list in XML with a dictionary.
#[must_use]
pub fn texts(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = str::from_utf8(bytes).ok()?;
    let mut reader = Reader::from_str(text);
    let (mut path, mut texts): (Vec<String>, _) = (Vec::new(), BTreeMap::new());
    let (mut key, mut value) = (None, String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                path.push(start.local_name().as_ref().to_owned());
                value.clear();
            }
            Event::End(_) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                match names.as_slice() {
                    ["plist", "dict", "key"] => key = Some(std::mem::take(&mut value)),
                    ["plist", "dict", "string"] => {
                        if let Some(key) = key.take() {
                            texts.entry(key).or_insert_with(|| value.trim().to_owned());
                        }
                    }
                    ["plist", "dict", _] => key = None,
                    ["plist"] => return Some(texts),
                    _ => {}
                }
                path.pop();
            }
            // A value without content, as `<true/>`.
            Event::Empty(_) if path.len() == 2 => key = None,
            Event::Text(text) => value.push_str(&text.xml10_content()),
            Event::CData(text) => value.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(c)) => value.push(c),
                _ => value.push_str(quick_xml::escape::resolve_xml_entity(&reference)?),
            },
            Event::Eof => return None,
            _ => {}
        }
        if path.len() > MAX_DEPTH {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
        <plist version=\"1.0\">\n<dict>\n<key>Other</key>\n<true/>\n<key>Deep</key>\n<dict><key>a</key><string>b</string>\
        </dict>\n<key>ProductName</key>\n<string>mac&amp;OS</string>\n<key>ProductVersion</key>\n\
        <string>14.4.1</string>\n</dict>\n</plist>\n";

    #[test]
    fn texts_of_the_uppermost_dictionary_are_read_by_their_keys() {
        let texts = texts(VERSION.as_bytes()).unwrap();
        let texts: Vec<_> = texts.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
        assert_eq!(texts, [("ProductName", "mac&OS"), ("ProductVersion", "14.4.1")]);
    }

    #[test]
    fn what_is_cut_or_no_such_list_gives_nothing() {
        for end in 0..VERSION.len() - "</plist>\n".len() {
            assert_eq!(VERSION.get(..end).and_then(|cut| texts(cut.as_bytes())), None, "{end}");
        }
        assert_eq!(texts(b"bplist00"), None);
        assert_eq!(texts("<plist><dict>".repeat(99).as_bytes()), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            drop(texts(&bytes));
        }

        #[test]
        fn a_list_that_was_changed_ends_without_a_panic(at in 0..VERSION.len(), byte: u8) {
            let mut bytes = VERSION.as_bytes().to_vec();
            bytes[at] = byte;
            drop(texts(&bytes));
        }
    }
}
