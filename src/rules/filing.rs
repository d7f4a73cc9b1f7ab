//! Reports that instruments ask for: which fields they hold, and which of them a scan can fill.

use crate::word::words;

/// A report that an instrument asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filing {
    /// What it is called.
    pub name: String,
    /// To whom it goes.
    pub to: String,
    /// Who files it, as "to be filled in by the …" ends.
    pub by: String,
    /// What its fields are repeated for.
    pub each: Each,
    /// What it says where nothing was found, in the words of the instrument.
    pub none: Option<String>,
    /// What it must hold.
    pub fields: Vec<Field>,
    /// Why it is a draft only, where its fields were not read in the text.
    pub draft: Option<String>,
}

/// One thing that a report must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is, in the words of the instrument or near them.
    pub words: String,
    /// What fills it; nothing, where only people know it.
    pub fills: Vec<Fill>,
}

words! {
    /// What the fields of a report are repeated for.
    Each {
        /// Nothing: they stand there once.
        Report = "report",
        /// Every finding that the instrument speaks of.
        Finding = "finding",
        /// Every waiver of the instrument.
        Waiver = "waiver",
    }
}

words! {
    /// A fact that fills a field: of the operator, of the scan, of a finding, of a waiver.
    Fill {
        /// The body's name.
        Name = "name",
        /// The component of the body.
        Component = "component",
        /// The person to ask.
        Contact = "contact",
        /// The numbers of contracts.
        ContractNumbers = "contract-numbers",
        /// The numbers of orders.
        OrderNumbers = "order-numbers",
        /// What the system is for.
        MissionFunction = "mission-function",
        /// The products found, or that none were.
        Products = "products",
        /// On how many machines they were found.
        Endpoints = "endpoints",
        /// How they were looked for.
        Method = "method",
        /// How much of them is still there.
        Status = "status",
        /// The protections that their removal takes away.
        Protections = "protections",
        /// The exceptions that were granted.
        Exceptions = "exceptions",
        /// The machine.
        Device = "device",
        /// The product of a finding.
        Product = "product",
        /// Its maker.
        Maker = "maker",
        /// Its version.
        Version = "version",
        /// What it is, and where it was found.
        Description = "description",
        /// What would remove it.
        Mitigation = "mitigation",
        /// What the instrument says of it.
        Prohibition = "prohibition",
        /// The waivers that except it.
        Waiver = "waiver",
        /// What a waiver is of.
        Waived = "waived",
        /// Why it was granted.
        Reason = "reason",
        /// Who granted it.
        Approver = "approver",
        /// Where it holds.
        Scope = "scope",
        /// Its first day.
        Starts = "starts",
        /// Its last day.
        Expires = "expires",
    }
}

impl Fill {
    /// What there must be to have such a fact.
    #[must_use]
    pub fn of(self) -> Each {
        match self {
            Self::Name
            | Self::Component
            | Self::Contact
            | Self::ContractNumbers
            | Self::OrderNumbers
            | Self::MissionFunction
            | Self::Products
            | Self::Endpoints
            | Self::Method
            | Self::Status
            | Self::Protections
            | Self::Exceptions
            | Self::Device => Each::Report,
            Self::Product
            | Self::Maker
            | Self::Version
            | Self::Description
            | Self::Mitigation
            | Self::Prohibition
            | Self::Waiver => Each::Finding,
            Self::Waived | Self::Reason | Self::Approver | Self::Scope | Self::Starts | Self::Expires => {
                Each::Waiver
            }
        }
    }

    /// Whether the scan knows a part of it only, so that people have to add to it.
    #[must_use]
    pub fn is_partial(self) -> bool {
        matches!(
            self,
            Self::Component
                | Self::MissionFunction
                | Self::Endpoints
                | Self::Protections
                | Self::Maker
                | Self::Version
                | Self::Mitigation
        )
    }
}
