//! The live registry, through winreg.
//!
//! It is asked for the 64-bit view, in which a 32-bit interdict sees what a 64-bit one does. A key that vanishes between
//! its name and its opening was removed meanwhile.

use std::io::{Error, ErrorKind};

use winreg::enums::{HKEY_LOCAL_MACHINE, HKEY_USERS, KEY_READ, KEY_WOW64_64KEY};
use winreg::{RegKey, RegValue};

use super::{Root, Within};
use crate::inventory::{Gap, GapCode};
use crate::parse::regf::Value;
use crate::target::io_gap;
use crate::text::Text;

/// Names or values that cannot be read, after which no more of them are asked for.
const MAX_FAILED: usize = 32;

/// Something by its name.
type Named<T> = (Text, T);

/// The topmost key of a part; nothing, if it is of a user who is not logged on and must be read from a file.
pub(super) fn open(root: &Root) -> Option<(Option<super::Key>, Vec<Gap>)> {
    let (hive, path, place) = match root {
        Root::Software => (HKEY_LOCAL_MACHINE, "SOFTWARE".to_owned(), "HKLM\\SOFTWARE".into()),
        Root::System => (HKEY_LOCAL_MACHINE, "SYSTEM".to_owned(), "HKLM\\SYSTEM".into()),
        Root::ControlSet => {
            let path = "SYSTEM\\CurrentControlSet".to_owned();
            (HKEY_LOCAL_MACHINE, path, "HKLM\\SYSTEM\\CurrentControlSet".into())
        }
        Root::User(profile) => (HKEY_USERS, profile.sid.as_ref()?.raw().to_owned(), profile.place("")),
        Root::Classes(profile) => {
            (HKEY_USERS, format!("{}_Classes", profile.sid.as_ref()?.raw()), profile.place("_Classes"))
        }
    };
    let opened = match key(&RegKey::predef(hive), &path) {
        Ok(Some(key)) => Ok(key),
        Ok(None) if hive == HKEY_USERS => return None,
        Ok(None) => Err(Error::from(ErrorKind::NotFound)),
        Err(error) => Err(error),
    };
    let name = path.rsplit('\\').next().unwrap_or_default().into();
    Some(match opened {
        Ok(key) => (Some(super::Key { path: place, name, within: Within::Live(key) }), Vec::new()),
        Err(error) => (None, vec![gap(&place, &error)]),
    })
}

/// The users whose hives are in the registry, by their security identifiers.
pub(super) fn loaded() -> (Vec<Text>, Vec<Gap>) {
    let (names, errors) = bounded(RegKey::predef(HKEY_USERS).enum_keys());
    let is_user = |name: &String| name.starts_with("S-1-") && !name.ends_with("_Classes");
    let gaps = errors.iter().map(|error| gap(&"HKU".into(), error));
    (names.into_iter().filter(is_user).map(Text::from).collect(), gaps.collect())
}

/// The gap that an error leaves.
pub(super) fn gap(place: &Text, error: &Error) -> Gap {
    let gap = io_gap(std::path::Path::new(""), "read", error);
    let reason = match gap.code {
        GapCode::Denied => "permission denied; run as an administrator".into(),
        _ => gap.reason,
    };
    Gap { place: place.clone(), reason, ..gap }
}

/// The key at a path; nothing, if there is none.
pub(super) fn key(above: &RegKey, path: &str) -> Result<Option<RegKey>, Error> {
    match above.open_subkey_with_flags(path, KEY_READ | KEY_WOW64_64KEY) {
        Ok(key) => Ok(Some(key)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The keys directly below one by their names, and why others cannot be read.
pub(super) fn keys(above: &RegKey) -> (Vec<Named<RegKey>>, Vec<Named<Error>>) {
    let (names, errors) = bounded(above.enum_keys());
    let (mut found, mut errors) =
        (Vec::new(), errors.into_iter().map(|e| ("?".into(), e)).collect::<Vec<_>>());
    for name in names {
        match key(above, &name) {
            Ok(key) => found.extend(key.map(|key| (name.into(), key))),
            Err(error) => errors.push((name.into(), error)),
        }
    }
    (found, errors)
}

/// The values of a key, and why others cannot be read.
pub(super) fn values(key: &RegKey) -> (Vec<(Text, Value)>, Vec<Error>) {
    let (values, errors) = bounded(key.enum_values());
    let value = |(name, value): (String, RegValue<'static>)| (name.into(), of(value));
    (values.into_iter().map(value).collect(), errors)
}

/// What there is, up to a bound of failures: of a key that is removed meanwhile each number fails, without an end.
fn bounded<T>(all: impl Iterator<Item = Result<T, Error>>) -> (Vec<T>, Vec<Error>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for one in all {
        match one {
            Ok(one) => found.push(one),
            Err(error) => errors.push(error),
        }
        if errors.len() == MAX_FAILED {
            break;
        }
    }
    (found, errors)
}

/// The value of a name; nothing, if there is none.
pub(super) fn value(key: &RegKey, name: &str) -> Result<Option<Value>, Error> {
    match key.get_raw_value(name) {
        Ok(value) => Ok(Some(of(value))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn of(value: RegValue<'_>) -> Value {
    Value::of(value.vtype as u32, &value.bytes)
}
