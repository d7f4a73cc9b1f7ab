//! Certificates that a machine, and the browsers and mail programs of its users, trust to vouch for others.
//!
//! Format: update-ca-certificates(8), update-ca-trust(8) and p11-kit's trust folders: administrators and packages put
//! certificates into folders, and a command collects them in a bundle and in `/etc/ssl/certs`, which programs read. So
//! what stands in the latter is trusted, wherever it came from; what does not was taken out, or not yet put in, and is
//! present only. [`nss`] says how the programs of users keep theirs.

mod nss;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Ids, Item, Kind, State};
use crate::parse::x509::{Names, find};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target};
use crate::text::{Text, hex};

pub(super) const SOURCE: Source = Source {
    id: "trust",
    about: "trusted certificates of the system and of browsers",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Certificate],
    rights: "root, or else the certificates that other users trust are not seen",
    blind: "a bundle cut between two certificates, the key stores of Java and of programs that bring their own, and \
            homes that are not mounted",
    collect,
};

/// Folders into which administrators put certificates, and then those into which packages put them.
const ANCHORS: &[&str] = &[
    "/usr/local/share/ca-certificates",
    "/etc/pki/ca-trust/source",
    "/etc/ca-certificates/trust-source",
    "/etc/pki/trust",
    "/usr/share/pki/ca-trust-source",
    "/usr/share/pki/trust",
    "/usr/share/ca-certificates",
];
/// Folders in them of what is trusted no longer.
const DISTRUSTED: &[&str] = &["blacklist", "blocklist"];
/// Where programs read what is trusted: bundles, and folders of certificates.
const TRUSTED: &[&str] = &[
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/ca-trust/extracted/pem",
    "/etc/ca-certificates/extracted",
    "/var/lib/ca-certificates",
    "/usr/local/etc/openssl/cert.pem",
];
/// What in them holds the same in another form, or what is distrusted too.
const OTHER_FORMS: &[&str] = &["ca-bundle.trust.crt", "edk2", "java", "java-cacerts", "openssl"];
/// How the names of certificates and bundles end.
const CERTIFICATES: &[&str] = &["cer", "crt", "der", "p11-kit", "pem"];
/// Folders below one of these that are looked into.
const MAX_FOLDERS: usize = 1000;
/// Files below one of these beyond which no more folders are looked into.
const MAX_FILES: usize = 20_000;
/// Bytes of a bundle that are read.
const MAX_BYTES: u64 = 64 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let mut ids = Ids::default();
    let mut machine = Machine::default();
    for folder in ANCHORS.iter().map(Path::new) {
        for file in files(target, sink, folder, DISTRUSTED) {
            machine.read(target, sink, &file);
        }
    }
    for place in TRUSTED.iter().map(Path::new) {
        let is_folder = match sink.keep(target.resolve(place)).flatten() {
            Some(real) => matches!(target.entry(&real), Ok(Some(EntryKind::Folder))),
            None => false,
        };
        let files = if is_folder { files(target, sink, place, OTHER_FORMS) } else { vec![place.to_owned()] };
        for file in files {
            for certificate in machine.read(target, sink, &file) {
                machine.is_collected = true;
                machine.certificates.entry(certificate).and_modify(|known| known.trusted = true);
            }
        }
    }
    machine.tell(sink, &mut ids);
    nss::collect(target, sink, &mut ids);
}

/// The SHA-256 digest of a certificate.
type Key = [u8; 32];

/// The certificates of the machine.
#[derive(Default)]
struct Machine {
    certificates: BTreeMap<Key, Known>,
    /// Files that were read, by where they are: most have several names.
    read: BTreeMap<PathBuf, Vec<Key>>,
    /// Whether anything that programs read has certificates.
    is_collected: bool,
}

/// One certificate, where it was found first.
struct Known {
    der: Vec<u8>,
    place: PathBuf,
    /// Whether the file holds nothing else.
    alone: bool,
    trusted: bool,
}

impl Machine {
    /// Reads a file, once; gives what is in it.
    fn read(&mut self, target: &Target, sink: &mut Sink, file: &Path) -> Vec<Key> {
        let is_link = matches!(target.entry(file), Ok(Some(EntryKind::Link)));
        let real = match target.resolve(file) {
            Ok(Some(real)) => real,
            // What a link to nothing stood for is trusted by nobody.
            Ok(None) if is_link && TRUSTED.iter().any(|place| file.starts_with(place)) => {
                let reason = "its link leads nowhere within the root, so no program can read it";
                sink.gap(Gap::new(GapCode::Dangling, Text::from_path(file), reason).note());
                return Vec::new();
            }
            _ => file.to_owned(),
        };
        if let Some(known) = self.read.get(&real) {
            return known.clone();
        }
        let certificates = sink.keep(target.read_up_to(file, MAX_BYTES)).flatten();
        let certificates = certificates.map(|bytes| in_file(sink, file, &bytes)).unwrap_or_default();
        let alone = certificates.len() == 1;
        let mut keys = Vec::new();
        for der in certificates {
            let key = Sha256::digest(&der).into();
            keys.push(key);
            let known = || Known { der, place: file.to_owned(), alone, trusted: false };
            self.certificates.entry(key).or_insert_with(known);
        }
        self.read.insert(real, keys.clone());
        keys
    }

    fn tell(self, sink: &mut Sink, ids: &mut Ids) {
        for (key, known) in self.certificates {
            let mut item = item(sink, ids, &known.der, &key, &known.place, None);
            // Where nothing collects them, programs read the folders themselves.
            if self.is_collected && !known.trusted {
                item.state = State::Present;
            }
            item.paths.extend(known.alone.then(|| Text::from_path(&known.place)));
            item.scope = Some("machine".into());
            sink.item(item);
        }
    }
}

/// The certificates in a file, and a gap for what is wrong with it.
fn in_file(sink: &mut Sink, file: &Path, bytes: &[u8]) -> Vec<Vec<u8>> {
    let found = find(bytes);
    let gap = |code, reason: String| Gap::new(code, Text::from_path(file), reason);
    if let Some(first) = found.damage.first() {
        let more = found.damage.len() - 1;
        let more = if more > 0 { format!(", and {more} more faults like this") } else { String::new() };
        let reason = format!("{first}{more}; put the file back from its package and scan again");
        sink.gap(gap(GapCode::Damaged, reason));
    } else if found.certificates.is_empty() && !found.other && should_hold(file) {
        let code = if bytes.is_empty() { GapCode::Empty } else { GapCode::Damaged };
        sink.gap(gap(code, "it is named as certificates are and holds none".into()));
    }
    found.certificates
}

/// Whether a file is named as certificates are, or is linked by the digest of a name (openssl-rehash(1)).
fn should_hold(file: &Path) -> bool {
    let (stem, end) = (file.file_stem().unwrap_or_default(), file.extension().unwrap_or_default());
    let is_digest = stem.len() == 8 && stem.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit);
    let is_number = !end.is_empty() && end.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    CERTIFICATES.iter().any(|own| end.eq_ignore_ascii_case(own)) || (is_digest && is_number)
}

/// The item of a certificate.
fn item(sink: &mut Sink, ids: &mut Ids, der: &[u8], key: &Key, place: &Path, label: Option<&[u8]>) -> Item {
    let thumbprint = hex(&Sha1::digest(der));
    let path = Text::from_path(place);
    let names = Names::of(der).unwrap_or_else(|error| {
        let reason = format!(
            "the certificate {thumbprint} in it cannot be read, so whose it is is not known: {error}"
        );
        sink.gap(Gap::new(GapCode::Damaged, path.clone(), reason));
        Names::default()
    });
    let label = label.map(Text::from_bytes);
    let shown = names.subject.or(label).unwrap_or_else(|| thumbprint.clone().into());
    let mut item = Item::new(Kind::Certificate, shown, path);
    item.id = ids.unique(format!("trust:{}:{thumbprint}", item.place.raw())).into();
    item.publisher = names.organisation;
    item.ids.insert(IdKind::Sha256, hex(key).into());
    item.ids.insert(IdKind::Thumbprint, thumbprint.into());
    item
}

/// The files of a folder and of those in it, in order; what is named so is left out.
fn files(target: &Target, sink: &mut Sink, folder: &Path, leave_out: &[&str]) -> Vec<PathBuf> {
    let (mut files, mut ahead, mut seen) = (Vec::new(), vec![folder.to_owned()], BTreeSet::new());
    let own = target.resolve(folder).ok().flatten();
    while let Some(folder) = ahead.pop() {
        let Some(entries) = sink.keep(target.list(&folder)).flatten() else { continue };
        let real = sink.keep(target.resolve(&folder)).flatten();
        // A link to a folder above the start leads back to it.
        let is_above = |real: &PathBuf| own.as_ref().is_some_and(|own| own != real && own.starts_with(real));
        if !real.is_some_and(|real| !is_above(&real) && seen.insert(real)) {
            continue;
        }
        if seen.len() > MAX_FOLDERS || files.len() > MAX_FILES {
            let reason = format!(
                "more than {MAX_FOLDERS} folders or {MAX_FILES} files lead from it; the rest was not looked at"
            );
            sink.gap(Gap::new(GapCode::TooMany, Text::from_path(&folder), reason));
            break;
        }
        for entry in entries.into_iter().filter(|entry| leave_out.iter().all(|no| entry.name != *no)) {
            let path = folder.join(entry.name);
            let leads_to =
                || target.resolve(&path).ok().flatten().and_then(|real| target.entry(&real).ok()).flatten();
            match if entry.kind == EntryKind::Link { leads_to() } else { Some(entry.kind) } {
                Some(EntryKind::Folder) => ahead.push(path),
                _ => files.push(path),
            }
        }
    }
    files.sort();
    files
}
