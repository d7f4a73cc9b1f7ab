//! What a program, library or driver of Windows says of itself, and who signed it.
//!
//! Its version resource names a maker and a product, as whoever wrote it liked. Its signatures are checked: each against
//! the file, and against the key of the certificate that is in it; only then is the signer told. A file that is signed
//! by several, as drivers are, is one item a signer, so that none hides another. Only files that are signed are read to
//! their end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::digest::DynDigest;

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Item, Signature, SignatureState};
use crate::parse::authenticode::{self, Algorithm, Check, Digest, Signer};
use crate::parse::pe::{Fault, Pe};
use crate::sources::Sink;
use crate::sources::catalogues::Catalogues;
use crate::target::{ReadSeek, Target, io_gap};
use crate::text::{Text, hex};

type File = Pe<Box<dyn ReadSeek>>;

/// Programs of one target, with the catalogues that sign them.
pub(super) struct Executables<'a> {
    target: &'a Target,
    catalogues: Catalogues,
}

impl<'a> Executables<'a> {
    /// Those of a target.
    pub(super) fn of(target: &'a Target, sink: &mut Sink) -> Self {
        Self { target, catalogues: Catalogues::read(target, sink) }
    }

    /// The item with what its file tells, once for each of its signers. What cannot be read is a gap of the source, and
    /// the item is what it was without it.
    pub(super) fn told(&self, sink: &mut Sink, path: &Path, mut item: Item) -> Vec<Item> {
        let Some(file) = sink.keep(self.target.open_seek(path)).flatten() else { return vec![item] };
        let file = Pe::open(file).map_err(|fault| gap(path, "what it is", &fault));
        let Some(mut file) = sink.keep(file).flatten() else { return vec![item] };
        let version = file.version().map_err(|fault| gap(path, "who made it", &fault));
        if let Some(version) = sink.keep(version).flatten() {
            item.product = version.product;
            item.publisher = version.company;
            item.original_name = version.original_name;
            item.version = version.product_version.or(version.file_version);
        }
        let signatures = signatures(sink, path, &mut file);
        let checked = self.checked(sink, path, &mut file, &signatures, &mut item);
        let mut items = Vec::new();
        for (number, signature) in checked.into_iter().enumerate() {
            let mut item = item.clone();
            if number > 0 {
                item.id = format!("{}#{}", item.id.raw(), number + 1).into();
            }
            sign(&mut item, signature);
            items.push(item);
        }
        if items.is_empty() { vec![item] } else { items }
    }

    /// The signatures with what the file itself says of them, the best first and one of each signer.
    fn checked(
        &self,
        sink: &mut Sink,
        path: &Path,
        file: &mut File,
        signatures: &[(Signer, Digest)],
        item: &mut Item,
    ) -> Vec<Signature> {
        let mut algorithms: BTreeSet<Algorithm> =
            signatures.iter().filter_map(|(_, d)| d.algorithm).collect();
        if signatures.is_empty() {
            algorithms = self.catalogues.algorithms();
            if algorithms.is_empty() {
                return Vec::new();
            }
        }
        let hashed = digests(file, &algorithms).map_err(|fault| gap(path, "who signed it", &fault));
        let hashed = sink.keep(hashed);
        let mut found: Vec<_> = match &hashed {
            Some((image, _)) if signatures.is_empty() => {
                self.catalogues.signers(image).map(|signer| signature(signer, Some(true))).collect()
            }
            _ => signatures
                .iter()
                .map(|(signer, digest)| {
                    let image = hashed.as_ref().map(|(image, _)| image);
                    let own = image.zip(digest.algorithm).and_then(|(image, by)| image.get(&by));
                    signature(signer, own.map(|own| *own == digest.bytes))
                })
                .collect(),
        };
        if let Some((_, whole)) = hashed {
            item.ids.insert(IdKind::Sha256, whole.into());
        }
        let mut seen = BTreeSet::new();
        found.sort_by_key(|signature| match signature.state {
            SignatureState::Verified => 0,
            SignatureState::Unchecked | SignatureState::Claimed => 1,
            SignatureState::Mismatch => 2,
        });
        found.retain(|signature| {
            seen.insert(signature.organisation.clone().or_else(|| signature.subject.clone()))
        });
        found
    }
}

/// Who signed a file by itself, and which digest it must have.
fn signatures(sink: &mut Sink, path: &Path, file: &mut File) -> Vec<(Signer, Digest)> {
    let doing = "who signed it";
    let tables = match file.signatures() {
        // To Windows it is not signed then.
        Err(fault @ Fault::Damaged(_)) => {
            sink.gap(gap(path, doing, &fault).note());
            Vec::new()
        }
        tables => sink.keep(tables.map_err(|fault| gap(path, doing, &fault))).unwrap_or_default(),
    };
    let mut found = Vec::new();
    for table in tables {
        let signatures = authenticode::signatures(&table).map_err(|fault| {
            Gap::new(GapCode::Damaged, Text::from_path(path), format!("{doing} is unknown: {fault}"))
        });
        found.extend(sink.keep(signatures).unwrap_or_default());
    }
    found.into_iter().map(|signature| (signature.signer, signature.digest)).collect()
}

/// The digests of what is signed of a file, and the SHA-256 digest of all of it in hexadecimal digits.
type Digests = (BTreeMap<Algorithm, Vec<u8>>, String);

fn digests(file: &mut File, algorithms: &BTreeSet<Algorithm>) -> Result<Digests, Fault> {
    let mut whole = Algorithm::Sha256.hasher();
    let mut image: Vec<_> = algorithms.iter().map(|by| (*by, by.hasher())).collect();
    file.parts(&mut |part, is_signed| {
        whole.update(part);
        for (_, hasher) in image.iter_mut().filter(|_| is_signed) {
            hasher.update(part);
        }
    })?;
    let done = |hasher: Box<dyn DynDigest>| hasher.finalize().into_vec();
    Ok((image.into_iter().map(|(by, hasher)| (by, done(hasher))).collect(), hex(&done(whole))))
}

/// A signature, and whether the file has the digest that it must have, if that is known.
fn signature(signer: &Signer, fits: Option<bool>) -> Signature {
    let state = match (signer.check, fits) {
        (Check::Fails, _) | (_, Some(false)) => SignatureState::Mismatch,
        (Check::Unknown, _) | (_, None) => SignatureState::Unchecked,
        (Check::Holds, Some(true)) => SignatureState::Verified,
    };
    let identity = &signer.identity;
    Signature {
        subject: Some(identity.subject.clone()),
        organisation: identity.organisation.clone().or_else(|| identity.common_name.clone()),
        serial: Some(identity.serial.clone()),
        thumbprint: Some(identity.thumbprint.clone()),
        state,
    }
}

/// Gives an item a signature. Whose it is, is said of it only where that was checked.
fn sign(item: &mut Item, signature: Signature) {
    if signature.state == SignatureState::Verified {
        item.signer = signature.organisation.clone().or_else(|| signature.subject.clone());
        item.ids.extend(signature.thumbprint.clone().map(|thumbprint| (IdKind::Thumbprint, thumbprint)));
    }
    item.signature = Some(signature);
}

/// The gap that a fault in a file leaves.
fn gap(path: &Path, unknown: &str, fault: &Fault) -> Gap {
    let code = match fault {
        Fault::Io(error) => return io_gap(path, "read", error),
        Fault::Cut(_) => GapCode::Truncated,
        Fault::Damaged(_) => GapCode::Damaged,
        Fault::TooLarge(_) => GapCode::TooLarge,
    };
    Gap::new(code, Text::from_path(path), format!("{unknown} is unknown: {fault}"))
}
