//! Catalogues of Windows, in which makers of drivers sign files that carry no signature themselves.
//!
//! `System32\CatRoot` holds a folder for each sort of catalogue (learn.microsoft.com/windows-hardware/drivers/install/
//! catalog-files). Those that Microsoft signs are left out: it signs what it ships and the drivers of every maker that it
//! tested, so its name tells nobody's, and to look a file up the whole of it has to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::parse::authenticode::{Algorithm, Catalogue, Signer};
use crate::sources::Sink;
use crate::target::Target;
use crate::text::Text;

/// Where the folders of catalogues are.
const FOLDER: &str = "/Windows/System32/CatRoot";
/// Whose catalogues are left out.
const SYSTEM: &str = "Microsoft Corporation";
/// Bytes of one catalogue.
const MAX_BYTES: u64 = 32 << 20;
/// Catalogues that are read.
const MAX_CATALOGUES: usize = 50_000;
/// Digests of all of them.
const MAX_DIGESTS: usize = 2_000_000;

/// Digests of files, and who signed them.
#[derive(Default)]
pub(super) struct Catalogues {
    signers: Vec<Vec<Signer>>,
    by_digest: BTreeMap<(Algorithm, Vec<u8>), usize>,
}

impl Catalogues {
    /// Reads those of a target.
    pub(super) fn read(target: &Target, sink: &mut Sink) -> Self {
        let (mut all, mut read) = (Self::default(), 0);
        let root = Path::new(FOLDER);
        for folder in sink.keep(target.list(root)).flatten().unwrap_or_default() {
            let folder = root.join(folder.name);
            let Some(entries) = sink
                .keep(super::tree::is_folder(target, &folder))
                .filter(|is| *is)
                .and_then(|_| sink.keep(target.list(&folder)).flatten())
            else {
                continue;
            };
            for entry in entries {
                let path = folder.join(&entry.name);
                if !path.extension().is_some_and(|end| end.eq_ignore_ascii_case("cat")) {
                    continue;
                }
                read += 1;
                if read > MAX_CATALOGUES || all.by_digest.len() > MAX_DIGESTS {
                    let reason =
                        "there are more catalogues than are read; who signed what they list is unknown";
                    sink.gap(Gap::new(GapCode::TooMany, Text::from_path(&folder), reason));
                    return all;
                }
                let Some(bytes) = sink.keep(target.read_up_to(&path, MAX_BYTES)).flatten() else { continue };
                let catalogue = Catalogue::parse(&bytes).map_err(|fault| {
                    let reason = format!("who signed the files that it lists is unknown: {fault}");
                    Gap::new(GapCode::Damaged, Text::from_path(&path), reason)
                });
                all.add(sink.keep(catalogue));
            }
        }
        all
    }

    fn add(&mut self, catalogue: Option<Catalogue>) {
        let is_system =
            |signer: &Signer| signer.identity.organisation.as_ref().is_some_and(|o| o.raw() == SYSTEM);
        let Some(catalogue) = catalogue.filter(|c| !c.signers.iter().all(is_system)) else { return };
        let number = self.signers.len();
        self.signers.push(catalogue.signers);
        for digest in catalogue.digests {
            if let Some(algorithm) = digest.algorithm {
                self.by_digest.entry((algorithm, digest.bytes)).or_insert(number);
            }
        }
    }

    /// The sorts of digest that they list.
    pub(super) fn algorithms(&self) -> BTreeSet<Algorithm> {
        self.by_digest.keys().map(|(algorithm, _)| *algorithm).collect()
    }

    /// Who signed a file of one of these digests.
    pub(super) fn signers<'a>(
        &'a self,
        digests: &'a BTreeMap<Algorithm, Vec<u8>>,
    ) -> impl Iterator<Item = &'a Signer> {
        let numbers = digests.iter().filter_map(|(by, digest)| self.by_digest.get(&(*by, digest.clone())));
        numbers.filter_map(|number| self.signers.get(*number)).flatten()
    }
}
