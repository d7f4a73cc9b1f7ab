//! Programs and installers that lie in folders, and the folders of vendors in which none is left.
//!
//! A file is told by its name and place here, one of Windows also by what it says of itself and by who signed it; whether a package owns it is known when all lists are read, and is
//! then its owner. In a vendor's folder (Filesystem Hierarchy Standard: `/opt`, `/var/opt`, `/etc/opt`) without any
//! program, something was removed and something left.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::item::{Item, Kind, State};
use crate::sources::codesign::name_signer;
use crate::sources::executable::Executables;
use crate::sources::tree::{Found, Sort};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Family, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "programs",
    about: "programs in /opt, /usr/local, /srv, Program Files, ProgramData and homes, at full depth everywhere",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::File],
    rights: "root, or else what lies in the homes of other users is not seen",
    blind: "a program of Linux that was renamed, one without the right to be executed or, of Windows, the ending of \
            its programs, and a script whose first line names no interpreter",
    collect,
};

/// The folders whose folders are vendors'.
const VENDORS: &[&str] = &["/etc/opt", "/opt", "/usr/local", "/var/opt"];
/// The folders of `/usr/local` that are no vendor's (Filesystem Hierarchy Standard 3.0, 4.9), or of Homebrew there
/// (docs.brew.sh/Installation).
const SHARED: &[&str] = &[
    "Caskroom",
    "Cellar",
    "Frameworks",
    "Homebrew",
    "bin",
    "etc",
    "games",
    "include",
    "info",
    "lib",
    "lib32",
    "lib64",
    "libexec",
    "libx32",
    "man",
    "opt",
    "sbin",
    "share",
    "src",
    "var",
];

fn collect(target: &Target, sink: &mut Sink) {
    let tree = sink.tree(target);
    for gap in &tree.gaps {
        sink.gap(gap.clone());
    }
    let is_program = |f: &&Found| matches!(f.sort, Sort::Program | Sort::Windows | Sort::Installer);
    let programs = tree.found.iter().filter(is_program);
    let executables = Executables::of(target, sink);
    for found in programs.clone() {
        let mut item = item(found);
        if found.sort == Sort::Windows {
            executables.told(sink, &found.path, item).into_iter().for_each(|item| sink.item(item));
            continue;
        }
        if found.sort == Sort::Program && target.os().family == Family::MacOs {
            let program = found.leads.as_deref().unwrap_or(&found.path);
            name_signer(target, sink, program, &mut item);
        }
        sink.item(item);
    }
    let programs: Vec<&PathBuf> = programs.map(|found| &found.path).collect();
    for vendors in VENDORS.iter().map(Path::new) {
        for entry in sink.keep(target.list(vendors)).flatten().unwrap_or_default() {
            let folder = vendors.join(&entry.name);
            let is_vendors = entry.kind == EntryKind::Folder
                && !(vendors.ends_with("local") && SHARED.iter().any(|name| entry.name == *name));
            let after = programs.partition_point(|program| **program < folder);
            if is_vendors && !programs.get(after).is_some_and(|program| program.starts_with(&folder)) {
                let mut item = file(&folder, entry.name.as_os_str());
                item.state = State::Remnant;
                sink.item(item);
            }
        }
    }
}

fn item(found: &Found) -> Item {
    let mut item = file(&found.path, found.path.file_name().unwrap_or_default());
    item.state = State::Present;
    item.paths.extend(found.leads.as_deref().map(Text::from_path));
    item.user.clone_from(&found.user);
    item.scope = Some(if found.user.is_some() { "user" } else { "machine" }.into());
    item
}

fn file(path: &Path, name: &OsStr) -> Item {
    let place = Text::from_path(path);
    let mut item = Item::new(Kind::File, Text::from_bytes(name.as_encoded_bytes()), place.clone());
    item.id = format!("programs:{}", place.raw()).into();
    item.paths = vec![place];
    item
}
