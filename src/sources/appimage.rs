//! `AppImage` files that lie in the folders of products and in homes.
//!
//! Format: that of [`crate::parse::appimage`]. Nothing installs one, so it is present: a file that is run as it is. What
//! it is stands in the desktop entry that it carries, however the file was named; who develops it in its `AppStream`
//! file alone. One of a kind that is not read, or damaged, is a program like any other, known by its file's name.

use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::appimage::{AppImage, Error};
use crate::parse::desktop::Entry;
use crate::parse::metainfo::Component;
use crate::sources::tree::{Found, Sort};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Target, io_gap};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "appimage",
    about: "AppImage files in /opt, /usr/local, /srv and homes, at full depth everywhere",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Application],
    rights: "root, or else what lies in the homes of other users is not seen",
    blind: "a file that may not be executed and has another name than .AppImage, the name of one whose file system is \
            damaged or is neither ISO 9660 nor squashfs of gzip, xz or zstd, and what else is in one",
    collect,
};

/// The names of processors at the end of a file's name.
const PROCESSORS: &[&str] = &[
    "x86_64", "x86-64", "x64", "amd64", "i386", "i486", "i586", "i686", "ia32", "x86", "aarch64", "arm64",
    "armhf", "armv7l", "arm", "riscv64", "ppc64le",
];

fn collect(target: &Target, sink: &mut Sink) {
    let tree = sink.tree(target);
    for found in tree.found.iter().filter(|found| found.sort == Sort::AppImage) {
        let mut image = AppImage::default();
        if let Some(Some(file)) = sink.keep(target.open_seek(&found.path))
            && let Err(e) = image.read(file)
        {
            sink.gap(unread(&found.path, &e));
        }
        let item = item(sink, found, &image);
        sink.item(item);
    }
}

/// The gap of what was not read. It is only a note of what nothing could run, and of a kind that is not read: that one is
/// known as every program is, by its name.
fn unread(path: &Path, error: &Error) -> Gap {
    let gap = |code, error: &dyn std::fmt::Display| {
        let reason = format!("{error}; so what it is may be known by its file's name alone");
        Gap::new(code, Text::from_path(path), reason)
    };
    match error {
        Error::Io(e) => io_gap(path, "read", e),
        Error::NoImage(_) => gap(GapCode::Damaged, error).note(),
        Error::Damaged(_) => gap(GapCode::Damaged, error),
        Error::Unsupported(_) => gap(GapCode::Unsupported, error).note(),
        Error::Large(_) => gap(GapCode::TooLarge, error),
    }
}

fn item(sink: &mut Sink, found: &Found, image: &AppImage) -> Item {
    let place = Text::from_path(&found.path);
    let mut entry = Entry::default();
    if let Some(part) = &image.entry {
        match Entry::parse(&part.bytes) {
            Ok(read) => entry = read,
            Err(no) => {
                let what = format!("{} in it is no desktop entry: {no}", text(&part.name));
                sink.gap(unread(&found.path, &Error::Damaged(what)));
            }
        }
    }
    let says = image.metainfo.as_ref().map(|part| Component::parse(&part.bytes)).unwrap_or_default();
    if let (Some(damage), Some(part)) = (&says.damage, &image.metainfo) {
        let reason = format!("{} in it {damage}, so who develops it may be unknown", text(&part.name));
        sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason).note());
    }

    let name = stem(found.path.file_name().unwrap_or_default().as_encoded_bytes());
    let names = entry.name().into_iter().chain(entry.localized_names().into_values());
    let told = names.map(|name| name.trim_ascii().to_vec()).find(|name| !name.is_empty());
    let mut item = Item::new(Kind::Application, Text::from_bytes(told.as_deref().unwrap_or(name)), place);
    item.id = format!("appimage:{}", item.place.raw()).into();
    item.state = State::Present;
    let version = entry.get("X-AppImage-Version").filter(|version| !version.is_empty());
    let version = version.or(says.version.map(String::into_bytes)).or_else(|| version_in(name));
    item.version = version.as_deref().map(Text::from_bytes);
    item.publisher = says.developer.map(Text::from);
    item.product = says.name.map(Text::from).filter(|product| *product != item.name);
    item.homepage = says.homepage.map(Text::from);
    item.paths =
        [item.place.clone()].into_iter().chain(found.leads.as_deref().map(Text::from_path)).collect();
    item.scope = Some(if found.user.is_some() { "user" } else { "machine" }.into());
    item.user.clone_from(&found.user);
    item
}

fn text(bytes: &[u8]) -> String {
    Text::from_bytes(bytes).to_string()
}

/// The name of a file without its ending.
fn stem(name: &[u8]) -> &[u8] {
    match name.split_at(name.len().saturating_sub(".AppImage".len())) {
        (stem, end) if !stem.is_empty() && end.eq_ignore_ascii_case(b".AppImage") => stem,
        _ => name,
    }
}

/// The version in a name like `Tool-1.2.3-x86_64`, which the specification recommends: what stands last but for the
/// processor, begins with a digit and has a dot.
fn version_in(name: &[u8]) -> Option<Vec<u8>> {
    let name = std::str::from_utf8(name).ok()?;
    let is_between = |c: char| matches!(c, '-' | '_' | ' ');
    let ends = |processor: &&str| {
        let rest = name.len().checked_sub(processor.len())?;
        let (rest, end) = name.split_at_checked(rest)?;
        end.eq_ignore_ascii_case(processor).then(|| rest.strip_suffix(is_between))?
    };
    let name = PROCESSORS.iter().find_map(ends).unwrap_or(name);
    let (_, last) = name.rsplit_once(is_between)?;
    let version = last.strip_prefix('v').unwrap_or(last);
    let is_one = version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.');
    (is_one && version.chars().all(|c| c.is_ascii_alphanumeric() || ".+~".contains(c)))
        .then(|| version.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_plainly_in_a_name_or_not_at_all() {
        let version = |name: &str| version_in(name.as_bytes()).map(|v| String::from_utf8(v).unwrap());
        assert_eq!(version("krita-5.2.2-x86_64").as_deref(), Some("5.2.2"));
        assert_eq!(version("Tool_v1.0.3b1_AMD64").as_deref(), Some("1.0.3b1"));
        assert_eq!(version("My Tool-1.2").as_deref(), Some("1.2"));
        for none in
            ["Tool-x86_64", "Tool-2", "nvim.appimage", "Tool-1.2-beta", "1.2", "", "Tool-x.y", "\u{e9}-x86"]
        {
            assert_eq!(version(none), None, "{none}");
        }
    }

    #[test]
    fn a_name_has_no_ending() {
        assert_eq!(stem(b"Tool-1.2.AppImage"), b"Tool-1.2");
        assert_eq!(stem(b"nvim.appimage"), b"nvim");
        assert_eq!(stem(b".AppImage"), b".AppImage");
        assert_eq!(stem(b"tool"), b"tool");
    }
}
