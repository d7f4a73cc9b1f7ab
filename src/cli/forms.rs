//! The files that an operator writes about the organisation and its exceptions, for `explain`.

use std::io::{self, Write};

use interdict::rules::{Fact, Rules, Trait};

/// What there is to explain.
pub(super) const FORMS: &[&str] = &["organisation", "waiver", "rule-file"];

const ORGANISATION: &str = r#"organisation - a file for `scan --organisation`: what only you know of who uses the machine

All keys can be left out. What decides whether an instrument binds and is not said is
assumed, and the assumption stands beside the ruling.

    name = "Department of Examples"
    component = "Office of Samples"
    contact-name = "Jane Doe"
    contact-telephone = "+1 202 555 0100"
    contact-email = "jane.doe@example.gov"
    contract-numbers = ["EX-2026-0001"]
    order-numbers = ["7"]
    uei = "EXAMPLE12345"
    cage = "1EX23"
    system-name = "Example Payments"
    system-id = "EX-42"
    asset-tag = "A-1001"
    mission-function = "pays examples"
    body = ["us-civilian"]
    system = "ordinary"
    device = "workstation"
    ownership = "issued"

    # The date of a clause in your contracts, where its terms depend on it.
    [clauses]
    us-far-52-204-23 = "2018-07-16"
"#;

const WAIVER: &str = r#"waiver - a file for `scan --waivers`: exceptions that were granted, a `[[waiver]]` each

It speaks of a `product` (a vendor, or vendor/product), of a `finding` by its id, or of both;
`host` is a glob. Days are whole days of UTC, or of the offset in `zone`; the last one still
counts. What is waived stays in the report as excepted. An instrument that knows no exception
refuses it.

    [[waiver]]
    id = "wechat-lab"
    instrument = "us-tx-620"
    product = "tencent/wechat"
    host = "lab-*"
    reason = "an investigation that needs it"
    approver = "J. Doe, agency head"
    reference = "EX-2026-7"
    starts = "2026-01-01"
    expires = "2026-12-31"
    zone = "-06:00"
"#;

const RULE_FILE: &str = r#"rule-file - a file for `--rules`: who to look for, and how to recognise them

The first vendor is all that is needed; what it names is prohibited under local-policy. `*` is
any text and `?` one character; capitals, width and the punctuation of companies make no
difference. `interdict rules check FILE` shows what is wrong, and
`interdict rules test FILE --inventory LIST` what it matches.

    version = "2026-11-24"
    as_of = "2026-11-20"      # the day to which its facts were checked
    about = "what this office does not want"

    [[vendor]]
    id = "acme"
    name = "Acme Spyware Inc."
    publisher = ["Acme Spyware*"]
    name-match = ["Acme Remote*"]

    # With all that can be said: a product, one trait of it, its source, and its proof.
    [[vendor]]
    id = "example"
    name = "Example Corp."
    brand = ["*example*"]     # what carries it and is by others is only a mention

    removal = { words = "Example Remover", source = "https://www.example.org/remover" }

    [[vendor.product]]
    id = "agent"
    name = "Example Agent"
    protects = ["anti-malware"]   # its removal opens a control

    [[vendor.product.signature]]
    service = ["example-agent"]
    kinds = ["service"]
    strength = "likely"       # certain, likely, possible, or weak: only supports others
    contested = true          # others use it too: it counts in full only beside another trait
    component = false         # whether it is a part of others' products
    source = "https://www.example.org/agent"
    hit = ["example-agent"]
    miss = ["example-agent-docs"]

    [[vendor.example]]
    item = { kind = "service", name = "example-agent" }
    expect = "likely"
    product = "agent"

A trait, and the most that one of it shows:
"#;

/// Writes what a file of the operator's holds.
pub(super) fn write(form: &str, rules: &Rules, out: &mut dyn Write) -> io::Result<()> {
    if form == "waiver" {
        return out.write_all(WAIVER.as_bytes());
    }
    if form == "rule-file" {
        out.write_all(RULE_FILE.as_bytes())?;
        for on in Trait::all() {
            writeln!(out, "  {:17} {}", on.word(), on.ceiling())?;
        }
        return Ok(());
    }
    out.write_all(ORGANISATION.as_bytes())?;
    for fact in Fact::ALL {
        writeln!(out, "\n  {fact} is one or more of")?;
        for class in rules.classes.iter().filter(|class| class.of == *fact) {
            writeln!(out, "  {:22} {}", class.id, class.about)?;
        }
    }
    Ok(())
}
