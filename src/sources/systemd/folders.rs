//! The managers of a machine and where each looks for units, highest folder first (systemd.unit(5)).
//!
//! Besides the manager of the system there is one for each user, which reads what is made for all users and what lies
//! in the home. What is made for all is told once, for all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::inventory::{Gap, GapCode};
use crate::sources::Sink;
use crate::target::{Entry, Target};
use crate::text::Text;

/// The search path of the system's manager.
const SYSTEM: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];
/// The search path of a user's manager; `~` is the home, `.` the folder of what the user runs.
const USER: &[&str] = &[
    "~/.config/systemd/user.control",
    "./user.control",
    "./transient",
    "./generator.early",
    "~/.config/systemd/user",
    "/etc/xdg/systemd/user",
    "/etc/systemd/user",
    "./user",
    "/run/systemd/user",
    "./generator",
    "~/.local/share/systemd/user",
    "/usr/local/share/systemd/user",
    "/usr/share/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
    "./generator.late",
];
/// Where an alias is made by enabling a unit; in a lower folder it came with the package.
const ADMIN: &[&str] = &["/etc/systemd/system", "/etc/systemd/user", "~/.config/systemd/user"];
/// Where each running manager of a user has a folder, named after the user's number.
const RUNNING: &str = "/run/user";
const PASSWD: &str = "/etc/passwd";
/// Bytes of it that are read.
const MAX_BYTES: u64 = 64 << 20;

/// A folder of a search path.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) real: PathBuf,
    pub(super) entries: Vec<Entry>,
    /// Whether an alias in it was made by enabling.
    pub(super) admin: bool,
    /// Whether it is one user's alone.
    pub(super) own: bool,
}

/// Whose services a manager starts.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Of {
    System,
    /// Every user who logs in.
    Users,
    User {
        name: Text,
        home: Option<PathBuf>,
    },
}

/// A manager and its folders that are there.
pub(super) struct Manager {
    pub(super) of: Of,
    pub(super) folders: Vec<Rc<Folder>>,
}

/// All managers; that of a user only where the user has a folder of units.
pub(super) fn managers(target: &Target, sink: &mut Sink) -> Vec<Manager> {
    let mut listed = Listed::default();
    let mut managers = Vec::new();
    for (of, path) in [(Of::System, SYSTEM), (Of::Users, USER)] {
        let paths = path.iter().filter(|p| p.starts_with('/')).map(|p| (*p, PathBuf::from(p)));
        let folders = listed.all(target, sink, paths);
        managers.push(Manager { of, folders });
    }
    for (name, (home, running)) in users(target, sink) {
        let place = |path: &&'static str| {
            let (at, rest) = match path.split_once('/')? {
                ("~", rest) => (home.as_ref()?, rest),
                (".", rest) => (running.as_ref()?, rest),
                _ => return Some((*path, PathBuf::from(path))),
            };
            Some((*path, at.join(rest)))
        };
        let folders = listed.all(target, sink, USER.iter().filter_map(place));
        if folders.iter().any(|folder| folder.own) {
            managers.push(Manager { of: Of::User { name, home: home.clone() }, folders });
        }
    }
    managers
}

/// Folders that were listed, by their path.
#[derive(Default)]
struct Listed(BTreeMap<PathBuf, Option<Rc<Folder>>>);

impl Listed {
    /// Those that are there, each once: `/lib` often is a link to `/usr/lib`.
    fn all(
        &mut self,
        target: &Target,
        sink: &mut Sink,
        paths: impl Iterator<Item = (&'static str, PathBuf)>,
    ) -> Vec<Rc<Folder>> {
        let mut folders: Vec<Rc<Folder>> = Vec::new();
        // A home that may not be looked into is one gap, not one for each folder in it.
        let mut denied = false;
        for (written, path) in paths {
            let folder = self.0.entry(path.clone()).or_insert_with(|| {
                let own = !written.starts_with('/');
                let mut keep = |gap: Gap| {
                    if !(own && denied && gap.code == GapCode::Denied) {
                        denied |= own && gap.code == GapCode::Denied;
                        sink.gap(gap);
                    }
                };
                let entries = target.list(&path).map_err(&mut keep).ok().flatten()?;
                let real = target.resolve(&path).map_err(&mut keep).ok().flatten()?;
                Some(Rc::new(Folder { path, real, entries, admin: ADMIN.contains(&written), own }))
            });
            if let Some(folder) = folder
                && folders.iter().all(|seen| seen.real != folder.real)
            {
                folders.push(folder.clone());
            }
        }
        folders
    }
}

/// The home and the folder of what runs, by the user's name.
fn users(target: &Target, sink: &mut Sink) -> BTreeMap<Text, (Option<PathBuf>, Option<PathBuf>)> {
    let mut found: BTreeMap<Text, (Option<PathBuf>, Option<PathBuf>)> = BTreeMap::new();
    let (users, gaps) = target.users();
    for gap in gaps {
        sink.gap(gap);
    }
    for user in users {
        found.entry(user.name).or_default().0.get_or_insert(user.home);
    }
    let running = Path::new(RUNNING);
    let numbers = sink.keep(target.list(running)).flatten().unwrap_or_default();
    if numbers.is_empty() {
        return found;
    }
    // What keeps this from being read is told of the homes already.
    let passwd = target.read_up_to(Path::new(PASSWD), MAX_BYTES).ok().flatten().unwrap_or_default();
    let accounts = passwd.split(|&b| b == b'\n').rev().filter_map(|line| {
        let mut fields = line.split(|&b| b == b':');
        let name = fields.next()?;
        Some((fields.nth(1)?, name))
    });
    // Of several with one number the first counts.
    let names: BTreeMap<&[u8], &[u8]> = accounts.collect();
    for number in numbers {
        let bytes = number.name.as_encoded_bytes();
        let name = Text::from_bytes(names.get(bytes).copied().unwrap_or(bytes));
        found.entry(name).or_default().1.get_or_insert(running.join(number.name).join("systemd"));
    }
    found
}
