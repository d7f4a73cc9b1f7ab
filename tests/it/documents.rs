//! The documents for people: HTML, Markdown, and the reports that the law asks for.

use std::collections::BTreeSet;

use base64::Engine;
use serde_json::json;
use sha2::Digest;

use crate::lab::{RULES, Root, judged_root, run, written};

/// What a format writes of a root with something of every sort.
fn of_rich(format: &str) -> String {
    let root = crate::laws::rich();
    let report = judged_root(root.0.path());
    let all = written(&report, 80);
    let (_, bytes) = all.into_iter().find(|(name, _)| *name == format!("scan -o {format}")).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The tags of a page in their order, each with its attributes.
fn tags(page: &str) -> Vec<&str> {
    // No attribute of ours holds such a sign, and text has none.
    page.split('<').skip(1).map(|part| part.split_once('>').unwrap().0).collect()
}

fn name(tag: &str) -> &str {
    tag.split_whitespace().next().unwrap()
}

#[test]
fn a_page_loads_and_runs_nothing() {
    let page = of_rich("html");
    for banned in [
        "<script",
        "<link",
        "<img",
        "<iframe",
        "<object",
        "<form",
        "@import",
        "url(",
        " src=",
        " style=",
        "javascript:",
    ] {
        assert!(!page.contains(banned), "{banned}");
    }
    for tag in tags(&page) {
        if let Some((_, href)) = tag.split_once("href=\"") {
            assert!(href.starts_with('#'), "{tag}");
        }
        assert!(!tag.split_whitespace().any(|attribute| attribute.starts_with("on")), "{tag}");
    }
    let policy =
        tags(&page).into_iter().find(|tag| tag.contains("Content-Security-Policy")).unwrap().to_owned();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    // The style sheet is the one that the policy names.
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
    assert!(policy.contains(&format!("style-src 'sha256-{digest}'")), "{policy}");
}

#[test]
fn a_page_is_well_formed() {
    let page = of_rich("html");
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{page}");
    let mut open = Vec::new();
    for tag in tags(&page) {
        match (name(tag), tag.strip_prefix('/')) {
            ("!DOCTYPE" | "meta", _) => {}
            (_, Some(closed)) => assert_eq!(open.pop(), Some(closed), "{open:?}"),
            (opened, None) => open.push(opened),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_can_be_read_aloud() {
    let page = of_rich("html");
    let mut level = 0;
    for tag in tags(&page) {
        let digit = name(tag).strip_prefix('h').and_then(|digit| digit.parse::<u32>().ok());
        if let Some(next) = digit {
            assert!(next <= level + 1, "a heading of level {next} follows one of {level}");
            level = next;
        }
        assert!(name(tag) != "th" || tag.contains("scope=\"col\""), "{tag}");
    }
    let attribute = |key: &str| -> Vec<&str> {
        let values = tags(&page).into_iter().filter_map(|tag| tag.split_once(&format!(" {key}=\"")));
        values.map(|(_, value)| value.split('"').next().unwrap()).collect()
    };
    let ids = attribute("id");
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{ids:?}");
    for href in attribute("href") {
        assert!(ids.contains(&href.trim_start_matches('#')), "{href}");
    }
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
}

/// WCAG 2.2, success criterion 1.4.3: text stands out from its ground by 4.5 to 1.
#[test]
fn colours_can_be_told_apart() {
    let page = of_rich("html");
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let mut themes = 0;
    for block in style.split(":root {").skip(1) {
        let block = block.split('}').next().unwrap();
        let colour = |name: &str| -> Option<f64> {
            let (_, value) = block.split_once(&format!("--{name}: #"))?;
            let part = |at: usize| {
                let part = f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap()) / 255.0;
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            };
            Some(0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4))
        };
        if colour("page").is_none() {
            continue;
        }
        themes += 1;
        for (text, ground) in [
            ("ink", "page"),
            ("soft", "page"),
            ("accent", "page"),
            ("ink", "faint"),
            ("bad", "bad-page"),
            ("warn", "warn-page"),
            ("good", "good-page"),
            ("calm", "calm-page"),
            ("ink", "bad-page"),
            ("ink", "warn-page"),
            ("ink", "good-page"),
        ] {
            let (a, b) = (colour(text).unwrap(), colour(ground).unwrap());
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{text} on {ground} in theme {themes}: {contrast:.2}");
        }
    }
    assert_eq!(themes, 2);
}

#[test]
fn rows_of_markdown_have_as_many_cells_as_their_heads() {
    let page = of_rich("markdown");
    let cells = |row: &str| row.replace("\\\\", "").replace("\\|", "").matches('|').count();
    let mut wanted = 0;
    let mut tables = 0;
    for line in page.lines() {
        if !line.starts_with('|') {
            wanted = 0;
        } else if wanted == 0 {
            wanted = cells(line);
            tables += 1;
        } else {
            assert_eq!(cells(line), wanted, "{line}");
        }
    }
    assert!(tables > 5, "{page}");
    for line in page.lines() {
        assert!(!line.contains("<script") && !line.contains("<img"), "{line}");
    }
}

/// Of what is on the list, what a name of the evidence may try in a page.
#[test]
fn names_stay_names() {
    let root = Root::new();
    let name = "kesl <script>alert(1)</script> [x](javascript:alert(1)) =cmd|'/c calc'!A0 \u{202e} \u{1b}[2J `x` **y** | z";
    let item = json!({"kind": "package", "name": name, "publisher": "Kaspersky Lab", "place": name, "ecosystem": "debian"});
    let list = root.list(&[item]);
    for format in ["html", "markdown", "template"] {
        let run = run(["scan", &list, "-o", format]);
        assert!(
            !run.out.contains("<script>") && !run.out.contains(['\u{202e}', '\u{1b}']),
            "{format}: {}",
            run.out
        );
        if format != "html" {
            assert!(!run.out.contains("[x]("), "{format}: {}", run.out);
            assert!(run.out.contains(r"\[x\](javascript:alert(1))"), "{format}: {}", run.out);
        }
    }
}

/// A waiver of any state, and what it says, stands in every document.
#[test]
fn every_document_carries_every_waiver() {
    let root = Root::new();
    let waiver = |id: &str, instrument: &str, product: &str, starts: &str, expires: &str| {
        format!(
            "[[waiver]]\nid = \"{id}\"\ninstrument = \"{instrument}\"\nproduct = \"{product}\"\nreason = \"why-{id}\"\napprover = \"who-{id}\"\nreference = \"ref-{id}\"\nstarts = \"{starts}\"\nexpires = \"{expires}\"\n"
        )
    };
    let waivers = [
        waiver("wused", "us-tx-620", "tencent/wechat", "2026-01-01", "2026-12-31"),
        waiver("wunused", "us-tx-620", "tencent/qq", "2026-01-01", "2026-12-31"),
        waiver("wexpired", "us-tx-620", "tencent", "2025-01-01", "2025-12-31"),
        waiver("wlater", "us-tx-620", "tencent", "2027-01-01", "2027-12-31"),
        waiver("wrefused", "us-ndaa-fy2018-1634", "kaspersky", "2026-01-01", "2026-12-31"),
    ];
    root.write("w.toml", waivers.concat());
    let list = root.list(&[
        json!({"kind": "application", "name": "WeChat", "publisher": "Tencent Technology (Shenzhen) Company Limited"}),
        json!({"kind": "package", "name": "kesl"}),
    ]);
    let file = root.at("w.toml");
    for format in ["html", "markdown", "template"] {
        let args = ["--as-of", "2026-11-24", "--under", "us-tx-620", "--under", "us-ndaa-fy2018-1634"];
        let waivers = ["--waivers", file.to_str().unwrap(), "-o", format];
        let run = run(["scan", &list].iter().chain(&args).chain(&waivers));
        for (id, state) in [
            ("wused", "used"),
            ("wunused", "unused"),
            ("wexpired", "expired"),
            ("wlater", "not-yet-valid"),
            ("wrefused", "refused"),
        ] {
            for said in [id, state, &format!("why-{id}"), &format!("who-{id}"), &format!("ref-{id}")] {
                assert!(run.out.contains(said), "{format} lacks {said}");
            }
        }
    }
}

fn template(list: &str, id: &str, args: &[&str]) -> String {
    let format = format!("template:{id}");
    let fixed = ["scan", list, "--as-of", "2026-11-24", "--under", id, "-o", &format];
    let run = run(fixed.iter().chain(args));
    assert_eq!(run.err, "", "{id}");
    run.out
}

#[test]
fn a_report_to_an_authority_is_filled_in_as_far_as_the_scan_knows() {
    let root = Root::new();
    root.write(
        "us.toml",
        "name = \"Department of Examples\"\ncontact-name = \"Jane Doe\"\ncontact-email = \"jane@example.gov\"\n",
    );
    let found =
        root.list(&[json!({"kind": "package", "name": "kesl", "version": "12.1", "ecosystem": "debian"})]);
    let filled = template(&found, "us-bod-17-01", &["--organisation", root.at("us.toml").to_str().unwrap()]);
    for said in [
        "**agency name:** Department of Examples\n",
        "**point of contact:** Jane Doe, jane\\@example.gov\n",
        "Kaspersky Endpoint Security for Linux 12.1 by AO Kaspersky Lab, installed: prohibited",
        "**costs:** [costs: to be filled in by the agency]\n",
        "[removal timeline: to be filled in by the agency]",
        "anti malware (SI-3), by Kaspersky Endpoint Security for Linux 12.1<br>[security controls",
        "By **2017-10-13** (passed)",
    ] {
        assert!(filled.contains(said), "{said}: {filled}");
    }
    assert!(!filled.contains("no Kaspersky-branded products were found"), "{filled}");
    // All elements a to n.
    let plan = filled.split_once("### 60-day plan").unwrap().1.split_once("### ").unwrap().0;
    assert_eq!(plan.matches("\n- **").count(), 14, "{plan}");
}

/// A statement that nothing was found never reaches further than the scan did.
#[test]
fn nothing_is_nothing_within_the_coverage() {
    let root = Root::debian();
    let clean = template(&root.target(), "us-bod-17-01", &[]);
    assert!(
        clean.contains("no Kaspersky-branded products were found, within the coverage of this scan\n"),
        "{clean}"
    );
    let empty = Root::new();
    let nothing = template(&empty.target(), "us-bod-17-01", &[]);
    let said =
        "no Kaspersky-branded products were found, within the coverage of this scan; the scan is incomplete";
    assert!(nothing.contains(said), "{nothing}");
    assert!(nothing.contains("[agency name: to be filled in by the agency]"), "{nothing}");
}

/// What the instrument only tells of was found all the same.
#[test]
fn nothing_is_not_said_of_what_was_found() {
    let root = Root::new();
    let list = root.list(&[json!({"kind": "package", "name": "kesl", "version": "12.1"})]);
    root.write("us.toml", "body = \"us-civilian\"\nsystem = \"national-security\"\n");
    let unbound = template(&list, "us-bod-17-01", &["--organisation", root.at("us.toml").to_str().unwrap()]);
    let early =
        run(["scan", &list, "--under", "us-bod-17-01", "--as-of", "2017-01-01", "-o", "template"]).out;
    for written in [&unbound, &early] {
        assert!(!written.contains("no Kaspersky-branded products were found"), "{written}");
        assert!(!written.contains("0 of the 1 endpoint"), "{written}");
    }
    assert!(
        unbound.contains("not counted: Kaspersky Endpoint Security for Linux 12.1 (advisory: "),
        "{unbound}"
    );
    // What was removed is gone, and what it left is told.
    let left = root.list(&[json!({"kind": "package", "name": "kesl", "state": "remnant"})]);
    let left = template(&left, "us-bod-17-01", &[]);
    assert!(left.contains("no Kaspersky-branded products were found"), "{left}");
    assert!(left.contains("1 removed, with remnants that are left"), "{left}");
}

#[test]
fn a_record_stands_for_each_finding_and_for_each_waiver() {
    let root = Root::new();
    let list = root.list(&[
        json!({"kind": "package", "name": "kesl", "version": "12.1", "ecosystem": "debian"}),
        json!({"kind": "package", "name": "klnagent64", "version": "15", "ecosystem": "rpm"}),
    ]);
    root.write("us.toml", "contract-numbers = [\"EX-1\", \"EX-2\"]\nbody = \"us-contractor\"\n\n[clauses]\nus-far-52-204-23 = \"2018-07-16\"\n");
    let file = root.at("us.toml");
    let far = template(&list, "us-far-52-204-23", &["--organisation", file.to_str().unwrap()]);
    for said in [
        "#### 1. Kaspersky",
        "#### 2. Kaspersky",
        "**contract number:** EX-1, EX-2\n",
        "[order numbers, if applicable: to be filled in by the contractor]",
        "made by AO Kaspersky Lab<br>[supplier name: to be filled in by the contractor]",
        // The clause of July 2018 has a term of one business day.
        "By **2026-11-25**",
        "recommended: remove the package kesl with apt",
        "[reasons that led to the use or submission: to be filled in by the contractor]",
    ] {
        assert!(far.contains(said), "{said}: {far}");
    }
    assert!(template(&list, "us-far-52-240-91", &[]).contains("**DRAFT:**"));
    root.write(
        "w.toml",
        "[[waiver]]\nid = \"w1\"\ninstrument = \"us-tx-620\"\nproduct = \"kaspersky\"\nreason = \"a test\"\napprover = \"J. Doe\"\nreference = \"TX-1\"\nstarts = \"2026-01-01\"\nexpires = \"2026-12-31\"\n",
    );
    let file = root.at("w.toml");
    let texas = template(&list, "us-tx-620", &["--waivers", file.to_str().unwrap()]);
    for said in ["#### 1. w1", "**technology:** kaspersky\n", "**reason:** a test\n", "J. Doe (TX-1)"] {
        assert!(texas.contains(said), "{said}: {texas}");
    }
}

#[test]
fn every_instrument_that_asks_for_a_report_has_its_template() {
    let root = Root::debian();
    let mut templates = 0;
    for instrument in RULES.instruments.iter().filter(|i| !i.filings.is_empty()) {
        templates += 1;
        let written = template(&root.target(), &instrument.id, &[]);
        for filing in &instrument.filings {
            assert!(written.contains(&format!("### {}", filing.name)), "{}: {written}", instrument.id);
            assert_eq!(written.contains("**DRAFT:**"), instrument.filings.iter().any(|f| f.draft.is_some()));
        }
    }
    assert!(templates >= 9, "{templates}");
}

#[test]
fn a_template_that_is_not_there_is_told_before_anything_is_read() {
    for (args, said) in [
        (&["-o", "template:us-bod-17-02"][..], "there are: template:au-pspf-001-2025"),
        (&["-o", "template:us-ndaa-fy2018-1634"], "there is no template"),
        (&["-o", "template:us-tx-620"], "add --under us-tx-620"),
        (&["-o", "json:x"], "there is no format `json:x`"),
        (&["-o", "template:"], "there is no template ``"),
    ] {
        let run = run(["scan", "dir:/"].iter().chain(args));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
        assert!(run.err.contains(said), "{args:?}: {}", run.err);
    }
}
