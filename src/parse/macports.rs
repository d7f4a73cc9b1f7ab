//! The registry of `MacPorts`: the ports that were installed, and their files.
//!
//! Format: an `SQLite` database with the tables `ports` and `files` (`MacPorts` base, `src/cregistry/sql.c`). A port whose
//! state is `installed` is active; one that is `imaged` is only kept as an archive, from which it can be activated again.
//! A column is ordered by rules that only `MacPorts` knows, so that no index of it may be used.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::parse::sqlite::{Cut, is_stored, open};
use crate::text::Text;

/// Ports that are read.
const MAX_PORTS: usize = 200_000;
/// Files that are read.
const MAX_FILES: usize = 4_000_000;

/// One port in one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Port {
    /// Its number in the registry.
    pub number: i64,
    /// Its name.
    pub name: Text,
    /// Its version, with `_` and the revision behind, as `MacPorts` writes it; without a revision if that is 0.
    pub version: Text,
    /// Whether its files are in place.
    pub active: bool,
    /// When it was installed, in seconds since 1970.
    pub installed: Option<i64>,
}

/// What is wrong with a registry. What could be read of it was read all the same.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Damage {
    /// It has pages that the file does not hold.
    #[error("it ends after page {0} of {1}")]
    Cut(u32, u32),
    /// `SQLite` refuses it, or cannot read on in it.
    #[error("SQLite cannot read all of it ({0})")]
    Sqlite(#[from] rusqlite::Error),
    /// A table is missing, or is a view or computed.
    #[error("it has no tables of ports and files such as MacPorts makes")]
    NoTable,
    /// Ports without a name.
    #[error("{0} ports in it have no name")]
    Nameless(usize),
    /// There are more ports or files than are read.
    #[error("it has more ports or files than are read")]
    TooMany,
}

/// What a registry holds.
#[derive(Debug, PartialEq, Default)]
pub struct Registry {
    /// The ports in the order of the registry.
    pub ports: Vec<Port>,
    /// The files, each with the number of its port.
    pub files: Vec<(i64, Vec<u8>)>,
    /// What was wrong.
    pub damage: Vec<Damage>,
}

impl Registry {
    /// Reads a registry.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut registry = Self::default();
        if let Err(error) = registry.fill(bytes) {
            registry.damage.push(error);
        }
        registry
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<(), Damage> {
        let cut = Cut::of(bytes);
        self.damage.extend(cut.map(|cut| Damage::Cut(cut.pages, cut.of)));
        let db = open(bytes, cut.map_or(0, |cut| cut.missing))?;
        let columns = ["name", "version", "revision", "state", "date"].map(|column| (column, false));
        if !is_stored(&db, "ports", &columns)? || !is_stored(&db, "ports", &[("id", true)])? {
            return Err(Damage::NoTable);
        }
        let ports = self.fill_ports(&db);
        if !is_stored(&db, "files", &[("id", false), ("path", false)])? {
            return Err(Damage::NoTable);
        }
        ports.and(self.fill_files(&db))
    }

    fn fill_ports(&mut self, db: &Connection) -> Result<(), Damage> {
        let mut statement =
            db.prepare("SELECT id, name, version, revision, state, date FROM ports NOT INDEXED")?;
        let mut rows = statement.query([])?;
        let mut nameless = 0;
        while let Some(row) = rows.next()? {
            if self.ports.len() == MAX_PORTS {
                return Err(Damage::TooMany);
            }
            let (name, version, revision) =
                (text(row.get_ref(1)?), text(row.get_ref(2)?), text(row.get_ref(3)?));
            let revision = revision.filter(|r| r.raw() != "0").map(|r| format!("_{}", r.raw()));
            let Some(name) = name else {
                nameless += 1;
                continue;
            };
            self.ports.push(Port {
                number: row.get_ref(0)?.as_i64().unwrap_or_default(),
                name,
                version: format!("{}{}", version.unwrap_or_default().raw(), revision.unwrap_or_default())
                    .into(),
                active: text(row.get_ref(4)?).is_some_and(|state| state.raw() == "installed"),
                installed: text(row.get_ref(5)?).and_then(|date| date.raw().parse().ok()),
            });
        }
        self.damage.extend((nameless > 0).then_some(Damage::Nameless(nameless)));
        Ok(())
    }

    fn fill_files(&mut self, db: &Connection) -> Result<(), Damage> {
        let mut statement = db.prepare("SELECT id, path FROM files NOT INDEXED")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if self.files.len() == MAX_FILES {
                return Err(Damage::TooMany);
            }
            if let (Ok(number), Some(path)) = (row.get_ref(0)?.as_i64(), text(row.get_ref(1)?)) {
                self.files.push((number, path.to_bytes()));
            }
        }
        Ok(())
    }
}

/// A value as text, if it says something.
fn text(value: ValueRef<'_>) -> Option<Text> {
    let text = match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Text::from_bytes(bytes),
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Null | ValueRef::Real(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A registry of `MacPorts`' schema with two ports and two files, made with Python's sqlite3.
    const REGISTRY: &[u8] = include_bytes!("macports/registry.db");

    #[test]
    fn ports_and_files_are_read() {
        let registry = Registry::read(REGISTRY);
        assert_eq!(registry.damage, []);
        let port = |number, name: &str, version: &str, active, installed| {
            let (name, version) = (name.into(), version.into());
            Port { number, name, version, active, installed }
        };
        let wanted = [port(1, "lab", "1.2_3", true, Some(1_722_991_679)), port(2, "old", "0.9", false, None)];
        assert_eq!(registry.ports, wanted);
        let file = |path: &[u8]| (1, path.to_vec());
        assert_eq!(registry.files, [file(b"/opt/local/bin/lab"), file(b"/opt/local/share/lab/\xff")]);
    }

    #[test]
    fn what_is_no_registry_is_told() {
        assert!(matches!(Registry::read(b"words").damage[..], [Damage::Sqlite(_)]));
        assert!(Registry::read(&REGISTRY[..REGISTRY.len() - 1]).damage.contains(&Damage::Cut(9, 10)));
        let mut other = REGISTRY.to_vec();
        let at = other.windows(18).position(|w| w == b"CREATE TABLE ports").unwrap();
        other[at + 13] = b'q';
        assert!(!Registry::read(&other).damage.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(!Registry::read(&bytes).damage.is_empty() || bytes.is_empty());
        }

        #[test]
        fn a_changed_registry_ends_without_a_panic(at in 0_usize..10_000, byte: u8, length in 0_usize..20_000) {
            let mut bytes = REGISTRY.to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(length);
            proptest::prop_assert!(Registry::read(&bytes).ports.len() < 100);
        }
    }
}
