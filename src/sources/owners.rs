//! Which package owns a path, and the join of what runs, and of what a language's own manager knows, to it.
//!
//! Package managers list hundreds of thousands of paths, so only a hash of 64 bits is kept of each. A list and a
//! process may name one file by two paths where a folder of the root is a link (`/bin` → `usr/bin`), so a path is
//! looked up under each of its names; so it is by any case where names have none.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::item::{Item, Kind};
use crate::target::{EntryKind, Rule, Target};
use crate::text::Text;

/// Paths and the items that own them.
#[derive(Default)]
pub(crate) struct Owners {
    /// How paths compare; none, if as bytes.
    rule: Option<Rule>,
    items: Vec<Text>,
    paths: Vec<(u64, u32)>,
    /// Folders that belong to an item with all that is below them.
    folders: Vec<(u64, u32)>,
    /// Paths that tell whose an item is, where that is not what its own would tell.
    instead: HashMap<Text, Vec<PathBuf>>,
}

impl Owners {
    /// None yet, of paths that compare so.
    pub(super) fn by(rule: Option<Rule>) -> Self {
        Self { rule, ..Self::default() }
    }

    fn key(&self, path: &[u8]) -> u64 {
        match self.rule {
            Some(rule) => key(&rule.compared(path)),
            None => key(path),
        }
    }

    pub(super) fn add(&mut self, path: &[u8], item: &Text) {
        let number = self.number(item);
        self.paths.push((self.key(path), number));
    }

    pub(super) fn add_below(&mut self, folder: &[u8], item: &Text) {
        let number = self.number(item);
        self.folders.push((self.key(folder), number));
    }

    pub(super) fn join_by(&mut self, item: &Text, path: &Path) {
        self.instead.entry(item.clone()).or_default().push(path.to_owned());
    }

    fn number(&mut self, item: &Text) -> u32 {
        if self.items.last() != Some(item) {
            self.items.push(item.clone());
        }
        u32::try_from(self.items.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn merge(&mut self, other: Self) {
        let offset = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        let moved = |(path, item): (u64, u32)| (path, item.saturating_add(offset));
        self.items.extend(other.items);
        self.paths.extend(other.paths.into_iter().map(moved));
        self.folders.extend(other.folders.into_iter().map(moved));
        self.instead.extend(other.instead);
    }

    /// Gives each process, service, task, driver, file and desktop entry of the host the owner of its executable, and
    /// each package of a language the owner of what describes it.
    pub(super) fn join(self, target: &Target, items: &mut [Item]) {
        let links = root_links(target);
        let owners: HashMap<u64, u32> = self.paths.iter().copied().collect();
        let folders: HashMap<u64, u32> = self.folders.iter().copied().collect();
        let bytes = |path: &Path| self.key(bytes_of(path));
        // A file that is listed is its list's, whatever folder it is in.
        let owner = |path: PathBuf| {
            let below = || path.ancestors().skip(1).find_map(|folder| folders.get(&bytes(folder)));
            owners.get(&bytes(&path)).or_else(below).copied()
        };
        let joined = |item: &&mut Item| {
            let part =
                matches!(item.kind, Kind::Process | Kind::Service | Kind::Task | Kind::Driver | Kind::File);
            (part || item.is_of_language() || item.source.raw() == "desktop")
                && item.owner.is_none()
                && item.container.is_none()
        };
        for item in items.iter_mut().filter(joined) {
            // A service belongs to what it starts, not to what describes it; of a process only the first path is one
            // of this machine's.
            let is_process = item.kind == Kind::Process;
            let paths = item.paths.iter().take(if is_process { 1 } else { usize::MAX });
            let by_place = item.is_of_language() || (!is_process && item.paths.is_empty());
            let places = paths.chain(by_place.then_some(&item.place));
            let places = match self.instead.get(&item.id) {
                Some(instead) => instead.clone(),
                None => places.map(Text::to_path).collect(),
            };
            let mut told =
                places.iter().map(|place| (place, names(&links, place).into_iter().find_map(&owner)));
            // What also starts a program of a vendor that no package has is not the part of one, whatever else it starts.
            let is_of_vendor = |place: &Path| OWN.iter().any(|own| bytes_of(place).starts_with(own));
            if matches!(item.kind, Kind::Service | Kind::Task)
                && told.clone().any(|(place, owner)| owner.is_none() && is_of_vendor(place))
            {
                continue;
            }
            item.owner = told.find_map(|(_, number)| self.items.get(number? as usize)).cloned();
        }
    }
}

fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn key(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// The folders of the root that are links, and where they lead.
fn root_links(target: &Target) -> Vec<(PathBuf, PathBuf)> {
    let entries = target.list(Path::new("/")).ok().flatten().unwrap_or_default();
    let links =
        entries.into_iter().filter(|e| e.kind == EntryKind::Link).map(|e| Path::new("/").join(e.name));
    links.filter_map(|link| target.resolve(&link).ok().flatten().map(|leads| (link, leads))).collect()
}

/// The names of a file, given one of them.
fn names(links: &[(PathBuf, PathBuf)], path: &Path) -> Vec<PathBuf> {
    let exchanged = |from: &Path, to: &Path| path.strip_prefix(from).ok().map(|rest| to.join(rest));
    let others = links.iter().flat_map(|(link, leads)| [exchanged(link, leads), exchanged(leads, link)]);
    std::iter::once(path.to_owned()).chain(others.flatten()).collect()
}

/// Folders in which a package's files tell whose it is; the others are shared by all packages of a distribution.
const OWN: &[&[u8]] = &[b"/opt/", b"/usr/local/", b"/srv/", b"/var/opt/", b"/etc/opt/", b"/home/", b"/root/"];
/// Paths of one package that are told one by one; of more, only the folders they are in.
const MAX_PATHS: usize = 64;

/// The paths of a package that tell whose it is, without the folders that lead to them.
pub(super) fn own_paths<F: AsRef<[u8]>>(files: impl IntoIterator<Item = F>) -> Vec<Text> {
    let is_own = |f: &F| OWN.iter().any(|p| f.as_ref().starts_with(p) && f.as_ref().len() > p.len());
    let mut own: BTreeSet<Vec<u8>> = files.into_iter().filter(is_own).map(|f| f.as_ref().to_vec()).collect();
    for depth in (2..=6).rev() {
        if own.len() <= MAX_PATHS {
            break;
        }
        own = own.iter().map(|f| up_to(f, depth).to_vec()).collect();
    }
    let leads = |f: &Vec<u8>| {
        let below = [f.as_slice(), b"/"].concat();
        own.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
    };
    own.iter().filter(|f| !leads(f)).take(MAX_PATHS).map(|f| Text::from_bytes(f)).collect()
}

/// The first components of an absolute path.
fn up_to(path: &[u8], depth: usize) -> &[u8] {
    let mut slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    slashes.nth(depth).map_or(path, |end| path.get(..end).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_paths_are_those_outside_the_shared_folders() {
        let files = ["/usr/bin/a", "/opt", "/opt/v", "/opt/v/p", "/opt/v/p/a", "/opt/v-x/b", "/etc/opt/v/c"];
        let own = own_paths(files.map(|f| f.as_bytes().to_vec()));
        assert_eq!(
            own.iter().map(Text::raw).collect::<Vec<_>>(),
            ["/etc/opt/v/c", "/opt/v-x/b", "/opt/v/p/a"]
        );
    }

    #[test]
    fn many_own_paths_become_their_folders() {
        let files = (0..500).map(|n| format!("/opt/v/p/lib/{}/{n}", n % 9).into_bytes());
        let own = own_paths(files);
        assert_eq!(own.len(), 9, "{own:?}");
        assert!(own.iter().all(|p| p.raw().starts_with("/opt/v/p/lib/")));
    }

    #[test]
    fn what_is_below_a_folder_is_its_owners_unless_a_list_says_else() {
        let mut first = Owners::default();
        first.add(b"/opt/listed/x", &"list".into());
        let mut second = Owners::default();
        second.add_below(b"/opt/k", &"folder".into());
        second.add(b"/opt/k/y", &"list".into());
        first.merge(second);
        let of =
            |path: &str| Item { paths: vec![path.into()], ..Item::new(Kind::Process, "p".into(), "".into()) };
        let mut items = ["/opt/k/bin/x", "/opt/k/y", "/opt/k", "/opt/kx/z", "/opt/listed/x/y"].map(of);
        first.join(&Target::refusing(), &mut items);
        let owners = items.map(|item| item.owner.map(|o| o.raw().to_owned()));
        assert_eq!(owners, [Some("folder".into()), Some("list".into()), None, None, None]);
    }

    #[test]
    fn where_names_have_no_case_a_path_is_found_by_any() {
        let of =
            |path: &str| Item { paths: vec![path.into()], ..Item::new(Kind::File, "f".into(), "".into()) };
        let mut owners = Owners::by(Some(Rule::Windows));
        owners.add_below(b"/Program Files/K", &"folder".into());
        owners.add(b"C:\\Windows\\k.sys", &"list".into());
        let mut items = ["/program files/k/bin/X.EXE", "/WINDOWS/K.sys", "/Windows/other"].map(of);
        owners.join(&Target::refusing(), &mut items);
        let owners = items.map(|item| item.owner.map(|o| o.raw().to_owned()));
        assert_eq!(owners, [Some("folder".into()), Some("list".into()), None]);
    }

    /// An interpreter's maker does not own what the interpreter runs.
    #[test]
    fn an_item_that_is_joined_by_another_path_is_not_by_its_own() {
        let of = |id: &str| Item {
            id: id.into(),
            paths: vec!["/usr/bin/python3".into()],
            ..Item::new(Kind::Process, "p".into(), "".into())
        };
        let mut owners = Owners::default();
        owners.add(b"/usr/bin/python3", &"python".into());
        owners.add(b"/opt/k/x", &"k".into());
        let mut other = Owners::default();
        other.join_by(&"1".into(), Path::new("/none"));
        other.join_by(&"1".into(), Path::new("/opt/k/x"));
        other.join_by(&"2".into(), Path::new("/home/x"));
        owners.merge(other);
        let mut items = ["0", "1", "2"].map(of);
        owners.join(&Target::refusing(), &mut items);
        let owners = items.map(|item| item.owner.map(|o| o.raw().to_owned()));
        assert_eq!(owners, [Some("python".into()), Some("k".into()), None]);
    }

    #[test]
    fn what_starts_a_tool_and_a_program_of_a_vendor_is_no_part_of_the_tools_package() {
        let of = |paths: &[&str]| Item {
            paths: paths.iter().map(|p| Text::from(*p)).collect(),
            ..Item::new(Kind::Task, "t".into(), "".into())
        };
        let mut owners = Owners::default();
        owners.add(b"/usr/bin/logger", &"tools".into());
        owners.add(b"/opt/k/owned", &"k".into());
        let mut items =
            [&["/usr/bin/logger", "/opt/k/x"][..], &["/usr/bin/none", "/usr/bin/logger"], &["/opt/k/owned"]]
                .map(of);
        owners.join(&Target::refusing(), &mut items);
        let owners = items.map(|item| item.owner.map(|o| o.raw().to_owned()));
        assert_eq!(owners, [None, Some("tools".into()), Some("k".into())]);
    }

    #[test]
    fn a_package_of_a_language_is_the_packages_that_lists_its_description() {
        let mut lists = Owners::default();
        lists.add(b"/usr/lib/p-1.dist-info/METADATA", &"dpkg:python3-p:all".into());
        let of = |ecosystem: &str| Item {
            paths: vec!["/usr/lib/p-1.dist-info".into()],
            ecosystem: Some(ecosystem.into()),
            ..Item::new(Kind::Package, "p".into(), "/usr/lib/p-1.dist-info/METADATA".into())
        };
        let mut items = ["pypi", "debian"].map(of);
        lists.join(&Target::refusing(), &mut items);
        let owners = items.map(|item| item.owner.map(|o| o.raw().to_owned()));
        assert_eq!(owners, [Some("dpkg:python3-p:all".into()), None]);
    }

    #[test]
    fn a_path_has_a_name_through_each_link_of_the_root() {
        let links = [("/bin".into(), "/usr/bin".into()), ("/sbin".into(), "/usr/sbin".into())];
        let of = |path: &str| names(&links, Path::new(path));
        assert_eq!(of("/bin/sh"), [Path::new("/bin/sh"), Path::new("/usr/bin/sh")]);
        assert_eq!(of("/usr/bin/sh"), [Path::new("/usr/bin/sh"), Path::new("/bin/sh")]);
        assert_eq!(of("/opt/sh"), [Path::new("/opt/sh")]);
    }
}
