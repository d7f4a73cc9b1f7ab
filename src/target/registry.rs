//! The registry of Windows: one door with two worlds behind it, hives in files and the live registry.
//!
//! Format: "Registry Hives" and "Predefined Keys" (learn.microsoft.com). `HKLM\SOFTWARE` and `HKLM\SYSTEM` are files in
//! `System32\config`, and each user has two in the profile, which `ProfileList` names. Windows has a user's hives in the
//! registry only while the user is logged on; the others are read from their files on a live machine too. A key names
//! the view of 32-bit programs as `Wow6432Node` in both worlds, for the live one is asked for its 64-bit view.

mod files;
#[cfg(windows)]
mod live;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::inventory::{Gap, GapCode};
use crate::parse::regf::{Value, same};
use crate::target::{EntryKind, Family, Target, windows};
use crate::text::Text;

/// Where the hives of the machine lie.
const CONFIG: &str = "/Windows/System32/config";
const PROFILES: &str = "Microsoft\\Windows NT\\CurrentVersion\\ProfileList";
/// Folders in which profiles lie; the second is that of Windows XP.
const HOMES: &[&str] = &["/Users", "/Documents and Settings"];
/// The account of the system, whose hive lies among those of the machine.
const SYSTEM: &str = "S-1-5-18";
/// The hive of a user, and the one of a profile that is the same for everyone.
const OF_USER: &[&str] = &["NTUSER.DAT", "NTUSER.MAN"];
const CLASSES: &str = "AppData/Local/Microsoft/Windows/UsrClass.dat";

/// A part of the registry with a root of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// `HKLM\SOFTWARE`.
    Software,
    /// `HKLM\SYSTEM`.
    System,
    /// `HKLM\SYSTEM\CurrentControlSet`.
    ControlSet,
    /// What belongs to a user.
    User(Profile),
    /// The classes of a user.
    Classes(Profile),
}

/// A user with a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Profile {
    /// The name of the profile's folder, which is the user's as a rule.
    pub name: Text,
    /// The user's security identifier; none, if no list names the profile.
    pub sid: Option<Text>,
    /// The folder, in the form of the target.
    pub folder: PathBuf,
}

impl Profile {
    /// What the keys of the user begin with.
    fn place(&self, ending: &str) -> Text {
        if let Some(sid) = &self.sid {
            return format!("HKU\\{}{ending}", sid.raw()).into();
        }
        let file = if ending.is_empty() { "NTUSER.DAT" } else { CLASSES };
        windows::written(&Text::from_path(&self.folder.join(file)))
    }
}

/// The hives of the machine, each read once for all sources.
#[derive(Default)]
pub(super) struct Hives {
    software: OnceLock<files::Loaded>,
    system: OnceLock<files::Loaded>,
}

/// The registry of a target.
#[derive(Clone, Copy)]
pub struct Registry<'t>(&'t Target);

impl Target {
    /// The registry.
    #[must_use]
    pub fn registry(&self) -> Registry<'_> {
        Registry(self)
    }

    #[cfg(windows)]
    fn has_live_registry(&self) -> bool {
        matches!(self.world, super::World::Live(_))
    }
}

impl Registry<'_> {
    /// The topmost key of a part; nothing, if it is not there. What of it cannot be read comes along as gaps.
    #[must_use]
    pub fn open(self, root: &Root) -> (Option<Key>, Vec<Gap>) {
        #[cfg(windows)]
        if self.0.has_live_registry()
            && let Some(opened) = live::open(root)
        {
            return opened;
        }
        let target = self.0;
        let config = Path::new(CONFIG);
        let (loaded, place) = match root {
            Root::Software => {
                let load = || files::load(target, &config.join("SOFTWARE"));
                (target.hives.software.get_or_init(load).clone(), "HKLM\\SOFTWARE".into())
            }
            Root::System | Root::ControlSet => {
                let load = || files::load(target, &config.join("SYSTEM"));
                (target.hives.system.get_or_init(load).clone(), "HKLM\\SYSTEM".into())
            }
            Root::User(profile) => (self.of_user(profile), profile.place("")),
            Root::Classes(profile) => {
                (files::load(target, &profile.folder.join(CLASSES)), profile.place("_Classes"))
            }
        };
        let (hive, mut gaps) = loaded;
        let key = hive.and_then(|hive| files::root(hive, place).map_err(|gap| gaps.push(gap)).ok());
        match root {
            Root::Software | Root::System | Root::ControlSet
                if key.is_none() && gaps.is_empty() && target.os().family == Family::Windows =>
            {
                let name = if *root == Root::Software { "SOFTWARE" } else { "SYSTEM" };
                let reason = "this part of the registry is not there, though every Windows has it";
                gaps.push(Gap::new(GapCode::Missing, Text::from_path(&config.join(name)), reason));
                (None, gaps)
            }
            Root::ControlSet => match key.as_ref().map(files::control_set) {
                Some(Ok(key)) => (Some(key), gaps),
                Some(Err(gap)) => {
                    gaps.push(gap);
                    (None, gaps)
                }
                None => (None, gaps),
            },
            _ => (key, gaps),
        }
    }

    /// The hive of a user, from its file.
    fn of_user(self, profile: &Profile) -> files::Loaded {
        let target = self.0;
        let of_system = profile.sid.as_ref().is_some_and(|sid| sid.raw() == SYSTEM);
        let files: Vec<_> = if of_system {
            vec![Path::new(CONFIG).join("DEFAULT")]
        } else {
            OF_USER.iter().map(|name| profile.folder.join(name)).collect()
        };
        for file in &files {
            let loaded = files::load(target, file);
            if loaded.0.is_some() || !loaded.1.is_empty() {
                return loaded;
            }
        }
        // A folder that is gone from among others was removed; one whose surroundings are not there was not seen.
        let parent = profile.folder.parent().unwrap_or(&profile.folder);
        let is_gone = !of_system
            && matches!(target.entry(&profile.folder), Ok(None))
            && matches!(target.entry(parent), Ok(Some(EntryKind::Folder)));
        let place = files.first().map(|file| Text::from_path(file)).unwrap_or_default();
        let name = &profile.name;
        let gap = if is_gone {
            Gap::new(GapCode::Missing, place, format!("the profile of {name} is listed and its folder gone"))
                .note()
        } else {
            let reason =
                format!("the registry of {name} is not there, so what this user installed is unknown");
            Gap::new(GapCode::Missing, place, reason)
        };
        (None, vec![gap])
    }

    /// The users with a profile, the system's own accounts among them; what kept some from being told comes along.
    #[must_use]
    pub fn users(self) -> (Vec<Profile>, Vec<Gap>) {
        let (software, mut gaps) = self.open(&Root::Software);
        let mut profiles = Vec::new();
        match software.as_ref().map(|software| software.key(PROFILES)) {
            Some(Ok(Some(list))) => {
                let (keys, unread) = list.keys();
                gaps.extend(unread);
                for key in keys {
                    match self.listed(&key) {
                        Ok(profile) => profiles.push(profile),
                        Err(gap) => gaps.push(gap),
                    }
                }
            }
            Some(Ok(None)) => {
                let reason = "it is not there, so profiles outside the common folders are unknown";
                gaps.push(Gap::new(GapCode::Missing, format!("HKLM\\SOFTWARE\\{PROFILES}"), reason));
            }
            Some(Err(gap)) => gaps.push(gap),
            None if matches!(self.0.os().family, Family::Linux | Family::MacOs) => return (profiles, gaps),
            None => {}
        }
        #[cfg(windows)]
        if self.0.has_live_registry() {
            let (loaded, unread) = live::loaded();
            gaps.extend(unread);
            let known = |sid: &Text| profiles.iter().any(|p: &Profile| p.sid.as_ref() == Some(sid));
            let unknown: Vec<_> = loaded.into_iter().filter(|sid| !known(sid)).collect();
            profiles.extend(unknown.into_iter().map(|sid| Profile {
                name: sid.clone(),
                sid: Some(sid),
                folder: PathBuf::new(),
            }));
        }
        let (more, unread) = self.unlisted(&profiles);
        profiles.extend(more);
        gaps.extend(unread);
        profiles.sort();
        (profiles, gaps)
    }

    /// The profile that a key of the list describes.
    fn listed(self, key: &Key) -> Result<Profile, Gap> {
        let says = key.value("ProfileImagePath")?.and_then(|told| told.text());
        let folder = says.and_then(|says| self.0.windows_path(&says, None).ok().flatten());
        let reason = "it names no folder that is known, so what this user installed is unknown";
        let folder = folder.filter(|folder| folder.file_name().is_some());
        let folder = folder.ok_or_else(|| Gap::new(GapCode::Unsupported, key.path().clone(), reason))?;
        Ok(profile(&folder, Some(key.name().clone())))
    }

    /// Profiles that no list names, or may not, since it was damaged.
    fn unlisted(self, listed: &[Profile]) -> (Vec<Profile>, Vec<Gap>) {
        let (mut found, mut gaps) = (Vec::new(), Vec::new());
        let lower = |path: &Path| Text::from_path(path).raw().to_lowercase();
        let mut known: BTreeSet<_> = listed.iter().map(|profile| lower(&profile.folder)).collect();
        for home in HOMES.iter().map(Path::new) {
            let entries = match self.0.list(home) {
                Ok(entries) => entries.unwrap_or_default(),
                Err(gap) => {
                    gaps.push(gap);
                    continue;
                }
            };
            let is_home = |kind| matches!(kind, EntryKind::Folder | EntryKind::Link);
            for entry in entries.into_iter().filter(|entry| is_home(entry.kind)) {
                let folder = home.join(entry.name);
                // Older names of folders are links to newer ones.
                let unread = match self.0.resolve(&folder) {
                    Ok(Some(real)) if !known.insert(lower(&real)) => continue,
                    Ok(_) => self.0.entry(&folder.join("NTUSER.DAT")),
                    Err(gap) => Err(gap),
                };
                match unread {
                    Ok(Some(_)) => found.push(profile(&folder, None)),
                    Ok(None) => {}
                    Err(gap) => gaps.push(gap),
                }
            }
        }
        let default = Path::new(CONFIG).join("DEFAULT");
        let of_system = |profile: &Profile| profile.sid.as_ref().is_some_and(|sid| sid.raw() == SYSTEM);
        if !listed.iter().any(of_system) && matches!(self.0.entry(&default), Ok(Some(_))) {
            found.push(profile(&Path::new(CONFIG).join("systemprofile"), Some(SYSTEM.into())));
        }
        (found, gaps)
    }
}

fn profile(folder: &Path, sid: Option<Text>) -> Profile {
    let name = folder.file_name().map(|name| Text::from_bytes(name.as_encoded_bytes())).unwrap_or_default();
    Profile { name, sid, folder: folder.to_owned() }
}

/// A key.
#[derive(Debug)]
pub struct Key {
    path: Text,
    name: Text,
    within: Within,
}

#[derive(Debug)]
enum Within {
    File(files::Key),
    #[cfg(windows)]
    Live(winreg::RegKey),
}

impl Key {
    /// Its whole path, from `HKLM` or `HKU` on, or from the file of a hive that no list names.
    #[must_use]
    pub fn path(&self) -> &Text {
        &self.path
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// The key at a path below it; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when that cannot be told.
    pub fn key(&self, path: &str) -> Result<Option<Self>, Gap> {
        let name = path.rsplit('\\').next().unwrap_or(path);
        match &self.within {
            Within::File(key) => {
                let below = |within| self.below(path, name.into(), Within::File(within));
                key.key(path).map(|key| key.map(below)).map_err(|damage| files::gap(&self.at(path), damage))
            }
            #[cfg(windows)]
            Within::Live(key) => {
                let below = |within| self.below(path, name.into(), Within::Live(within));
                live::key(key, path)
                    .map(|key| key.map(below))
                    .map_err(|error| live::gap(&self.at(path), &error))
            }
        }
    }

    /// The keys directly below it; what kept some from being read comes along.
    #[must_use]
    pub fn keys(&self) -> (Vec<Self>, Vec<Gap>) {
        match &self.within {
            Within::File(key) => {
                let (keys, damage) = key.keys();
                let below =
                    |(name, key): (Text, files::Key)| self.below(name.raw(), name.clone(), Within::File(key));
                let gaps = damage.into_iter().map(|damage| files::gap(&self.path, damage));
                (keys.into_iter().map(below).collect(), gaps.collect())
            }
            #[cfg(windows)]
            Within::Live(key) => {
                let (keys, errors) = live::keys(key);
                let below = |(name, key): (Text, winreg::RegKey)| {
                    self.below(name.raw(), name.clone(), Within::Live(key))
                };
                let gaps = errors.iter().map(|(name, error)| live::gap(&self.at(name.raw()), error));
                (keys.into_iter().map(below).collect(), gaps.collect())
            }
        }
    }

    /// Its values; what kept some from being read comes along.
    #[must_use]
    pub fn values(&self) -> (Vec<(Text, Value)>, Vec<Gap>) {
        match &self.within {
            Within::File(key) => {
                let (values, damage) = key.values();
                (values, damage.into_iter().map(|damage| files::gap(&self.path, damage)).collect())
            }
            #[cfg(windows)]
            Within::Live(key) => {
                let (values, errors) = live::values(key);
                (values, errors.iter().map(|error| live::gap(&self.path, error)).collect())
            }
        }
    }

    /// The value of a name; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when that cannot be told.
    pub fn value(&self, name: &str) -> Result<Option<Value>, Gap> {
        match &self.within {
            Within::File(key) => key.value(name).map_err(|damage| files::gap(&self.path, damage)),
            #[cfg(windows)]
            Within::Live(key) => live::value(key, name).map_err(|error| live::gap(&self.path, &error)),
        }
    }

    fn at(&self, path: &str) -> Text {
        format!("{}\\{path}", self.path.raw()).into()
    }

    fn below(&self, path: &str, name: Text, within: Within) -> Self {
        Self { path: self.at(path), name, within }
    }
}

/// The value of a name among others; of several the first.
#[must_use]
pub fn find<'v>(values: &'v [(Text, Value)], name: &str) -> Option<&'v Value> {
    values.iter().find(|(told, _)| same(told.raw(), name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
