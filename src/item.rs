//! One thing found on a target.
//!
//! An item carries all that recognising needs, so that a saved inventory is judged as the live scan was.

use std::collections::BTreeMap;

use crate::text::Text;
use crate::word::words;

words! {
    /// What sort of thing an item is.
    Kind {
        /// A package of a package manager.
        Package = "package",
        /// An application with a name for people.
        Application = "application",
        /// A running program.
        Process = "process",
        /// A service that the system starts.
        Service = "service",
        /// A kernel driver or module.
        Driver = "driver",
        /// Something started by a clock, a login or a scheduler.
        Task = "task",
        /// An extension of another program.
        Extension = "extension",
        /// A file on its own.
        File = "file",
        /// A certificate in a trust store.
        Certificate = "certificate",
        /// Weights of an AI model.
        Model = "model",
        /// A registry key.
        Key = "key",
        /// An image, a container or a WSL distribution.
        Container = "container",
        /// A user or configuration profile.
        Profile = "profile",
    }
}

words! {
    /// How much of the software is there, strongest first.
    State {
        /// It runs now.
        Running = "running",
        /// It is installed.
        Installed = "installed",
        /// Its files are there, without an installation.
        Present = "present",
        /// It is a part of another maker's product.
        Component = "component",
        /// It was left after removal.
        Remnant = "remnant",
        /// It names the vendor and is not by it.
        Mention = "mention",
    }
}

words! {
    /// Identifiers an item can carry.
    IdKind {
        /// The name of an uninstall key: an MSI product code, or a word.
        ProductCode = "product-code",
        /// An MSI upgrade code.
        UpgradeCode = "upgrade-code",
        /// An MSIX package family name.
        PackageFamily = "package-family",
        /// A macOS or iOS bundle identifier.
        BundleId = "bundle-id",
        /// An Apple developer team.
        TeamId = "team-id",
        /// A browser or editor extension.
        ExtensionId = "extension-id",
        /// An Android package.
        AndroidPackage = "android-package",
        /// A package URL.
        Purl = "purl",
        /// A CPE name.
        Cpe = "cpe",
        /// The SHA-256 digest of a file, in hexadecimal digits.
        Sha256 = "sha256",
        /// The SHA-1 digest of a certificate, in hexadecimal digits.
        Thumbprint = "thumbprint",
    }
}

words! {
    /// What is known of a code signature.
    SignatureState {
        /// The digest and the signature were checked against the file.
        Verified = "verified",
        /// The signature is not that of the file.
        Mismatch = "mismatch",
        /// The signature was read and not checked.
        Unchecked = "unchecked",
        /// A list says so.
        Claimed = "claimed",
    }
}

/// A code signature.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    /// The signer's distinguished name.
    pub subject: Option<Text>,
    /// The organisation in it.
    pub organisation: Option<Text>,
    /// The certificate's serial number.
    pub serial: Option<Text>,
    /// The certificate's SHA-1 digest.
    pub thumbprint: Option<Text>,
    /// What was checked.
    pub state: SignatureState,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What sort of thing it is.
    pub kind: Kind,
    /// Its name as the place it was found in writes it.
    pub name: Text,
    /// Its version, if one is told.
    pub version: Option<Text>,
    /// Where a person can check the claim.
    pub place: Text,
    /// How much of it is there.
    pub state: State,
    /// The id of the source that found it.
    pub source: Text,
    /// A name for this item, unique in its inventory.
    pub id: Text,
    /// Who made or maintains it, as it says itself.
    pub publisher: Option<Text>,
    /// Who signed it, in one name.
    pub signer: Option<Text>,
    /// The signature, where it was read.
    pub signature: Option<Signature>,
    /// Identifiers.
    pub ids: BTreeMap<IdKind, Text>,
    /// Files and folders that are it, in order.
    pub paths: Vec<Text>,
    /// `machine`, or what else it is installed for.
    pub scope: Option<Text>,
    /// The user it belongs to.
    pub user: Option<Text>,
    /// The id of the item that it belongs to.
    pub owner: Option<Text>,
    /// The container it is inside of; none is the host.
    pub container: Option<Text>,
    /// When it was installed (ISO 8601).
    pub installed: Option<Text>,
    /// Its home page.
    pub homepage: Option<Text>,
    /// The package ecosystem: debian, rpm …
    pub ecosystem: Option<Text>,
    /// The product's name for people, where the item's own name is another one: of a file's version resource, or of a
    /// package's description.
    pub product: Option<Text>,
    /// The original file name of a file's version resource.
    pub original_name: Option<Text>,
    /// The name of the service.
    pub service: Option<Text>,
    /// The command line.
    pub command: Option<Text>,
    /// The command that removes it.
    pub uninstall: Option<Text>,
    /// The command that removes it without asking.
    pub quiet_uninstall: Option<Text>,
    /// What it is within another installation: an `update`, or a `component` that is not shown to people.
    pub role: Option<Text>,
    /// Whether the system starts it by itself.
    pub enabled: Option<bool>,
    /// Whether its executable is gone from the disk while it runs.
    pub deleted: bool,
    /// What a saved inventory calls it; comes back in the evidence.
    pub reference: Option<Text>,
    /// Keys of a saved inventory that interdict does not know, kept as they were.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Item {
    /// An item with all that must be known of it; the state is that of a thing installed, or of a process running.
    #[must_use]
    pub fn new(kind: Kind, name: Text, place: Text) -> Self {
        Self {
            kind,
            name,
            version: None,
            place,
            state: if kind == Kind::Process { State::Running } else { State::Installed },
            source: Text::default(),
            id: Text::default(),
            publisher: None,
            signer: None,
            signature: None,
            ids: BTreeMap::new(),
            paths: Vec::new(),
            scope: None,
            user: None,
            owner: None,
            container: None,
            installed: None,
            homepage: None,
            ecosystem: None,
            product: None,
            original_name: None,
            service: None,
            command: None,
            uninstall: None,
            quiet_uninstall: None,
            role: None,
            enabled: None,
            deleted: false,
            reference: None,
            extra: BTreeMap::new(),
        }
    }

    /// Whether it is a package of a programming language rather than of a system.
    #[must_use]
    pub fn is_of_language(&self) -> bool {
        const LANGUAGES: &[&str] = &["conda", "maven", "npm", "osgi", "pypi"];
        self.ecosystem.as_ref().is_some_and(|e| LANGUAGES.contains(&e.raw()))
    }

    /// The order of items in every inventory.
    #[must_use]
    pub fn order(&self) -> impl Ord + '_ {
        (self.kind, &self.name, &self.version, &self.place, &self.container, &self.id, &self.reference)
    }
}

/// Ids that a source gave, of which none may be given twice.
#[derive(Default)]
pub(crate) struct Ids(BTreeMap<String, usize>);

impl Ids {
    /// The id, with a number behind it if it was given before.
    pub(crate) fn unique(&mut self, mut id: String) -> String {
        loop {
            let given = self.0.entry(id.clone()).or_default();
            *given += 1;
            if *given == 1 {
                return id;
            }
            id = format!("{id}#{given}");
        }
    }
}
