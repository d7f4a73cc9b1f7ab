//! The denylist: who is meant, how they are recognised, and which law speaks of them.
//!
//! Rule files are TOML. Those in `rules/` are part of the program; [`Rules::load`] adds the operator's. Everything is
//! checked before anything is scanned (law 9), and all problems are shown at once.

mod document;
mod filing;
mod instrument;
mod law;
mod matcher;
mod normal;
mod pack;
mod patterns;
mod problem;
mod reach;
mod vendor;

pub use document::nearest;
pub(crate) use document::{Table, read};
pub(crate) use instrument::reached;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

pub use filing::{Each, Field, Filing, Fill};
pub use instrument::{Class, Exception, Fact, Force, Instrument, Limb, Mark, Profile, Scope, Status, names};
pub use matcher::{Hit, Matcher};
pub(crate) use pack::MENTION;
pub use problem::RuleFile;
pub use vendor::{Aspect, Example, Expect, Product, Protection, Removal, Signature, Strength, Trait, Vendor};

use pack::Packs;

use crate::error::Error;
use crate::proof;
use crate::target::operator;
use crate::text::hex;

static BUILTIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules");

/// The instrument under which the vendors of the operator's own rule files are prohibited.
pub const LOCAL_POLICY: &str = "local-policy";
/// The folder of the packs that are loaded only on request.
const ON_REQUEST: &str = "on-request";
/// The profile that is judged by when none is chosen.
pub const DEFAULT_PROFILE: &str = "us-federal";

/// A rule file of a loaded set, as the report names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackRef {
    /// Its name without folder and ending.
    pub id: String,
    /// The version it states.
    pub version: String,
    /// The day to which its facts were checked, if it states one.
    pub as_of: Option<Date>,
    /// What it says it is for.
    pub about: Option<String>,
    /// The SHA-256 digest of its text.
    pub sha256: String,
}

impl PackRef {
    /// How many days before a day its facts were checked; none, if it does not say.
    #[must_use]
    pub fn days_old(&self, day: Date) -> Option<i32> {
        Some(self.as_of?.until(day).ok()?.get_days())
    }
}

/// A checked set of rules.
pub struct Rules {
    /// The files it was read from.
    pub packs: Vec<PackRef>,
    /// Makers.
    pub vendors: Vec<Vendor>,
    /// Traits of makers and products.
    pub signatures: Vec<Signature>,
    /// Items with what must be said of them.
    pub examples: Vec<Example>,
    /// Laws.
    pub instruments: Vec<Instrument>,
    /// Classes of bodies, systems and devices that laws speak of.
    pub classes: Vec<Class>,
    /// Groups of laws.
    pub profiles: Vec<Profile>,
    /// The signatures compiled.
    pub matcher: Matcher,
    /// The pack of each vendor, product, instrument and profile.
    homes: BTreeMap<(&'static str, String), usize>,
    /// What is lacking in the operator's files without making them wrong, as text.
    pub warnings: String,
}

impl Rules {
    /// Loads the built-in rules, unless they are not wanted, and the operator's files.
    ///
    /// The examples of the operator's files are tried; those of the built-in ones were when the program was made, and
    /// are by [`Rules::proven`].
    ///
    /// # Errors
    /// When a file cannot be read, or anything in any of them is wrong; the text shows every place.
    pub fn load(paths: &[PathBuf], builtin: bool, colour: bool) -> Result<Self, Error> {
        Self::checked(&Self::files(paths, builtin)?, &Packs::default(), colour, false)
    }

    /// Loads the operator's files alone; they may name vendors that are built in.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn alone(paths: &[PathBuf], colour: bool) -> Result<Self, Error> {
        let (beside, _) = pack::read(&builtin_files(true), &Packs::default());
        Self::checked(&operator_files(paths)?, &beside, colour, false)
    }

    /// Loads the built-in rules and the operator's files, and tries every example.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn proven(paths: &[PathBuf], colour: bool) -> Result<Self, Error> {
        Self::of(&Self::files(paths, true)?, colour)
    }

    fn files(paths: &[PathBuf], builtin: bool) -> Result<Vec<RuleFile>, Error> {
        let mut files = builtin_files(builtin);
        files.extend(operator_files(paths)?);
        Ok(files)
    }

    /// Checks and compiles rule files, and tries all their examples.
    ///
    /// # Errors
    /// When anything in any of them is wrong.
    pub fn of(files: &[RuleFile], colour: bool) -> Result<Self, Error> {
        Self::checked(files, &Packs::default(), colour, true)
    }

    fn checked(files: &[RuleFile], beside: &Packs, colour: bool, builtin_too: bool) -> Result<Self, Error> {
        let (packs, mut problems) = pack::read(files, beside);
        let matcher = match Matcher::new(&packs.vendors, &packs.signatures) {
            Ok(matcher) => matcher,
            Err(e) => {
                return Err(Error::Rules(format!("cannot compile the patterns of the rule files: {e}")));
            }
        };
        if builtin_too {
            reach::check(&packs, &matcher, files, &mut problems);
        }
        let mut rules = Self {
            packs: refs(files, &packs),
            vendors: packs.vendors,
            signatures: packs.signatures,
            examples: packs.examples,
            instruments: packs.instruments,
            classes: packs.classes,
            profiles: packs.profiles,
            matcher,
            homes: packs.ids.into_iter().map(|(id, place)| (id, place.file)).collect(),
            warnings: String::new(),
        };
        if !problems.has_errors() {
            for failure in proof::check(&rules, builtin_too) {
                let place = match failure.of {
                    proof::Of::Signature(number) => packs.signature_places.get(number),
                    proof::Of::Example(number) => packs.example_places.get(number),
                };
                if let Some(place) = place {
                    problems.error(place, "example-fails", failure.message, failure.label);
                }
            }
        }
        if problems.has_errors() {
            return Err(Error::Rules(problems.render(files, false, colour)));
        }
        rules.warnings = problems.render(files, true, colour);
        Ok(rules)
    }

    /// The instruments to judge by: those named, or else the default profile, or else all.
    ///
    /// # Errors
    /// When an id is neither an instrument nor a profile.
    pub fn choose(&self, under: &[String], builtin: bool) -> Result<Vec<&Instrument>, Error> {
        let own = self.vendors.iter().any(|v| !v.builtin);
        let everything = |i: &&Instrument| i.id != LOCAL_POLICY;
        let default = [DEFAULT_PROFILE.to_owned()];
        let under = if under.is_empty() && builtin { &default } else { under };
        let mut chosen: Vec<&Instrument> = Vec::new();
        if under.is_empty() {
            chosen.extend(self.instruments.iter().filter(everything));
        }
        for id in under {
            if id == "all" {
                chosen.extend(self.instruments.iter().filter(everything));
            } else if self.profiles.iter().any(|p| p.id == *id) {
                let members = law::members(&self.profiles, id);
                chosen.extend(self.instruments.iter().filter(|i| members.contains(&i.id.as_str())));
            } else if let Some(instrument) = self.instruments.iter().find(|i| i.id == *id) {
                chosen.push(instrument);
            } else {
                return Err(self.unknown(id));
            }
        }
        // What the operator's own files name is always prohibited locally.
        chosen.extend(self.instruments.iter().filter(|i| own && i.id == LOCAL_POLICY));
        chosen.sort_by(|a, b| a.id.cmp(&b.id));
        chosen.dedup_by(|a, b| a.id == b.id);
        Ok(chosen)
    }

    /// The packs whose facts were checked more than so many days before a day, in order of id. The local policy has no
    /// facts, and what states no day is not known to be old.
    #[must_use]
    pub fn older_than(&self, day: Date, days: i32) -> Vec<&PackRef> {
        let old = |pack: &&PackRef| pack.id != LOCAL_POLICY && pack.days_old(day).is_some_and(|d| d > days);
        self.packs.iter().filter(old).collect()
    }

    /// The pack that defines something: a `vendor`, `product` (`vendor/product`), `instrument`, `profile`.
    #[must_use]
    pub fn pack_of(&self, what: &'static str, id: &str) -> Option<&PackRef> {
        self.packs.get(*self.homes.get(&(what, id.to_owned()))?)
    }

    /// The instrument of an id.
    ///
    /// # Errors
    /// When there is none.
    pub fn instrument(&self, id: &str) -> Result<&Instrument, Error> {
        self.instruments.iter().find(|i| i.id == id).ok_or_else(|| self.unknown(id))
    }

    fn unknown(&self, id: &str) -> Error {
        let known =
            self.instruments.iter().map(|i| i.id.as_str()).chain(self.profiles.iter().map(|p| p.id.as_str()));
        let help = match nearest(id, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`interdict rules list` shows those there are".to_owned(),
        };
        Error::Usage(format!("there is no instrument or profile `{id}`; {help}"))
    }
}

/// The packs that are part of the program and are loaded only by their names, `builtin:ID`.
#[must_use]
pub fn on_request() -> Vec<PackRef> {
    let files = files_on_request();
    refs(&files, &pack::read(&files, &Packs::default()).0)
}

/// The rule files that are part of the program; without them only the local policy.
fn builtin_files(all: bool) -> Vec<RuleFile> {
    let folders = BUILTIN.dirs().filter(|folder| folder.path() != Path::new(ON_REQUEST));
    let mut files: Vec<_> = folders.flat_map(|folder| folder_files(folder, true)).collect();
    files.retain(|file| all || stem(&file.path) == LOCAL_POLICY);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// They count as the operator's, who asks for them: what they name is prohibited under the local policy.
fn files_on_request() -> Vec<RuleFile> {
    BUILTIN.get_dir(ON_REQUEST).map(|folder| folder_files(folder, false)).unwrap_or_default()
}

fn folder_files(folder: &Dir<'_>, builtin: bool) -> Vec<RuleFile> {
    let file = |file: &include_dir::File<'_>| {
        let path = format!("rules/{}", file.path().display());
        Some(RuleFile { path, text: file.contents_utf8()?.to_owned(), builtin })
    };
    folder.files().filter_map(file).collect()
}

/// The rule files that the operator named by their paths, or as `builtin:ID`.
fn operator_files(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if let Some(id) = path.to_str().and_then(|path| path.strip_prefix("builtin:")) {
            let known = files_on_request();
            let Some(file) = known.iter().find(|file| stem(&file.path) == id) else {
                let ids: Vec<_> = known.iter().map(|file| stem(&file.path)).collect();
                let known = ids.join(", ");
                let message = format!("there is no pack `{id}` to be had on request; there are: {known}");
                return Err(Error::Usage(message));
            };
            files.push(file.clone());
            continue;
        }
        for (path, text) in operator::texts(path, "toml")? {
            files.push(RuleFile { path: path.display().to_string(), text, builtin: false });
        }
    }
    Ok(files)
}

/// Rule files as reports name them.
fn refs(files: &[RuleFile], packs: &Packs) -> Vec<PackRef> {
    let named = |(file, head): (&RuleFile, &pack::Head)| PackRef {
        id: stem(&file.path),
        version: head.version.clone(),
        as_of: head.as_of,
        about: head.about.clone(),
        sha256: hex(&Sha256::digest(file.text.as_bytes())),
    };
    files.iter().zip(&packs.heads).map(named).collect()
}

fn stem(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".toml").unwrap_or(name).to_owned()
}
