//! Vendors, their products, and the traits by which they are recognised.

use crate::item::{IdKind, Kind};
use crate::word::words;

words! {
    /// How sure a finding is, strongest first.
    Strength {
        /// An identifier that only this maker has.
        Certain = "certain",
        /// A name that only this maker uses, or two weaker traits that agree.
        Likely = "likely",
        /// One weak trait.
        Possible = "possible",
    }
}

/// What of an item a signature looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trait {
    /// The company that made or maintains it.
    Publisher,
    /// The company that signed it.
    Signer,
    /// Its name.
    Name,
    /// Its name in a package manager.
    Package,
    /// A file or folder, and all below it.
    Path,
    /// The file name of a running executable.
    Process,
    /// A file name.
    File,
    /// The name of a service or unit.
    Service,
    /// An identifier.
    Id(IdKind),
}

impl Trait {
    /// Every trait.
    pub fn all() -> impl Iterator<Item = Self> {
        use Trait::{File, Name, Package, Path, Process, Publisher, Service, Signer};
        let named = [Publisher, Signer, Name, Package, Path, Process, File, Service];
        named.into_iter().chain(IdKind::ALL.iter().copied().map(Trait::Id))
    }

    /// Its key in rule files, and its name in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Signer => "signer",
            Self::Name => "name-match",
            Self::Package => "package",
            Self::Path => "path",
            Self::Process => "process",
            Self::File => "file",
            Self::Service => "service",
            Self::Id(kind) => kind.word(),
        }
    }

    /// The most that one such trait shows, whatever a rule says of it.
    #[must_use]
    pub fn ceiling(self) -> Strength {
        match self {
            Self::Publisher | Self::Name | Self::Path | Self::Service => Strength::Likely,
            Self::Process | Self::File => Strength::Possible,
            Self::Signer | Self::Package | Self::Id(_) => Strength::Certain,
        }
    }

    /// The kinds of item that it can stand on; none listed is all.
    #[must_use]
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Package => &[Kind::Package],
            Self::Process => &[Kind::Process, Kind::File],
            // A web application that a browser has installed has the id of its extension.
            Self::Id(IdKind::ExtensionId) => &[Kind::Extension, Kind::Application, Kind::Profile, Kind::Key],
            Self::Id(IdKind::AndroidPackage) => &[Kind::Package, Kind::Application],
            Self::Id(IdKind::Purl) => {
                &[Kind::Package, Kind::Application, Kind::Extension, Kind::Model, Kind::Container, Kind::File]
            }
            _ => &[],
        }
    }

    /// Which fact of an item it rests on: two traits agree only if they rest on different ones.
    #[must_use]
    pub fn aspect(self) -> Aspect {
        match self {
            Self::Publisher | Self::Signer => Aspect::Maker,
            Self::Path => Aspect::Place,
            Self::Name | Self::Package | Self::Process | Self::File | Self::Service => Aspect::Name,
            Self::Id(_) => Aspect::Identifier,
        }
    }
}

/// The facts of an item that traits rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Who made it.
    Maker,
    /// What it is called.
    Name,
    /// Where it stands.
    Place,
    /// An identifier it carries.
    Identifier,
}

/// One maker.
#[derive(Debug, Clone)]
pub struct Vendor {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What a reader should know of it.
    pub note: Option<String>,
    /// Words that name it: an item that carries one and is by somebody else is a mention.
    pub brand: Vec<String>,
    /// Its products.
    pub products: Vec<Product>,
    /// The tool of its own that removes what it made.
    pub removal: Option<Removal>,
    /// Whether it is built in.
    pub builtin: bool,
}

/// One product of a maker.
#[derive(Debug, Clone)]
pub struct Product {
    /// Its id, unique within the vendor.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What a reader should know of it.
    pub note: Option<String>,
    /// The tool of its maker that removes it, where that is another than the maker's for all.
    pub removal: Option<Removal>,
    /// What it protects a machine with, so that its removal takes that away.
    pub protects: Vec<Protection>,
}

/// A tool by which a maker removes its own products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// What it is called, and what it removes.
    pub words: String,
    /// Where that was published.
    pub source: Option<String>,
}

words! {
    /// Protections whose loss a plan of removal must speak of, as Binding Operational Directive 17-01 lists them.
    Protection {
        /// Data loss prevention.
        DataLossPrevention = "data-loss-prevention",
        /// Network access control.
        NetworkAccessControl = "network-access-control",
        /// Mobile device management.
        DeviceManagement = "device-management",
        /// Sandboxing and detonation.
        Sandboxing = "sandboxing",
        /// Web filtering.
        WebFiltering = "web-filtering",
        /// Allow-listing of hardware and software.
        AllowListing = "allow-listing",
        /// Vulnerability and patch management.
        PatchManagement = "patch-management",
        /// Protection from malicious code.
        AntiMalware = "anti-malware",
        /// Protection from exploits.
        AntiExploit = "anti-exploit",
        /// Filtering of spam.
        SpamFiltering = "spam-filtering",
        /// Encryption.
        Encryption = "encryption",
    }
}

impl Protection {
    /// The control of NIST SP 800-53 that then stands open, where one is known to.
    #[must_use]
    pub fn control(self) -> Option<&'static str> {
        match self {
            Self::AntiMalware => Some("SI-3"),
            Self::PatchManagement => Some("SI-2"),
            _ => None,
        }
    }
}

/// A trait by which a maker or a product is recognised.
#[derive(Debug, Clone)]
pub struct Signature {
    /// The number of the vendor.
    pub vendor: usize,
    /// The number of the product within the vendor; none speaks for the vendor alone.
    pub product: Option<usize>,
    /// What it looks at.
    pub on: Trait,
    /// What must stand there, as written: `*` is any text, `?` one character.
    pub values: Vec<String>,
    /// What it shows; none only supports others.
    pub strength: Option<Strength>,
    /// Whether others use the value too: it then counts in full only where another trait agrees.
    pub contested: bool,
    /// Whether what it finds is a part inside another maker's product.
    pub component: bool,
    /// The kinds of item it looks at; none is all.
    pub kinds: Vec<Kind>,
    /// Where the value was published.
    pub source: Option<String>,
    /// Values it must match.
    pub hit: Vec<String>,
    /// Values it must not match.
    pub miss: Vec<String>,
}

/// An item, and what must be said of it.
#[derive(Debug, Clone)]
pub struct Example {
    /// The number of the vendor.
    pub vendor: usize,
    /// The item, in the form of a saved inventory.
    pub item: serde_json::Map<String, serde_json::Value>,
    /// What must be said.
    pub expect: Expect,
    /// The product it must be recognised as.
    pub product: Option<String>,
}

words! {
    /// What must be said of an example.
    Expect {
        /// It is recognised, with certainty.
        Certain = "certain",
        /// It is recognised as likely.
        Likely = "likely",
        /// It is recognised as possible.
        Possible = "possible",
        /// It names the vendor and is not by it.
        Mention = "mention",
        /// Nothing.
        Nothing = "nothing",
    }
}
