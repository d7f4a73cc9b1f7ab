//! What an application says of itself in an `AppStream` metainfo file.
//!
//! Format: `AppStream` 1.0 (freedesktop.org/software/appstream/docs), "Upstream Metadata". Releases stand newest first.
//! A name may come again in other languages, which `xml:lang` tells; until 1.0 a developer had no element of its own
//! but only `developer_name`, and before 0.6 the root was named `application`. The crate expands no entities but those
//! of XML itself, so a document can be no larger than it is.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Elements within each other that are followed.
const MAX_DEPTH: usize = 64;

/// What a metainfo file tells. Blanks around values are cut, and what is empty is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// The application's id, in reverse domain form.
    pub id: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// Who develops it.
    pub developer: Option<String>,
    /// Its home page.
    pub homepage: Option<String>,
    /// Its newest release; one in development only if there is no other.
    pub version: Option<String>,
    /// What is wrong with the document, after which nothing was read.
    pub damage: Option<String>,
}

impl Component {
    /// Reads a document, as far as it is sound.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut component = Self::default();
        component.damage = component.read(&text).err();
        component
    }

    fn read(&mut self, text: &str) -> Result<(), String> {
        let mut reader = Reader::from_str(text);
        let (mut path, mut value): (Vec<String>, Option<String>) = (Vec::new(), None);
        let (mut any, mut in_development) = (false, None);
        loop {
            let event =
                reader.read_event().map_err(|e| format!("{e} at byte {}", reader.buffer_position()))?;
            match event {
                Event::Start(ref start) | Event::Empty(ref start) => {
                    path.push(start.local_name().as_ref().to_owned());
                    if path.len() > MAX_DEPTH {
                        return Err(format!("has more than {MAX_DEPTH} elements within each other"));
                    }
                    if path.len() == 1
                        && !matches!(path.first().map(String::as_str), Some("component" | "application"))
                    {
                        return Err("is no description of an application".to_owned());
                    }
                    any = true;
                    if inner(&path) == ["releases", "release"] {
                        let of = if attribute(start, "type").as_deref() == Some("development") {
                            &mut in_development
                        } else {
                            &mut self.version
                        };
                        *of = of.take().or_else(|| attribute(start, "version"));
                    }
                    let other = attribute(start, "xml:lang").is_some()
                        || (inner(&path) == ["url"]
                            && attribute(start, "type").as_deref() != Some("homepage"));
                    value = (!other).then(String::new);
                    if matches!(event, Event::Empty(_)) {
                        path.pop();
                        value = None;
                    }
                }
                Event::End(_) => {
                    self.take(&inner(&path), value.take());
                    path.pop();
                }
                Event::Text(text) => add(&mut value, &text.xml10_content()),
                Event::CData(text) => add(&mut value, &text.xml10_content()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(c)) => add(&mut value, c.encode_utf8(&mut [0; 4])),
                    _ => {
                        add(
                            &mut value,
                            quick_xml::escape::resolve_xml_entity(&reference).unwrap_or_default(),
                        );
                    }
                },
                Event::Eof => break,
                _ => {}
            }
        }
        self.version = self.version.take().or(in_development);
        match path.last() {
            Some(open) => Err(format!("ends within <{open}>")),
            None if !any => Err("holds no element".to_owned()),
            None => Ok(()),
        }
    }

    /// Takes the text of an element that ends.
    fn take(&mut self, path: &[&str], value: Option<String>) {
        let of = match path {
            ["id"] => &mut self.id,
            ["name"] => &mut self.name,
            ["developer", "name"] | ["developer_name"] => &mut self.developer,
            ["url"] => &mut self.homepage,
            _ => return,
        };
        let value = value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        *of = of.take().or(value);
    }
}

/// The elements within the root.
fn inner(path: &[String]) -> Vec<&str> {
    path.iter().skip(1).map(String::as_str).collect()
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = start.try_get_attribute(name).ok()??.normalized_value(XmlVersion::Implicit1_0).ok()?;
    Some(value.trim().to_owned()).filter(|v| !v.is_empty())
}

fn add(value: &mut Option<String>, text: &str) {
    if let Some(value) = value {
        value.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let c = Component::parse(text.as_bytes());
        let all = [c.id, c.name, c.developer, c.homepage, c.version, c.damage];
        all.map(|v| v.unwrap_or_else(|| "-".into())).join("|")
    }

    #[test]
    fn what_an_application_says_of_itself_is_read() {
        let text = "<?xml version=\"1.0\"?>\n<!-- c --><component type='desktop'><id> org.k.A </id>\
                    <name xml:lang='de'>Nein</name><name>A &amp; B&#x21;</name><description><p><name>no</name></p></description>\
                    <developer id='k'><name xml:lang='de'>Nein</name><name><![CDATA[K <Lab>]]></name></developer>\
                    <url type='bugtracker'>https://no</url><url type='homepage'>https://k.example</url>\
                    <releases><release type='development' version='2.0b1'/><release date='x'/><release version='1.2'>\
                    <description/></release><release version='1.1'/></releases></component>";
        assert_eq!(told(text), "org.k.A|A & B!|K <Lab>|https://k.example|1.2|-");
    }

    #[test]
    fn older_forms_are_read() {
        let text = "<application><id type='desktop'>k.desktop</id><developer_name>K</developer_name>\
                    <releases><release type='development' version='2'/></releases></application>";
        assert_eq!(told(text), "k.desktop|-|K|-|2|-");
    }

    #[test]
    fn damage_is_told_and_what_came_before_is_kept() {
        assert_eq!(told("<component><id>k</id><name>K"), "k|-|-|-|-|ends within <name>");
        assert_eq!(told(""), "-|-|-|-|-|holds no element");
        assert_eq!(told("plain"), "-|-|-|-|-|holds no element");
        assert_eq!(told("<html/>"), "-|-|-|-|-|is no description of an application");
        assert!(told("<component><id>k</id></name></component>").starts_with("k|-|-|-|-|"));
        assert!(told(&format!("<component>{}", "<a>".repeat(99))).contains("more than 64"));
        let bomb =
            "<!DOCTYPE c [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><component><name>x&b;y</name></component>";
        assert_eq!(told(bomb), "-|xy|-|-|-|-");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            drop(Component::parse(&bytes));
        }

        #[test]
        fn any_xml_ends_without_a_panic(
            text in "(<component>|</component>|<id>|</id>|<release version='1'/>|&amp;|&#x|;|<!\\[CDATA\\[|\\]\\]>|<!--|-->|[a-z<>'\" ]){0,30}"
        ) {
            drop(Component::parse(text.as_bytes()));
        }
    }
}
