//! Debian packages, from `/var/lib/dpkg/status`, `status.d/` and `updates/`.
//!
//! Format: dpkg(1), deb-control(5); the files themselves are read as opkg's are. `status.d` is what images without dpkg
//! keep instead of `status`. What dpkg was interrupted in lies in `updates/` and stands above `status`.

use std::io::BufReader;
use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::item::Kind;
use crate::sources::status::{DIGESTS, Form, Lists, Manager, Records, file_lists, read};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Packages, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "dpkg",
    about: "Debian packages",
    expects: &[Packages::Debian],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the database is readable by everyone unless someone changed that",
    blind: "a package cut from the status file together with its list in info/",
    collect,
};

const FOLDER: &str = "/var/lib/dpkg";
const DPKG: Manager = Manager { id: "dpkg", ecosystem: "debian", states: &[], empty_lists: false };

fn collect(target: &Target, sink: &mut Sink) {
    let at = |name: &str| Path::new(FOLDER).join(name);
    let (mut records, mut lists) = (Records::new(), Lists::new());
    let status = at("status");
    let file = sink.keep(target.open(&status));
    let is_missing = matches!(file, Some(None));
    if let Some(Some(file)) = file {
        sink.found();
        read(&DPKG, sink, &mut records, &status, BufReader::new(file), Form::Status);
    }
    let mut interrupted = false;
    for (folder, form) in [("status.d", Form::Single), ("updates", Form::Update)] {
        for entry in sink.keep(target.list(&at(folder))).flatten().unwrap_or_default() {
            let (path, name) = (at(folder).join(&entry.name), entry.name.to_string_lossy());
            if let Some(package) = name.strip_suffix(DIGESTS) {
                lists.insert(package.to_owned(), path);
            } else if form.holds(&name)
                && let Some(Some(file)) = sink.keep(target.open(&path))
            {
                sink.found();
                interrupted |= form == Form::Update;
                read(&DPKG, sink, &mut records, &path, BufReader::new(file), form);
            }
        }
    }
    // dpkg keeps its last status file, and what it was interrupted in, beside the file itself. An image of Debian that
    // has `status.d` in its place has no dpkg.
    let is_there = |path: &Path| matches!(target.entry(path), Ok(Some(_)));
    let has_dpkg = target.os().packages == Some(Packages::Debian) && is_there(Path::new("/usr/bin/dpkg"));
    let used = has_dpkg || interrupted || is_there(&at("status-old"));
    if is_missing && used {
        let reason = "it is not there, though dpkg was used here; packages that only it lists are unknown";
        sink.gap(Gap::new(GapCode::Missing, Text::from_path(&status), reason));
    }
    for entry in sink.keep(target.list(&at("info"))).flatten().unwrap_or_default() {
        if let Some(package) = entry.name.to_str().and_then(|name| name.strip_suffix(".list")) {
            sink.found();
            lists.insert(package.to_owned(), at("info").join(&entry.name));
        }
    }
    file_lists(&DPKG, target, sink, &at("info"), &mut records, lists);
    for item in records.into_values() {
        sink.item(item);
    }
}
