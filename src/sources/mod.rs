//! The places where software announces itself, and the one way they are read.
//!
//! A source is a row of data and a function. [`collect`] runs all of them side by side, turns what each returned into
//! exactly one coverage row, and joins what runs to the package that owns its executable.

mod apk;
mod appimage;
mod apps;
mod autostart;
mod browsers;
mod bundles;
mod catalogues;
mod codesign;
mod containers;
mod cron;
mod database;
mod desktop;
mod dpkg;
mod executable;
mod flatpak;
mod homebrew;
mod initd;
mod jars;
mod kexts;
mod launchd;
mod macports;
mod models;
mod modules;
mod msi;
mod named;
mod nix;
mod npm;
mod opkg;
mod owners;
mod pacman;
mod portage;
mod processes;
mod programs;
mod purl;
mod python;
mod receipts;
mod rpm;
mod snap;
mod status;
mod systemd;
mod tree;
mod trust;
mod uninstall;
mod vscode;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::inventory::{Coverage, CoverageState, Gap, GapCode, Inventory};
use crate::item::{Item, Kind, State};
use crate::target::{Family, Packages, Target, windows};
use crate::text::Text;
use crate::word::words;

pub(crate) use owners::Owners;
use tree::Tree;

/// All sources, by id.
pub const SOURCES: &[Source] = &[
    apk::SOURCE,
    appimage::SOURCE,
    apps::SOURCE,
    autostart::SOURCE,
    browsers::SOURCE,
    containers::SOURCE,
    cron::SOURCE,
    desktop::SOURCE,
    dpkg::SOURCE,
    flatpak::SOURCE,
    homebrew::SOURCE,
    initd::SOURCE,
    jars::SOURCE,
    kexts::SOURCE,
    launchd::SOURCE,
    macports::SOURCE,
    models::SOURCE,
    modules::SOURCE,
    msi::SOURCE,
    nix::SOURCE,
    npm::SOURCE,
    opkg::SOURCE,
    pacman::SOURCE,
    portage::SOURCE,
    processes::SOURCE,
    programs::SOURCE,
    python::SOURCE,
    receipts::SOURCE,
    rpm::SOURCE,
    snap::SOURCE,
    systemd::SOURCE,
    trust::SOURCE,
    uninstall::SOURCE,
    vscode::SOURCE,
];

/// Items of one source beyond which the rest is a gap.
const MAX_ITEMS: usize = 1_000_000;
/// Bytes of a JSON document that are read; in memory it takes several times as many.
const MAX_JSON: u64 = 64 << 20;
/// Gaps of one source that are kept; one more says how many there were.
const MAX_GAPS: usize = 200;

words! {
    /// What a source needs of a target.
    Needs {
        /// Files alone, so any target that has some.
        Files = "files",
        /// The processes of a live machine.
        Processes = "processes",
    }
}

words! {
    /// How far a scan goes.
    #[derive(Default)]
    Depth {
        /// Package databases and processes.
        Quick = "quick",
        /// Also the places where programs live and from which they are started.
        #[default]
        Standard = "standard",
        /// Also every local file.
        Full = "full",
    }
}

/// One place where software announces itself.
pub struct Source {
    /// Its name: of its file, of its fixtures and of its coverage row.
    pub id: &'static str,
    /// What it reads, in a few words.
    pub about: &'static str,
    /// The systems on which its absence is itself a gap.
    pub expects: &'static [Packages],
    /// What it needs of a target.
    pub needs: Needs,
    /// The depth from which on it is read.
    pub depth: Depth,
    /// What a gap here leaves unknown.
    pub yields: &'static [Kind],
    /// The right without which it cannot see all, in words for a person.
    pub rights: &'static str,
    /// A cut in its data that it cannot notice, in words; empty if it notices each.
    pub blind: &'static str,
    /// Reads it. What cannot be read goes to [`Sink::keep`].
    pub collect: fn(&Target, &mut Sink),
}

/// The walk that the sources of a scan share, once one of them has asked for it.
type Shared = Arc<OnceLock<Arc<Tree>>>;

/// What a source found.
#[derive(Default)]
pub struct Sink {
    items: Vec<Item>,
    gaps: BTreeSet<Gap>,
    /// How many gaps beyond those that are kept, and whether any of them blocks.
    more: (usize, bool),
    dropped: usize,
    owners: Owners,
    found: bool,
    depth: Depth,
    tree: Shared,
}

impl Sink {
    /// One for a scan of this depth, with the walk that its sources share.
    fn new(depth: Depth, tree: &Shared, target: &Target) -> Self {
        let owners = Owners::by(target.rule());
        Self { depth, tree: Arc::clone(tree), owners, ..Self::default() }
    }

    /// How far the scan goes.
    pub(crate) fn depth(&self) -> Depth {
        self.depth
    }

    /// What the walk of the target found, of which the first source that asks makes it. What may hide something there is
    /// unseen by each of them; what is only told is told once, by the programs.
    fn tree(&mut self, target: &Target) -> Arc<Tree> {
        let tree = Arc::clone(self.tree.get_or_init(|| Arc::new(Tree::walk(target, self.depth()))));
        let hides = |gap: &&Gap| gap.blocks || matches!(gap.code, GapCode::Excluded | GapCode::Network);
        for gap in tree.gaps.iter().filter(hides) {
            self.gap(gap.clone());
        }
        tree
    }

    /// Says that the place the source reads is there, so that finding nothing in it is a gap.
    pub(crate) fn found(&mut self) {
        self.found = true;
    }

    /// Takes an item.
    pub(crate) fn item(&mut self, item: Item) {
        self.found = true;
        if self.items.len() < MAX_ITEMS {
            self.items.push(item);
        } else {
            self.dropped += 1;
        }
    }

    /// Takes a gap.
    pub(crate) fn gap(&mut self, gap: Gap) {
        if self.gaps.len() < MAX_GAPS {
            self.gaps.insert(gap);
        } else if !self.gaps.contains(&gap) {
            self.more.0 += 1;
            self.more.1 |= gap.blocks;
        }
    }

    /// The value of what worked; the gap of what did not is taken.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Gap>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(gap) => {
                self.gap(gap);
                None
            }
        }
    }

    /// What could be read of something; the gaps of the rest are taken.
    pub(crate) fn part<T>(&mut self, (value, gaps): (T, Vec<Gap>)) -> T {
        for gap in gaps {
            self.gap(gap);
        }
        value
    }

    /// Says that a path belongs to an item.
    pub(crate) fn owns(&mut self, path: &[u8], item: &Text) {
        self.owners.add(path, item);
    }

    /// Says that an item belongs to what owns this path, or another given so, and not to what owns its own.
    pub(crate) fn belongs(&mut self, item: &Text, path: &Path) {
        self.owners.join_by(item, path);
    }

    /// Says that all below a folder belongs to an item, but for what a list gives to another.
    pub(crate) fn owns_below(&mut self, folder: &Path, item: &Text) {
        self.owners.add_below(folder.as_os_str().as_encoded_bytes(), item);
    }
}

/// The JSON document in a file; nothing, if there is no file.
fn json(target: &Target, path: &Path) -> Result<Option<serde_json::Value>, Gap> {
    let Some(bytes) = target.read_up_to(path, MAX_JSON)? else { return Ok(None) };
    let place = Text::from_path(path);
    if bytes.trim_ascii().is_empty() {
        return Err(Gap::new(GapCode::Empty, place, "it is empty; a JSON document never is"));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|e| {
        let code = if e.is_eof() { GapCode::Truncated } else { GapCode::Damaged };
        Gap::new(code, place, format!("it is no whole JSON document, so what it lists is unknown: {e}"))
    })
}

/// Called with the id of each source when it is done.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Reads every source of a target.
#[must_use]
pub fn collect(target: &Target, depth: Depth, done: Progress<'_>) -> Inventory {
    if let Some(saved) = target.saved_inventory() {
        return saved.clone();
    }
    let tree = Shared::default();
    let read: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = SOURCES
            .iter()
            .map(|source| {
                let sink = Sink::new(depth, &tree, target);
                scope.spawn(move || {
                    let result = read(source, target, sink);
                    done(source.id);
                    result
                })
            })
            .collect();
        // A source's panic is caught where it is read; a thread that still ends so has yielded nothing.
        running
            .into_iter()
            .zip(SOURCES)
            .map(|(thread, source)| thread.join().unwrap_or_else(|_| fault(source)))
            .collect()
    });
    let (mut items, mut coverage) = put_together(target, read);
    require_a_list(target, &mut coverage);
    if target.os().family == Family::Windows {
        write_as_windows(&mut items, &mut coverage);
    }
    items.sort_by(|a, b| a.order().cmp(&b.order()));
    Inventory { subject: target.subject(), host: target.host().clone(), items, coverage }
}

/// What all sources found, with what runs joined to what owns it, and their rows.
fn put_together(target: &Target, read: Vec<(Coverage, Sink)>) -> (Vec<Item>, Vec<Coverage>) {
    let (mut items, mut coverage, mut owners) = (Vec::new(), Vec::new(), Owners::by(target.rule()));
    for (row, sink) in read {
        coverage.push(row);
        items.extend(sink.items);
        owners.merge(sink.owners);
    }
    owners.join(target, &mut items);
    // A file that a package owns was not left behind.
    items.retain(|i| !(i.kind == Kind::File && i.state == State::Remnant && i.owner.is_some()));
    for row in &mut coverage {
        row.items = items.iter().filter(|item| item.source == row.source).count();
    }
    (items, coverage)
}

/// Writes the places of a Windows root as Windows does; what lies in a container is in the form of that.
fn write_as_windows(items: &mut [Item], coverage: &mut [Coverage]) {
    for item in items.iter_mut().filter(|item| item.container.is_none()) {
        for place in item.paths.iter_mut().chain([&mut item.place]) {
            *place = windows::written(place);
        }
    }
    for row in coverage {
        for gap in &mut row.gaps {
            gap.place = windows::written(&gap.place);
        }
        row.gaps.sort();
    }
}

fn read(source: &Source, target: &Target, mut sink: Sink) -> (Coverage, Sink) {
    let skipped = |why: &str| {
        let row = Coverage {
            source: source.id.into(),
            state: CoverageState::Skipped,
            items: 0,
            reason: Some(why.into()),
            gaps: Vec::new(),
        };
        (row, Sink::default())
    };
    if source.needs == Needs::Processes && !target.is_live() {
        return skipped("does not apply: nothing runs in a root that is not this machine's");
    }
    if sink.depth < source.depth {
        return skipped("not asked for at this depth");
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| (source.collect)(target, &mut sink)));
    if outcome.is_err() {
        return fault(source);
    }
    for item in &mut sink.items {
        item.source = source.id.into();
    }
    (cover(source, target, &mut sink), sink)
}

fn fault(source: &Source) -> (Coverage, Sink) {
    let reason = "interdict failed while reading this; please report it with what is in this place";
    let gaps = vec![Gap::new(GapCode::Fault, source.id, reason)];
    let row =
        Coverage { source: source.id.into(), state: CoverageState::Failed, items: 0, reason: None, gaps };
    (row, Sink::default())
}

/// The coverage row of a source (law 1).
fn cover(source: &Source, target: &Target, sink: &mut Sink) -> Coverage {
    let expected = target.os().packages.is_some_and(|p| source.expects.contains(&p));
    if sink.dropped > 0 {
        let reason = format!("{} items beyond the bound of {MAX_ITEMS} were left out", sink.dropped);
        sink.gap(Gap::new(GapCode::TooMany, source.id, reason));
    }
    // A note tells of nothing that could hide software, so it does not explain why there is none.
    let unseen = sink.gaps.iter().any(|g| g.blocks || matches!(g.code, GapCode::Excluded | GapCode::Network));
    if sink.found && sink.items.is_empty() && !unseen {
        sink.gap(Gap::new(GapCode::Empty, source.id, format!("{} are there and hold nothing", source.about)));
    } else if !sink.found && !unseen && expected {
        let reason = format!("{} are not there, though this system is made with them", source.about);
        sink.gap(Gap::new(GapCode::Missing, source.id, reason));
    }
    if sink.more.0 > 0 {
        let gap = Gap::new(GapCode::TooMany, source.id, format!("{} more gaps like these", sink.more.0));
        sink.gaps.insert(Gap { blocks: sink.more.1, ..gap });
    }
    let gaps: Vec<Gap> = std::mem::take(&mut sink.gaps).into_iter().collect();
    let blocks = gaps.iter().any(|g| g.blocks);
    let excluded = gaps.iter().any(|g| g.code == GapCode::Excluded);
    let (state, reason) = match (sink.items.is_empty(), blocks) {
        (true, true) => (CoverageState::Failed, None),
        (false, true) => (CoverageState::Partial, None),
        (true, false) if excluded => (CoverageState::Skipped, Some("excluded on request".into())),
        (false, false) if excluded => (CoverageState::Partial, None),
        (true, false) if gaps.iter().any(|g| g.code == GapCode::Network) => {
            (CoverageState::Skipped, Some("on a network file system".into()))
        }
        (true, false) if !sink.found => (CoverageState::Absent, None),
        _ => (CoverageState::Covered, None),
    };
    Coverage { source: source.id.into(), state, items: sink.items.len(), reason, gaps }
}

/// Managers that a system may be made with and that are more often added to another: their list alone, however long,
/// does not say what the other is made of.
const BESIDE: &[&str] = &["nix"];

/// Whether a row is of a source whose list says what the target is made of.
fn lists(target: &Target, row: &Coverage) -> bool {
    let source = SOURCES.iter().find(|s| row.source.raw() == s.id);
    source.is_some_and(|s| {
        let made_with = target.os().packages.is_some_and(|p| s.expects.contains(&p));
        made_with || (!s.expects.is_empty() && !BESIDE.contains(&s.id))
    })
}

/// Why nothing says what a target is made of: a target in which nothing lists what is installed has not been seen,
/// however much of it could be read; nor has one that is made with a package manager that no source reads.
fn unlisted(target: &Target, coverage: &[Coverage]) -> Option<Gap> {
    let unread = target.os().packages.filter(|p| !SOURCES.iter().any(|s| s.expects.contains(p)));
    if let Some(packages) = unread {
        let reason =
            format!("this system is made with {packages} packages, which this version does not read");
        return Some(Gap::new(GapCode::Unsupported, "/", reason));
    }
    if let Some(unread) = target.unknown_os() {
        let reason = format!("{}; so what this system is made with is unknown", unread.reason.raw());
        return Some(Gap { reason: reason.into(), ..unread.clone() });
    }
    let was_read = |row: &Coverage| !matches!(row.state, CoverageState::Absent | CoverageState::Skipped);
    if coverage.iter().any(|row| lists(target, row) && was_read(row)) {
        return None;
    }
    let reason = "nothing that lists installed software was read; check that this is the root of a system";
    Some(Gap::new(GapCode::NothingListed, "/", reason))
}

/// Tells in the rows of all sources of lists that none says what the target is made of.
fn require_a_list(target: &Target, coverage: &mut [Coverage]) {
    let Some(gap) = unlisted(target, coverage) else { return };
    let lists = |row: &Coverage| lists(target, row);
    // What was left out on request stays skipped where another row can tell the gap.
    let any_absent = coverage.iter().any(|row| lists(row) && row.state == CoverageState::Absent);
    for row in coverage.iter_mut().filter(|row| lists(row)) {
        if row.state == CoverageState::Skipped && any_absent {
            continue;
        }
        row.gaps.push(gap.clone());
        row.gaps.sort();
        row.state = match row.state {
            CoverageState::Skipped => CoverageState::Skipped,
            _ if row.items > 0 => CoverageState::Partial,
            _ => CoverageState::Failed,
        };
    }
}

#[cfg(test)]
mod tests;
