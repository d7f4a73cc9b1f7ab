//! Paths as Windows writes them, and the places of a root that they mean.
//!
//! Formats: "Naming Files, Paths, and Namespaces" and "Recognized Environment Variables" (Microsoft Learn), the device
//! map of the object manager (`\??\`), the image paths of services, which may begin at the folder of Windows. The root
//! stands for the drive C:. Another drive is the folder `D:` beneath it, which a root of one drive does not have, so that
//! reading it is a gap; on a live machine it is that drive. What Windows cannot name keeps the form of the root.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf, Prefix, PrefixComponent};

use crate::inventory::{Gap, GapCode};
use crate::target::Target;
use crate::text::{Text, bytes_to_path};

/// Variables that mean a place of the machine, in capital letters, with the place.
const OF_MACHINE: &[(&str, &str)] = &[
    ("ALLUSERSPROFILE", "/ProgramData"),
    ("COMMONPROGRAMFILES", "/Program Files/Common Files"),
    ("COMMONPROGRAMFILES(X86)", "/Program Files (x86)/Common Files"),
    ("COMMONPROGRAMW6432", "/Program Files/Common Files"),
    ("HOMEDRIVE", ""),
    ("PROGRAMDATA", "/ProgramData"),
    ("PROGRAMFILES", "/Program Files"),
    ("PROGRAMFILES(X86)", "/Program Files (x86)"),
    ("PROGRAMW6432", "/Program Files"),
    ("PUBLIC", "/Users/Public"),
    ("SYSTEMDRIVE", ""),
    ("SYSTEMROOT", "/Windows"),
    ("WINDIR", "/Windows"),
];
/// Variables that mean a place of a user, from the home.
const OF_USER: &[(&str, &str)] = &[
    ("APPDATA", "/AppData/Roaming"),
    ("HOMEPATH", ""),
    ("LOCALAPPDATA", "/AppData/Local"),
    ("TEMP", "/AppData/Local/Temp"),
    ("TMP", "/AppData/Local/Temp"),
    ("USERPROFILE", ""),
];
/// What a relative path begins with that begins at the folder of Windows.
const OF_WINDOWS: &[&str] = &["system32/", "syswow64/", "sysnative/", "drivers/"];
/// The drive that the root stands for.
const DRIVE: u8 = b'C';

impl Target {
    /// The place of this target that a path means which Windows wrote; `home` is that of the user whose path it is.
    /// Nothing, if it means no file: it is empty, begins nowhere that is known, or names a device.
    ///
    /// # Errors
    /// A gap when it lies on another machine, on a volume without a letter, or has a variable whose value is not known.
    pub fn windows_path(&self, text: &Text, home: Option<&Path>) -> Result<Option<PathBuf>, Gap> {
        path(&text.to_bytes(), home).map_err(|unknown| match unknown {
            Unknown::Share => {
                let reason = "it lies on another machine, so not looked at; scan that one too";
                Gap::new(GapCode::Network, text.clone(), reason).note()
            }
            Unknown::Volume => {
                let reason = "it names a volume by what the machine alone knows it by, so not looked at";
                Gap::new(GapCode::Unsupported, text.clone(), reason)
            }
            Unknown::Variable(name) => {
                let name = Text::from_bytes(&name);
                let reason = format!("it holds %{}%, whose value is not known, so not looked at", name.raw());
                Gap::new(GapCode::Unsupported, text.clone(), reason)
            }
        })
    }
}

/// Why it is not known what a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Unknown {
    /// It lies on another machine.
    Share,
    /// It names a volume, which may be any.
    Volume,
    /// It has a variable that is not known.
    Variable(Vec<u8>),
}

/// What a path of Windows means, from the root.
fn path(text: &[u8], home: Option<&Path>) -> Result<Option<PathBuf>, Unknown> {
    let expanded = expand(text.trim_ascii(), home)?;
    let (rest, exact) = undressed(&expanded);
    let begins = |with: &str| rest.get(..with.len()).is_some_and(|b| b.eq_ignore_ascii_case(with.as_bytes()));
    let (from, below): (Vec<u8>, &[u8]) = if let [letter, b':', b'/', below @ ..] = rest
        && letter.is_ascii_alphabetic()
    {
        (drive(*letter), below)
    } else if begins("/SystemRoot/") {
        (b"/Windows".to_vec(), rest.get("/SystemRoot/".len()..).unwrap_or_default())
    } else if OF_WINDOWS.iter().any(|folder| begins(folder)) {
        // Only 32-bit programs see the folder of 64-bit ones as `Sysnative`; `drivers` is found in it.
        let (first, below) = rest.split_at(rest.iter().position(|&b| b == b'/').unwrap_or(rest.len()));
        match first.to_ascii_lowercase().as_slice() {
            b"sysnative" => (b"/Windows/System32".to_vec(), below),
            b"drivers" => (b"/Windows/System32".to_vec(), rest),
            _ => (b"/Windows".to_vec(), rest),
        }
    } else if rest.starts_with(b"//") {
        return if rest.starts_with(b"//./") || rest.starts_with(b"//?/") {
            Ok(None)
        } else {
            Err(Unknown::Share)
        };
    } else if begins("/Device/") {
        return Err(Unknown::Volume);
    } else if let Some(below) = rest.strip_prefix(b"/") {
        (Vec::new(), below)
    } else {
        return Ok(None);
    };
    let mut place = from;
    for part in below.split(|&b| b == b'/') {
        // Windows drops dots and spaces at the end of a name.
        let kept = part.iter().rposition(|b| !matches!(b, b'.' | b' ')).map_or(0, |last| last + 1);
        let part = if exact || part == b".." { part } else { part.get(..kept).unwrap_or(part) };
        if !part.is_empty() && part != b"." {
            place.push(b'/');
            place.extend_from_slice(part);
        }
    }
    if place.is_empty() {
        place.push(b'/');
    }
    Ok(Some(bytes_to_path(&place)))
}

/// A path with one separator, without what says in which namespace it lies, and whether each name is meant exactly.
fn undressed(text: &[u8]) -> (&[u8], bool) {
    for (dress, exact) in [(&b"//?/UNC/"[..], true), (b"/??/UNC/", true)] {
        if text.get(..dress.len()).is_some_and(|b| b.eq_ignore_ascii_case(dress)) {
            // A share, whose name is written as `//host/share` elsewhere.
            return (b"//host", exact);
        }
    }
    for dress in [&b"//?/"[..], b"/??/", b"//./", b"/DosDevices/", b"/GLOBAL??/"] {
        let rest = text
            .get(dress.len()..)
            .filter(|_| text.get(..dress.len()).is_some_and(|b| b.eq_ignore_ascii_case(dress)));
        if let Some(rest) = rest {
            return match rest {
                [letter, b':', b'/', ..] if letter.is_ascii_alphabetic() => (rest, true),
                _ if rest.get(..7).is_some_and(|b| b.eq_ignore_ascii_case(b"Volume{")) => (b"/Device/", true),
                _ => (b"", true),
            };
        }
    }
    (text, false)
}

/// The root, or the folder that stands for another drive.
fn drive(letter: u8) -> Vec<u8> {
    let letter = letter.to_ascii_uppercase();
    if letter == DRIVE { Vec::new() } else { vec![b'/', letter, b':'] }
}

/// A path with `/` for `\` and the values of its variables, of which each is set off by `%`.
fn expand(text: &[u8], home: Option<&Path>) -> Result<Vec<u8>, Unknown> {
    let mut expanded = Vec::with_capacity(text.len());
    let slashed: Vec<u8> = text.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect();
    let mut rest = slashed.as_slice();
    while let Some((&byte, after)) = rest.split_first() {
        let name = after.iter().position(|&b| b == b'%').and_then(|end| after.get(..end));
        let Some(name) = name.filter(|name| byte == b'%' && is_name(name)) else {
            expanded.push(byte);
            rest = after;
            continue;
        };
        let value = value(name, home).ok_or_else(|| Unknown::Variable(name.to_vec()))?;
        // Only at the beginning does a value mean a whole path.
        if expanded.is_empty() {
            expanded.extend_from_slice(b"C:");
        }
        expanded.extend_from_slice(&value);
        rest = after.get(name.len() + 1..).unwrap_or_default();
    }
    Ok(expanded)
}

/// Whether it can be the name of a variable; a path may hold the sign `%` as well.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || b"()_-. ".contains(b))
}

/// The value of a variable, from the root.
fn value(name: &[u8], home: Option<&Path>) -> Option<Vec<u8>> {
    let in_list = |list: &[(&str, &'static str)]| {
        list.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())).map(|(_, value)| *value)
    };
    if let Some(value) = in_list(OF_MACHINE) {
        return Some(value.as_bytes().to_vec());
    }
    let below = in_list(OF_USER)?;
    let home = Text::from_path(home?).to_bytes();
    Some([home.as_slice(), below.as_bytes()].concat())
}

/// Where a link leads that Windows made, as drivers for NTFS show it elsewhere: its own words with either separator, or
/// the name that ntfs-3g gives to a drive that is not mounted (`.NTFS-3G/C:`). A link of another make stays as it is.
pub(super) fn link(says: &Path) -> PathBuf {
    let bytes = says.as_os_str().as_encoded_bytes();
    let slashed: Vec<u8> = bytes.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect();
    let marked = b".NTFS-3G/";
    let at = slashed.windows(marked.len()).position(|window| window == marked);
    let rest = at.and_then(|at| slashed.get(at + marked.len()..)).unwrap_or(&slashed);
    // The kernel's driver shows `\??\C:\` as `/??/C:/` or `/C:/`.
    let bare = match rest {
        [b'/', rest @ ..] if is_drive(rest.get(..2).unwrap_or_default()) => rest,
        rest => undressed(rest).0,
    };
    match bare {
        [letter, b':', below @ ..] if is_drive(&[*letter, b':']) && matches!(below, [] | [b'/', ..]) => {
            let place = [drive(*letter).as_slice(), below].concat();
            bytes_to_path(if place.is_empty() { b"/" } else { &place })
        }
        // A separator of Windows in a relative link.
        _ if bytes.contains(&b'\\') => bytes_to_path(&slashed),
        _ => says.to_owned(),
    }
}

/// Whether a name is that of a drive.
pub(super) fn is_drive(name: &[u8]) -> bool {
    matches!(name, [letter, b':'] if letter.is_ascii_alphabetic())
}

/// A path from the root, if it is written from a drive, with `/` throughout.
pub(super) fn from_root(path: &[u8]) -> Vec<u8> {
    let slashed: Vec<u8> = path.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect();
    match slashed.as_slice() {
        [letter, b':', b'/', ..] if letter.is_ascii_alphabetic() => {
            [drive(*letter).as_slice(), slashed.get(2..).unwrap_or_default()].concat()
        }
        _ => slashed,
    }
}

/// What a path of this machine's Windows begins with, as a name; nothing for the drive that the root stands for.
pub(super) fn drive_of(prefix: PrefixComponent<'_>) -> Option<OsString> {
    match prefix.kind() {
        Prefix::Disk(DRIVE) | Prefix::VerbatimDisk(DRIVE) => None,
        Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => {
            Some(bytes_to_path(&[letter, b':']).into_os_string())
        }
        _ => Some(prefix.as_os_str().to_owned()),
    }
}

/// The place of a drive other than that of the root: on a live machine the drive itself, elsewhere a folder of its name.
pub(super) fn drive_in(name: &OsStr, live: bool, stands: impl Fn() -> bool) -> Result<PathBuf, Gap> {
    let drive = name.to_ascii_uppercase();
    if live {
        let mut place = PathBuf::from(&drive);
        place.push("\\");
        return Ok(place);
    }
    // On Windows itself such a name would lead out of the root.
    if !cfg!(windows) && stands() {
        return Ok(PathBuf::from(name));
    }
    let drive = Text::from_bytes(drive.as_encoded_bytes());
    let drive = drive.raw();
    let reason = format!(
        "drive {drive} is not in this root, so what lies there is unknown; scan that drive as dir:PATH too"
    );
    Err(Gap::new(GapCode::Missing, format!("{drive}\\"), reason))
}

/// Why a name is not followed that this machine's Windows would take for the beginning of another path.
pub(super) fn leaves(folder: &Path, name: &[u8]) -> Option<Gap> {
    let gap = |code, reason| Gap::new(code, Text::from_path(&folder.join("…")), reason);
    if !cfg!(windows) {
        None
    } else if name.starts_with(b"\\\\") {
        Some(gap(GapCode::Network, "it lies on another machine, so not looked at; scan that one too").note())
    } else {
        let reason = "a name in it begins as that of a drive does, so not looked at";
        (name.get(1) == Some(&b':')).then(|| gap(GapCode::Unsupported, reason))
    }
}

/// What an error of Windows means that has no kind of its own (System Error Codes): in one word and in a sentence, and
/// whether software may be hidden there.
pub(super) fn error(error: &io::Error) -> Option<(GapCode, &'static str, bool)> {
    match error.raw_os_error()? {
        _ if !cfg!(windows) => None,
        // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
        32 | 33 => Some((
            GapCode::Locked,
            "another program holds it for itself; stop that, or scan a snapshot or the disk of the machine",
            true,
        )),
        // ERROR_CANT_ACCESS_FILE
        1920 => Some((
            GapCode::Special,
            "only the part of the system that made it can open it, as the alias of an application of the Store",
            false,
        )),
        _ => None,
    }
}

/// Whether a name may be the short one that Windows made up for a longer name ("8.3"), which a copy does not keep.
pub(super) fn is_short(name: &[u8]) -> bool {
    let stem = name.split(|&b| b == b'.').next().unwrap_or(name);
    let mut parts = stem.rsplitn(2, |&b| b == b'~');
    let (number, base) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    digits && !base.is_empty() && stem.len() <= 8 && !name.contains(&b' ')
}

/// A place from the root as Windows writes it; what does not begin at the root, or holds a name that Windows cannot
/// write, stays as it is.
pub(crate) fn written(place: &Text) -> Text {
    let bytes = place.to_bytes();
    let Some(below) = bytes.strip_prefix(b"/").filter(|below| !below.contains(&b'\\')) else {
        return place.clone();
    };
    let drive = below.get(..2).filter(|name| is_drive(name) && matches!(below.get(2), None | Some(b'/')));
    let below = if drive.is_some() { below.get(3..).unwrap_or_default() } else { below };
    let below = below.iter().map(|&b| if b == b'/' { b'\\' } else { b });
    let bytes: Vec<u8> = drive.unwrap_or(b"C:").iter().copied().chain(*b"\\").chain(below).collect();
    Text::from_bytes(&bytes)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
