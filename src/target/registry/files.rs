//! Hives in files.
//!
//! Which file is which part is [`super`]'s; the format is [`regf`]'s. A key may be a link to another of the same hive, as
//! the live registry follows it; the native path in it begins `\Registry\Machine` or `\Registry\User`. What is lacking
//! here is volatile: Windows makes it when it starts, `CurrentControlSet` above all, for which `Select` says the number.

use std::path::Path;
use std::sync::Arc;

use crate::inventory::{Gap, GapCode};
use crate::parse::regf::{self, Damage, Hive, Node, Value, same};
use crate::target::Target;
use crate::text::Text;

/// Bytes of a hive or a log that are read.
const MAX_HIVE: u64 = 1 << 30;
/// Links of keys in a row before it counts as a circle.
const MAX_LINKS: usize = 8;

/// A hive, and what of it could not be read.
pub(super) type Loaded = (Option<Arc<Hive>>, Vec<Gap>);

/// A key of a hive.
#[derive(Debug, Clone)]
pub(super) struct Key {
    hive: Arc<Hive>,
    node: Node,
    /// What the whole hive is called in paths of links.
    native: Arc<str>,
}

/// Reads a hive, and its logs if it needs them; nothing, if there is no file.
pub(super) fn load(target: &Target, path: &Path) -> Loaded {
    let bytes = match target.read_up_to(path, MAX_HIVE) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return (None, Vec::new()),
        Err(gap) => return (None, vec![gap]),
    };
    let place = Text::from_path(path);
    if bytes.is_empty() {
        return (None, vec![Gap::new(GapCode::Empty, place, "it is empty; a registry hive never is")]);
    }
    let (mut logs, mut gaps) = (Vec::new(), Vec::new());
    if regf::is_dirty(&bytes) {
        // Two since Windows Vista, of which the changes may be in both; one before.
        let mut read = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            let log = target.read_up_to(Path::new(&name), MAX_HIVE);
            let log = log.map_err(|gap| gaps.push(gap)).unwrap_or_default();
            let is_there = log.is_some();
            logs.extend(log);
            is_there
        };
        let both = [read(".LOG1"), read(".LOG2")];
        read(".LOG");
        if both[0] != both[1] && gaps.is_empty() {
            let lacking = if both[0] { ".LOG2" } else { ".LOG1" };
            let reason = format!("it was not closed, and one of its logs ({lacking}) is not there");
            gaps.push(Gap::new(GapCode::Missing, place.clone(), reason));
        }
    }
    match regf::parse(bytes, &logs) {
        Ok((hive, damage)) => {
            gaps.extend(damage.map(|damage| gap(&place, damage)));
            (Some(Arc::new(hive)), gaps)
        }
        Err(damage) => {
            gaps.push(gap(&place, damage));
            (None, gaps)
        }
    }
}

/// The topmost key of a hive; its place is what its keys begin with.
pub(super) fn root(hive: Arc<Hive>, place: Text) -> Result<super::Key, Gap> {
    let node = hive.root().map_err(|damage| gap(&place, damage))?;
    let native = match place.raw().split_once('\\') {
        Some(("HKLM", rest)) => format!("\\Registry\\Machine\\{rest}"),
        Some(("HKU", rest)) => format!("\\Registry\\User\\{rest}"),
        _ => String::new(),
    };
    let name = place.raw().rsplit('\\').next().unwrap_or_default().into();
    let within = super::Within::File(Key { hive, node, native: native.into() });
    Ok(super::Key { path: place, name, within })
}

/// The control set with which Windows started last.
pub(super) fn control_set(system: &super::Key) -> Result<super::Key, Gap> {
    let select = system.key("Select")?;
    let current = select.map(|select| select.value("Current")).transpose()?.flatten();
    let number = current.and_then(|current| current.integer());
    let set = number.map(|number| system.key(&format!("ControlSet{number:03}"))).transpose()?.flatten();
    set.ok_or_else(|| {
        let reason = "it does not say which of its control sets is the current one, or that is not there";
        Gap::new(GapCode::Damaged, system.path().clone(), reason)
    })
}

/// The gap that damage leaves.
pub(super) fn gap(place: &Text, damage: Damage) -> Gap {
    let (code, reason) = match damage {
        Damage::Truncated => (GapCode::Truncated, "it ends too early, so keys in it are unknown".to_owned()),
        Damage::Damaged(what) => (GapCode::Damaged, format!("{what}, so keys or values in it are unknown")),
        Damage::Dirty(why) => (
            GapCode::Damaged,
            format!(
                "{why}, so the last changes are unknown; shut Windows down, or copy the logs of the hive along"
            ),
        ),
        Damage::Unsupported => {
            (GapCode::Unsupported, "it is a hive of a version that is not read".to_owned())
        }
        Damage::TooLarge => (GapCode::TooLarge, "a value is larger than the bound, so not read".to_owned()),
    };
    Gap::new(code, place.clone(), reason)
}

impl Key {
    /// The key at a path, links followed.
    pub(super) fn key(&self, path: &str) -> Result<Option<Self>, Damage> {
        self.walk(path, 0)
    }

    fn walk(&self, path: &str, links: usize) -> Result<Option<Self>, Damage> {
        let mut here = self.clone();
        for name in path.split('\\') {
            let (keys, damage) = here.hive.keys(&here.node);
            match (keys.into_iter().find(|key| same(key.name.raw(), name)), damage) {
                (Some(node), _) => match here.follow(node, links)? {
                    Some(key) => here = key,
                    None => return Ok(None),
                },
                (None, Some(damage)) => return Err(damage),
                (None, None) => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    /// A key of this hive, or what it stands for; nothing, if that is not there.
    fn follow(&self, node: Node, links: usize) -> Result<Option<Self>, Damage> {
        if !node.is_link {
            return Ok(Some(Self { node, ..self.clone() }));
        }
        let says = self.hive.value(&node, "SymbolicLinkValue")?;
        let path = match says.and_then(|says| says.text()) {
            _ if links == MAX_LINKS => return Err(Damage::Damaged("links of keys lead in a circle")),
            Some(path) => path,
            None => return Err(Damage::Damaged("a link of a key does not say where it leads")),
        };
        let outside = Damage::Damaged("a link of a key leads out of its hive, where it is not followed");
        let (head, rest) = path.raw().split_at_checked(self.native.len()).ok_or(outside)?;
        let rest = rest
            .strip_prefix('\\')
            .filter(|_| !head.is_empty() && same(head, &self.native))
            .ok_or(outside)?;
        Self { node: self.hive.root()?, ..self.clone() }.walk(rest, links + 1)
    }

    /// The keys directly below by their names. A link among them is damage: Windows has none where anything is listed,
    /// and following many to one place would never end.
    pub(super) fn keys(&self) -> (Vec<(Text, Self)>, Option<Damage>) {
        let (nodes, mut damage) = self.hive.keys(&self.node);
        let all = nodes.len();
        let keys = nodes.into_iter().filter(|node| !node.is_link);
        let keys: Vec<_> = keys.map(|node| (node.name.clone(), Self { node, ..self.clone() })).collect();
        if keys.len() < all {
            damage.get_or_insert(Damage::Damaged("a key in a list is a link to another"));
        }
        (keys, damage)
    }

    pub(super) fn values(&self) -> (Vec<(Text, Value)>, Option<Damage>) {
        self.hive.values(&self.node)
    }

    pub(super) fn value(&self, name: &str) -> Result<Option<Value>, Damage> {
        self.hive.value(&self.node, name)
    }
}
