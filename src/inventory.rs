//! What was found, and how far the looking went.

use crate::item::Item;
use crate::text::Text;
use crate::word::words;

words! {
    /// Why something could not be looked at.
    GapCode {
        /// It should be there and is not.
        Missing = "missing",
        /// The right to read it is lacking.
        Denied = "denied",
        /// A folder, pipe, socket or device stands in its place, or a file in a folder's.
        Special = "special",
        /// Another program holds it for itself.
        Locked = "locked",
        /// Its content lies in a cloud, from which reading would fetch it.
        Cloud = "cloud",
        /// Its links lead in a circle.
        LinkLoop = "link-loop",
        /// Its link leads nowhere.
        Dangling = "dangling",
        /// It is larger than the bound.
        TooLarge = "too-large",
        /// There is more of it than the bound.
        TooMany = "too-many",
        /// Its content does not follow the format.
        Damaged = "damaged",
        /// It ends too early.
        Truncated = "truncated",
        /// It is there and holds nothing.
        Empty = "empty",
        /// interdict cannot read this form of it.
        Unsupported = "unsupported",
        /// The operating system reported another failure.
        Io = "io",
        /// A fault inside interdict.
        Fault = "fault",
        /// It was excluded on request.
        Excluded = "excluded",
        /// It lies on a network file system, which was not asked for.
        Network = "network",
        /// It is a file system of the kernel's making, which holds no programs.
        Pseudo = "pseudo",
        /// It belongs to a container or an image, which is looked into by itself.
        Nested = "nested",
        /// Nothing that lists software was found at all.
        NothingListed = "nothing-listed",
    }
}

words! {
    /// How far a source got.
    CoverageState {
        /// It was read, all of it.
        Covered = "covered",
        /// It is not there, and need not be.
        Absent = "absent",
        /// It was not looked at, on request or because it does not apply.
        Skipped = "skipped",
        /// It was read in part.
        Partial = "partial",
        /// It could not be read.
        Failed = "failed",
    }
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Where.
    pub place: Text,
    /// What was being done, what stopped it, what the person can do.
    pub reason: Text,
    /// The reason in one word.
    pub code: GapCode,
    /// Whether software may be hidden there; a gap that blocks denies a clean verdict.
    pub blocks: bool,
}

impl Gap {
    /// A gap that denies a clean verdict.
    #[must_use]
    pub fn new(code: GapCode, place: impl Into<Text>, reason: impl Into<Text>) -> Self {
        Self { place: place.into(), reason: reason.into(), code, blocks: code != GapCode::Excluded }
    }

    /// The same, as a note: what the source yields cannot be hidden there.
    #[must_use]
    pub fn note(mut self) -> Self {
        self.blocks = false;
        self
    }
}

/// What one source could see. Every source has exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The source's id.
    pub source: Text,
    /// How far it got.
    pub state: CoverageState,
    /// How many items it yielded.
    pub items: usize,
    /// Why it was skipped or is absent.
    pub reason: Option<Text>,
    /// What it did not see, in order.
    pub gaps: Vec<Gap>,
}

/// The machine that was looked at, as it names itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// Its host name.
    pub name: Option<Text>,
    /// Its machine id.
    pub id: Option<Text>,
    /// Its operating system, for people.
    pub os: Option<Text>,
    /// The operating system's version.
    pub version: Option<Text>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The scheme of the target: live, dir, inventory …
    pub kind: Text,
    /// Where it is.
    pub place: Text,
    /// The family of operating system: linux, windows, macos or unknown.
    pub os: Text,
}

/// Items and coverage of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// What was looked at.
    pub subject: Subject,
    /// The machine.
    pub host: Host,
    /// What was found, in [`Item::order`].
    pub items: Vec<Item>,
    /// One row a source, by id.
    pub coverage: Vec<Coverage>,
}

impl Inventory {
    /// Whether anything that could hide software was not seen.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.gaps().any(|(_, gap)| gap.blocks)
    }

    /// All gaps with the source that met them.
    pub fn gaps(&self) -> impl Iterator<Item = (&Coverage, &Gap)> {
        self.coverage.iter().flat_map(|row| row.gaps.iter().map(move |gap| (row, gap)))
    }
}
