//! How names of files compare where case does not count.
//!
//! NTFS compares after mapping each UTF-16 unit by the volume's `$UpCase` table, which is the simple mapping to upper case
//! of the Unicode Standard, and maps nothing outside ASCII into it; APFS and HFS+ compare canonical decompositions
//! without case (Apple File System Reference, Apple Technical Note TN1150). A root that was copied to a file system
//! that keeps cases apart may hold names that differ in nothing else; then the exact one is meant.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use unicode_normalization::UnicodeNormalization;

use crate::target::os::Family;
use crate::target::windows;

/// Names that are remembered at once, of all folders; beyond that they are read anew.
const MAX_NAMES: usize = 400_000;

/// The rule by which names compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// That of NTFS.
    Windows,
    /// That of APFS and HFS+.
    MacOs,
}

impl Rule {
    /// The rule of a family of systems; none where names compare as bytes.
    pub(crate) fn of(family: Family) -> Option<Self> {
        match family {
            Family::Windows => Some(Self::Windows),
            Family::MacOs => Some(Self::MacOs),
            Family::Linux | Family::Unknown => None,
        }
    }

    /// The form of a path in which all that mean the same are equal, whether it is written from the root or, on Windows,
    /// from its drive.
    pub(crate) fn compared(self, path: &[u8]) -> Vec<u8> {
        match self {
            Self::Windows => self.folded(&windows::from_root(path)),
            Self::MacOs => self.folded(path),
        }
    }

    /// The form of a name in which all that mean the same are equal; bytes that are not UTF-8 stay.
    pub(crate) fn folded(self, name: &[u8]) -> Vec<u8> {
        if name.is_ascii() {
            return name.to_ascii_uppercase();
        }
        let mut folded = Vec::with_capacity(name.len());
        for chunk in name.utf8_chunks() {
            let text: String = match self {
                Self::Windows => chunk.valid().chars().map(upper).collect(),
                Self::MacOs => {
                    let upper = chunk.valid().nfd().flat_map(char::to_uppercase).collect::<String>();
                    // Upper case may compose anew, and lower case has two forms of one letter.
                    upper.to_lowercase().to_uppercase().nfd().collect()
                }
            };
            folded.extend_from_slice(text.as_bytes());
            folded.extend_from_slice(chunk.invalid());
        }
        folded
    }
}

/// A character by the simple mapping to upper case, as far as `$UpCase` has it.
fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        _ if u32::from(c) > 0xffff => c,
        (Some(one), None) if c.is_ascii() || !one.is_ascii() => one,
        _ => c,
    }
}

/// How an entry of a folder is spelt that was asked for by some spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spelt {
    /// So.
    As(OsString),
    /// More than one differs from what was asked in case alone.
    Unclear,
    /// No entry has this name.
    No,
}

/// The names in a folder by their folded form; of each, in order.
type Folder = BTreeMap<Vec<u8>, Vec<OsString>>;

/// The rule of a root, and the names that were read in it.
pub(super) struct Names {
    rule: Rule,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    folders: BTreeMap<PathBuf, Arc<Folder>>,
    names: usize,
}

impl Names {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, known: Mutex::default() }
    }

    pub(super) fn rule(&self) -> Rule {
        self.rule
    }

    /// How a folder spells a name; `list` gives its names where they are not known yet.
    pub(super) fn spelt(
        &self,
        folder: &Path,
        name: &OsStr,
        list: impl FnOnce() -> io::Result<Vec<OsString>>,
    ) -> io::Result<Spelt> {
        let names = self.folder(folder, list)?;
        Ok(match names.get(&self.rule.folded(name.as_encoded_bytes())).map(Vec::as_slice) {
            Some(same) if same.iter().any(|one| one == name) => Spelt::As(name.to_owned()),
            Some([one]) => Spelt::As(one.clone()),
            Some([_, ..]) => Spelt::Unclear,
            Some([]) | None => Spelt::No,
        })
    }

    fn folder(
        &self,
        folder: &Path,
        list: impl FnOnce() -> io::Result<Vec<OsString>>,
    ) -> io::Result<Arc<Folder>> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known().folders.get(folder) {
            return Ok(Arc::clone(names));
        }
        // Read without the lock: a folder may be slow.
        let mut names = Folder::new();
        let listed = list()?;
        let count = listed.len() + 1;
        for name in listed {
            names.entry(self.rule.folded(name.as_encoded_bytes())).or_default().push(name);
        }
        for same in names.values_mut() {
            same.sort();
        }
        let names = Arc::new(names);
        let mut known = known();
        if known.names + count > MAX_NAMES {
            *known = Known::default();
        }
        if count <= MAX_NAMES && known.folders.insert(folder.to_owned(), Arc::clone(&names)).is_none() {
            known.names += count;
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(rule: Rule, a: &str, b: &str) -> bool {
        rule.folded(a.as_bytes()) == rule.folded(b.as_bytes())
    }

    #[test]
    fn ntfs_maps_one_character_to_one() {
        for (a, b) in [("system32", "SYSTEM32"), ("Über", "üBER"), ("ОТЧЁТ", "отчёт"), ("ﬁ", "ﬁ"), ("ÿ", "Ÿ")]
        {
            assert!(same(Rule::Windows, a, b), "{a} {b}");
        }
        // What takes two letters, maps into ASCII, is composed otherwise or has no unit of its own is another name.
        for (a, b) in [("ß", "SS"), ("ı", "I"), ("ſ", "S"), ("\u{e9}", "e\u{301}"), ("𐐨", "𐐀")] {
            assert!(!same(Rule::Windows, a, b), "{a} {b}");
        }
    }

    #[test]
    fn apfs_knows_neither_case_nor_composition() {
        for (a, b) in
            [("Library", "library"), ("Caf\u{e9}", "CAFE\u{301}"), ("ß", "SS"), ("ς", "Σ"), ("ς", "σ")]
        {
            assert!(same(Rule::MacOs, a, b), "{a} {b}");
        }
        assert!(!same(Rule::MacOs, "e", "\u{e9}"));
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        assert_eq!(Rule::Windows.folded(b"k\xff\xe9l"), b"K\xff\xe9L");
        assert_eq!(Rule::MacOs.folded(b"k\xffl"), b"K\xffL");
    }

    #[test]
    fn the_exact_name_is_meant_and_a_folder_is_read_once() {
        let names = Names::new(Rule::Windows);
        let folder = Path::new("a");
        let list = || Ok(["Foo", "fOO", "Bar"].map(OsString::from).to_vec());
        let spelt = |name: &str| names.spelt(folder, OsStr::new(name), || panic!("read twice")).unwrap();
        assert_eq!(names.spelt(folder, OsStr::new("BAR"), list).unwrap(), Spelt::As("Bar".into()));
        assert_eq!(spelt("fOO"), Spelt::As("fOO".into()));
        assert_eq!(spelt("foo"), Spelt::Unclear);
        assert_eq!(spelt("foo2"), Spelt::No);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let names = Names::new(Rule::MacOs);
        let many = || Ok((0..MAX_NAMES / 2).map(|n| n.to_string().into()).collect());
        for folder in ["a", "b", "c"] {
            assert_eq!(names.spelt(Path::new(folder), OsStr::new("7"), many).unwrap(), Spelt::As("7".into()));
            assert!(names.known.lock().unwrap().names <= MAX_NAMES);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_fold_to_what_folds_to_itself(name: Vec<u8>) {
            for rule in [Rule::Windows, Rule::MacOs] {
                let folded = rule.folded(&name);
                proptest::prop_assert_eq!(rule.folded(&folded), folded);
            }
        }
    }
}
