//! Java archives that lie in the folders of products and in homes.
//!
//! Formats: those of [`crate::parse::jar`]. A file is a package if Maven or `OSGi` named it, and otherwise only a
//! file; nothing installs one, so it is present. What Maven packed into the archive of something else belongs to that.
//! The caches that Maven and Gradle keep in homes hold archives that builds use, and these are there like any other.
//! What is in an archive within an archive is not looked into.

use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Ids, Item, Kind, State};
use crate::parse::jar::{Coordinates, Jar};
use crate::parse::zip::Error;
use crate::sources::purl::purl;
use crate::sources::tree::{Found, Sort};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Target, io_gap};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "jars",
    about: "Java archives in /opt, /usr/local, /srv and homes, at full depth everywhere",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Package, Kind::File],
    rights: "root, or else what lies in the homes of other users is not seen",
    blind: "an archive of another name than .jar, and archives within archives",
    collect,
};

fn collect(target: &Target, sink: &mut Sink) {
    let tree = sink.tree(target);
    let mut ids = Ids::default();
    for found in tree.found.iter().filter(|found| found.sort == Sort::Jar) {
        let jar = sink.keep(read(target, &found.path)).unwrap_or_default();
        if let Some(reason) = &jar.unread {
            let reason = format!("{reason}; who made it, or what is in it, may be unknown");
            sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&found.path), reason));
        }
        let own = own(&found.path, &jar.poms);
        let item = item(found, &jar, own, &mut ids);
        let parts = jar.poms.iter().filter(|pom| Some(*pom) != own);
        let parts: Vec<_> = parts.map(|part| packed(&item, part, &mut ids)).collect();
        sink.item(item);
        for part in parts {
            sink.item(part);
        }
    }
}

/// What an archive says of itself. Java cannot run what is no archive, so that is only a note.
fn read(target: &Target, path: &Path) -> Result<Jar, Gap> {
    let Some(file) = target.open_seek(path)? else { return Ok(Jar::default()) };
    Jar::read(file).map_err(|e| match e {
        Error::Io(e) => io_gap(path, "read", &e),
        Error::Damaged(e) => {
            let reason = format!("is no archive that Java could run; it is known by its name alone: {e}");
            Gap::new(GapCode::Damaged, Text::from_path(path), reason).note()
        }
    })
}

/// Which of the coordinates in an archive are its own: the only ones, or those that its file is named after.
fn own<'a>(path: &Path, poms: &'a [Coordinates]) -> Option<&'a Coordinates> {
    let name = path.file_name()?.as_encoded_bytes();
    let named = poms.iter().filter(|pom| name.starts_with(pom.artifact.as_bytes()));
    if let [only] = poms { Some(only) } else { named.max_by_key(|pom| pom.artifact.len()) }
}

fn item(found: &Found, jar: &Jar, own: Option<&Coordinates>, ids: &mut Ids) -> Item {
    let place = Text::from_path(&found.path);
    let text = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(Text::from_bytes);
    let bundle = text(&jar.bundle).map(|bundle| ("osgi", bundle));
    let named = own.map(|own| ("maven", own.artifact.as_str().into())).or(bundle);
    let file_name = || Text::from_bytes(found.path.file_name().unwrap_or_default().as_encoded_bytes());
    let mut item = match named {
        Some((ecosystem, name)) => {
            Item { ecosystem: Some(ecosystem.into()), ..Item::new(Kind::Package, name, place.clone()) }
        }
        None => Item::new(Kind::File, file_name(), place.clone()),
    };
    item.version = text(&jar.version);
    if let Some(own) = own {
        coordinates(&mut item, own);
    }
    item.id = ids.unique(format!("jars:{}", place.raw())).into();
    item.state = State::Present;
    item.publisher = text(&jar.vendor);
    item.product = text(&jar.title).filter(|title| *title != item.name);
    item.paths = [place].into_iter().chain(found.leads.as_deref().map(Text::from_path)).collect();
    item.scope = Some(if found.user.is_some() { "user" } else { "machine" }.into());
    item.user.clone_from(&found.user);
    item
}

/// What was packed into the archive of something else.
fn packed(of: &Item, part: &Coordinates, ids: &mut Ids) -> Item {
    let mut item = Item::new(Kind::Package, part.artifact.as_str().into(), of.place.clone());
    coordinates(&mut item, part);
    let id = format!("{}!{}:{}", of.id.raw(), part.group, part.artifact);
    item.id = ids.unique(id).into();
    item.state = State::Present;
    item.owner = Some(of.id.clone());
    item.ecosystem = Some("maven".into());
    item.scope.clone_from(&of.scope);
    item.user.clone_from(&of.user);
    item
}

fn coordinates(item: &mut Item, of: &Coordinates) {
    let version = (!of.version.is_empty()).then(|| Text::from(of.version.as_str()));
    item.ids.insert(IdKind::Purl, purl("maven", &of.group, &of.artifact, version.as_ref()));
    item.version = version.or(item.version.take());
}
