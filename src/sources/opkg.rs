//! Packages of `OpenWrt`, from `/usr/lib/opkg/status`, or `/var/lib/opkg/status` on other systems with opkg.
//!
//! Format: opkg's manual and deb-control(5); the files are read as dpkg's are. The status file says nothing of who
//! maintains a package: that stands in `info/NAME.control`. `OpenWrt` left opkg for apk with version 25.12.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::item::{Ids, Item, Kind};
use crate::parse::deb822::Paragraphs;
use crate::sources::status::{Form, Lists, Manager, Records, file_lists, read};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Packages, Target, io_gap};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "opkg",
    about: "OpenWrt packages",
    expects: &[Packages::Opkg],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the database is readable by everyone unless someone changed that",
    blind: "a package cut from the status file together with its list in info/; packages installed to another \
            destination than the root",
    collect,
};

const OPKG: Manager = Manager {
    id: "opkg",
    ecosystem: "opkg",
    states: &[b"post-inst-failed", b"removal-failed"],
    empty_lists: true,
};
const FOLDERS: &[&str] = &["/usr/lib/opkg", "/var/lib/opkg"];
/// Fields of a control file; which of two names the home page has depends on the system.
const KEEP: &[&str] = &["Maintainer", "URL", "Homepage"];

fn collect(target: &Target, sink: &mut Sink) {
    let (mut seen, mut ids) = (BTreeSet::new(), Ids::default());
    for folder in FOLDERS.iter().map(Path::new) {
        let (status, info) = (folder.join("status"), folder.join("info"));
        // One of the two may be a link to the other, and so may what is in them.
        let mut is_new = |path: &Path| match target.resolve(path) {
            Ok(Some(real)) => seen.insert(real),
            // Reading it tells why not.
            Ok(None) | Err(_) => true,
        };
        let (new_status, new_info) = (is_new(&status), is_new(&info));
        let mut records = Records::new();
        if new_status && let Some(Some(file)) = sink.keep(target.open(&status)) {
            sink.found();
            read(&OPKG, sink, &mut records, &status, BufReader::new(file), Form::Status);
        }
        for item in records.values_mut() {
            item.id = ids.unique(item.id.raw().to_owned()).into();
        }
        let (mut lists, mut controls) = (Lists::new(), BTreeSet::new());
        let entries = if new_info { sink.keep(target.list(&info)).flatten() } else { None };
        for entry in entries.unwrap_or_default() {
            let Some((package, ending)) = entry.name.to_str().and_then(|name| name.rsplit_once('.')) else {
                continue;
            };
            match ending {
                "list" => {
                    sink.found();
                    lists.insert(package.to_owned(), info.join(&entry.name));
                }
                "control" => {
                    controls.insert(package.to_owned());
                }
                _ => {}
            }
        }
        file_lists(&OPKG, target, sink, &info, &mut records, lists);
        for mut item in records.into_values() {
            if controls.contains(item.name.raw()) {
                control(target, sink, &info.join(format!("{}.control", item.name.raw())), &mut item);
            }
            sink.item(item);
        }
    }
}

/// Takes from a package's control file what its record does not say.
fn control(target: &Target, sink: &mut Sink, path: &Path, item: &mut Item) {
    let Some(Some(file)) = sink.keep(target.open(path)) else { return };
    match Paragraphs::new(BufReader::new(file), KEEP).next() {
        Some(Ok(paragraph)) => {
            let field = |name| paragraph.get(name).filter(|v| !v.is_empty()).map(Text::from_bytes);
            item.publisher = item.publisher.take().or_else(|| field("Maintainer"));
            item.homepage = item.homepage.take().or_else(|| field("URL")).or_else(|| field("Homepage"));
            if let Some(line) = paragraph.damaged {
                let reason = format!("line {line} is no field, so who maintains the package may be unknown");
                sink.gap(Gap::new(GapCode::Damaged, Text::from_path(path), reason));
            }
        }
        Some(Err(e)) => sink.gap(io_gap(path, "read on in", &e)),
        None => {
            let reason = "it is empty, so who maintains the package is unknown";
            sink.gap(Gap::new(GapCode::Empty, Text::from_path(path), reason));
        }
    }
}
