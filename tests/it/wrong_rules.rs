//! Rule files that are wrong: each problem is shown with its place, all at once, before anything is scanned.

use crate::lab::{Root, Run, finish_soon, has, interdict, run};

/// An instrument that is right; the tests break it.
const INSTRUMENT: &str = r#"[[instrument]]
id = "own-law"
title = "Own law"
jurisdiction = "here"
issuer = "us"
citation = "OL 1"
force = "use-ban"
words = "all of it"
binds = "us"
covers = ["kaspersky"]
[[instrument.phase]]
from = "2020-01-01"
status = "in-force"
[[instrument.source]]
read = "T"
place = "here"
"#;

pub(crate) fn check(text: impl AsRef<[u8]>) -> Run {
    let root = Root::new();
    root.write("own.toml", text);
    finish_soon(interdict().current_dir(root.0.path()).args(["rules", "check", "own.toml"]))
}

/// A vendor with more lines behind its name, which begin at line 4.
pub(crate) fn vendor(lines: &str) -> String {
    format!("[[vendor]]\nid = \"acme\"\nname = \"Acme\"\n{lines}\n")
}

fn broken(from: &str, to: &str) -> String {
    assert!(INSTRUMENT.contains(from), "{from}");
    INSTRUMENT.replacen(from, to, 1)
}

/// A rule file, the place of its mistake, the message, and what stands under the place.
type Mistake = (String, &'static str, &'static str, &'static str);

/// Rule files with one mistake each.
fn mistakes() -> Vec<Mistake> {
    [mistakes_of_vendors(), mistakes_of_instruments()].concat()
}

fn mistakes_of_vendors() -> Vec<Mistake> {
    let signature = |lines: &str| vendor(&format!("[[vendor.signature]]\n{lines}"));
    vec![
        (
            vendor("publishr = [\"Acme Inc\"]"),
            "4:1",
            "`publishr` is not known",
            "^^^^^^^^ did you mean `publisher`?",
        ),
        (vendor("colour = 1"), "4:1", "`colour` is not known", "^^^^^^ known here: "),
        (
            vendor("[[vendor.product]]\nid = \"p\"\nnme = \"P\"\nname = \"P\""),
            "6:1",
            "`nme`",
            "^^^ did you mean `name`?",
        ),
        (
            vendor("publisher = \"Acme Inc\""),
            "4:13",
            "`publisher` is of the wrong type",
            "^^^^^^^^^^ expected a list",
        ),
        (
            vendor("publisher = [\"Acme\", 3]"),
            "4:22",
            "`publisher` is of the wrong type",
            "^ expected a string",
        ),
        (vendor("publisher = []"), "4:13", "`publisher` lists nothing", "^^ expected at least one"),
        (vendor("publisher = [\"\"]"), "4:14", "an empty text", "^^ expected some text"),
        (vendor("name-match = [\"*\"]"), "4:15", "`*` is too broad", "^^^ would match almost everything"),
        (vendor("publisher = [\"**\"]"), "4:14", "`**` is too broad", "^^^^ would match"),
        (vendor("package = [\"?*\"]"), "4:12", "`?*` is too broad", "^^^^ would match"),
        (vendor("name-match = [\"Acme X\", \"a*\"]"), "4:25", "`a*` is too broad", "^^^^ would match"),
        // What is left out of a comparison makes nothing narrower.
        (vendor("publisher = [\"*<info@acme.example>\"]"), "4:14", "is too broad", "^ would match"),
        (vendor("path = [\"C:/Acme/../*\"]"), "4:9", "is too broad", "^ would match"),
        (vendor("publisher = [\"(-)\"]"), "4:14", "`(-)` names nothing", "^^^^^ write at least one"),
        (vendor("brand = [\"*.*\"]"), "4:10", "`*.*` is too broad", "^^^^^ would match"),
        (
            signature("name-match = [\"Acme X\"]\npublisher = [\"Acme\"]"),
            "4:1",
            "one trait",
            "^ `name-match` belongs",
        ),
        (signature("hit = [\"x\"]"), "4:1", "says what it looks at", "^ this needs one of: publisher, "),
        (
            signature("name-match = [\"Acme X\"]\nhit = [\"Acme Y\"]"),
            "5:14",
            "must match `Acme Y` and does not",
            "^ does not",
        ),
        (
            signature("name-match = [\"Acme*\"]\nmiss = [\"acmeX\"]"),
            "5:14",
            "must not match `acmeX` and does",
            "^ matches",
        ),
        (
            signature("package = [\"acme\"]\nstrength = \"sure\""),
            "6:12",
            "`sure` is not known",
            "^^^^^^ expected one of: certain",
        ),
        ("[[vendor]]\nid = \"acme\"".to_owned(), "1:1", "`name` is missing", "^^^^^^^^^^ this needs `name"),
        ("[[vendor]]\nname = \"Acme\"".to_owned(), "1:1", "`id` is missing", "^^^^^^^^^^ this needs `id"),
        ("[[vendor]]\nid = \"Ac me\"\nname = \"A\"".to_owned(), "2:6", "an id has only", "^^^^^^^ not an id"),
        ("[vendor]\nid = \"acme\"".to_owned(), "1:1", "`vendor` is of the wrong type", "[[vendor]]"),
        ("vendor = 3".to_owned(), "1:10", "`vendor` is of the wrong type", "^ expected tables"),
        ("[[vendor]\nid = \"a\"".to_owned(), "1:10", "not TOML", "^ unclosed"),
        ("[[vendor]]\nid = acme".to_owned(), "2:6", "not TOML", "^ "),
    ]
}

fn mistakes_of_instruments() -> Vec<Mistake> {
    let later = "\n[[instrument.phase]]\nfrom = \"2019-12-31\"\nstatus = \"expired\"";
    vec![
        (
            broken("covers = [\"kaspersky\"]", "covers = [\"kapersky\"]"),
            "10:11",
            "no vendor `kapersky`",
            "^ did you mean `kaspersky`?",
        ),
        (
            broken("\"kaspersky\"", "\"kaspersky/kesll\""),
            "10:11",
            "no product",
            "^ did you mean `kaspersky/kesl`?",
        ),
        (
            broken("\"kaspersky\"", "\"nobody-at-all\""),
            "10:11",
            "no vendor `nobody-at-all`",
            "^ no vendor of this id",
        ),
        (
            broken("2020-01-01", "2020-02-30"),
            "12:8",
            "`2020-02-30` is no date",
            "^^^^^^^^^^^^ expected a day",
        ),
        (
            broken("2020-01-01", "1 May 2020"),
            "12:8",
            "`1 May 2020` is no date",
            "^^^^^^^^^^^^ expected a day",
        ),
        (
            broken("status = \"in-force\"", &format!("status = \"in-force\"{later}")),
            "15:8",
            "phases go forward",
            "^ not after",
        ),
        (
            broken("\"in-force\"", "\"in force\""),
            "13:10",
            "`in force` is not known",
            "^ expected one of: proposed",
        ),
        (broken("\"use-ban\"", "\"ban\""), "7:9", "`ban` is not known", "^ expected one of: use-ban"),
        (broken("title = \"Own law\"\n", ""), "1:1", "`title` is missing", "^ this needs `title"),
        (broken("read = \"T\"\n", ""), "14:1", "`read` is missing", "^ this needs `read"),
        (
            "[[profile]]\nid = \"mine\"\ntitle = \"Mine\"\ninstruments = [\"us-bod-17-1\"]".to_owned(),
            "4:16",
            "no instrument `us-bod-17-1`",
            "^ did you mean `us-bod-17-01`?",
        ),
    ]
}

#[test]
fn every_problem_names_its_place_and_underlines_it() {
    for (text, place, message, label) in mistakes() {
        let run = check(&text);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{text}\n{}", run.err);
        for part in [&format!("own.toml:{place}\n"), message, label] {
            assert!(run.err.contains(part), "{part:?} is not said of:\n{text}\n{}", run.err);
        }
        assert!(
            run.err.lines().any(|l| l.split_once("| ").is_some_and(|(_, l)| l.trim_start().starts_with('^')))
        );
    }
}

/// What follows from a mistake is none of its own.
#[test]
fn one_mistake_is_one_message() {
    let told = |text: &str| check(text).err.matches("error[").count();
    let several: Vec<_> = mistakes().into_iter().filter(|(text, ..)| told(text) != 1).collect();
    assert!(several.is_empty(), "{several:#?}");
}

#[test]
fn the_base_that_the_tests_break_is_right() {
    assert_eq!(check(INSTRUMENT).err, "");
    assert_eq!(check(vendor("publisher = [\"Acme Inc\"]")).code, 0);
}

#[test]
fn an_id_defined_twice_shows_both_places() {
    let run = check(vendor("") + &vendor(""));
    assert_eq!(run.code, 2);
    let shown = "error[duplicate-id]: the vendor `acme` is defined twice
 --> own.toml:6:6
  |
2 | id = \"acme\"
  |      ------ first defined here
...
6 | id = \"acme\"
  |      ^^^^^^ defined again here

error: what is underlined is wrong, so nothing was scanned
";
    assert_eq!(run.err, shown);
    let run = check("[[vendor]]\nid = \"kaspersky\"\nname = \"Mine\"\n");
    assert_eq!(run.code, 2);
    for part in
        ["own.toml:2:6\n", "defined again here", "rules/vendors/kaspersky.toml:", "first defined here"]
    {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let run = check(broken("own-law", "us-federal"));
    assert!(run.code == 2 && run.err.contains("rules/instruments/profiles.toml:"), "{}", run.err);
}

#[test]
fn all_problems_of_all_files_are_shown_at_once() {
    let root = Root::new();
    root.write("own/a.toml", vendor("publishr = [\"x\"]\nname-match = [\"*\", \"a*\"]\nnote = 3"));
    root.write(
        "own/b.toml",
        broken("status = \"in-force\"", "status = \"in-force\"\nuntil = 3").replace("kaspersky", "kapersky"),
    );
    let run = run(["rules", "check", root.at("own").to_str().unwrap()]);
    assert_eq!(run.code, 2);
    let places: Vec<_> =
        run.err.lines().filter_map(|l| l.split_once("--> ")?.1.rsplit_once("own/")).collect();
    let places: Vec<_> = places.iter().map(|(_, place)| *place).collect();
    assert_eq!(
        places,
        ["a.toml:4:1", "a.toml:5:15", "a.toml:5:20", "a.toml:6:8", "b.toml:10:11", "b.toml:14:1"]
    );
}

/// Law 9: the target is a pipe that nobody writes to, so a scan that touches it never ends.
#[test]
fn wrong_rules_end_the_run_before_the_target_is_touched() {
    if !has("mkfifo") {
        return;
    }
    let root = Root::new();
    root.write("own.toml", vendor("publishr = [\"Acme Inc\"]"));
    root.fifo("target");
    let target = format!("inventory:{}", root.at("target").display());
    let output = format!("json={}", root.at("report.json").display());
    let rules = root.at("own.toml");
    let run = finish_soon(interdict().args(["scan", &target, "--rules"]).arg(rules).args(["-o", &output]));
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("did you mean `publisher`?"), "{}", run.err);
    assert!(!root.at("report.json").exists());
}

#[test]
fn wrong_rules_are_told_before_a_missing_target() {
    let root = Root::new();
    root.write("own.toml", vendor("publishr = [\"Acme Inc\"]"));
    let rules = root.at("own.toml");
    let run = run(["scan", "dir:/nonexistent/root", "--rules", rules.to_str().unwrap()]);
    assert!(run.code == 2 && run.err.contains("publishr") && !run.err.contains("nonexistent"), "{}", run.err);
}

#[test]
fn rule_files_that_cannot_be_read_end_the_run() {
    let root = Root::new();
    root.write("latin.toml", b"[[vendor]]\nid = \"caf\xe9\"\n");
    root.write("empty/readme.txt", "");
    root.write("own/good.toml", vendor("publisher = [\"Acme Inc\"]"));
    root.write("own/latin.toml", b"# \xff\n");
    for (path, reason) in [
        ("missing.toml", "it is not there; check the path"),
        ("latin.toml", "UTF-8"),
        ("empty", "it holds no .toml file"),
        ("own", "latin.toml"),
    ] {
        let path = root.at(path);
        for args in [&["rules", "check"][..], &["scan", "dir:/nonexistent/root", "--rules"]] {
            let run = finish_soon(interdict().args(args).arg(&path));
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{path:?}");
            let named = run.err.contains(path.to_str().unwrap()) && run.err.contains(reason);
            assert!(named && run.err.starts_with("error: cannot read "), "{}", run.err);
        }
    }
}

/// Rule files whose mistake holds a sequence that would move a cursor or turn a line around.
fn hostile(evil: &str) -> Vec<String> {
    vec![
        vendor(&format!("publisher = [\"{evil}*\"]\n\"k{evil}\" = 1")),
        vendor(&format!("[[vendor.signature]]\npackage = [\"acme\"]\nhit = [\"{evil}\"]")),
        vendor(&format!("note = \"{evil}\"\nkvack = 1")),
        vendor("").replace("acme", evil),
        broken("2020-01-01", evil),
        broken("kaspersky", evil),
        broken("in-force", evil),
    ]
}

fn deceives(text: &str) -> bool {
    text.chars().any(|c| c != '\n' && interdict::text::is_deceptive(c))
}

#[test]
fn what_a_wrong_rule_file_says_is_not_obeyed() {
    let escaped = hostile("\\u001b[2J");
    for text in escaped.iter().chain(&hostile("\u{1b}[2J")).chain(&[vendor("# \u{1b}[2J")]) {
        let run = check(text);
        assert_eq!(run.code, 2, "{text:?}");
        assert!(!run.err.contains('\u{1b}'), "{text:?}: {:?}", run.err);
    }
}

/// The other ways to do the same: control characters above ASCII, and those that reverse or hide text.
#[test]
fn nor_are_the_rarer_controls_of_a_wrong_rule_file() {
    for evil in ["\\u009b2J", "\u{9b}2J", "\u{202e}x", "\\u202ex", "\u{200b}x"] {
        for text in hostile(evil) {
            let run = check(&text);
            assert_eq!(run.code, 2, "{text:?}");
            assert!(!deceives(&run.err), "{text:?}: {:?}", run.err);
        }
    }
}

#[test]
fn the_name_of_a_rule_file_is_not_obeyed() {
    let root = Root::new();
    root.write("own/a\u{1b}[2J.toml", vendor("kvack = 1"));
    root.write("bytes/b\u{1b}[2J.toml", b"\xff");
    for folder in ["own", "bytes"] {
        let run = finish_soon(interdict().args(["rules", "check"]).arg(root.at(folder)));
        assert_eq!(run.code, 2);
        assert!(!deceives(&run.err), "{:?}", run.err);
    }
}

/// A name, note or title with such characters is refused, wherever it stands, so no report can carry it.
#[test]
fn a_text_that_would_be_obeyed_is_refused() {
    let evil = "\\u001b[2J\\u009b31m\\u202e";
    let law = |from: &str| {
        broken(from, &from.replace('"', "").replace(from.trim_matches('"'), &format!("\"x{evil}\"")))
    };
    let texts = [
        vendor(&format!("note = \"n{evil}\"\npublisher = [\"Acme\"]")),
        vendor(&format!("publisher = [\"Acme{evil}*\"]")),
        vendor("publisher = [\"Acme\"]").replace("name = \"Acme\"", &format!("name = \"Acme{evil}\"")),
        law("\"Own law\""),
        law("\"all of it\""),
    ];
    for text in texts {
        let run = check(&text);
        assert!(run.code == 2 && run.err.contains("deceptive-text"), "{text}: {}", run.err);
        assert!(!deceives(&run.err), "{:?}", run.err);
    }
}

/// What a rule file says is told in a bounded text, and in a time that does not grow with the square of it.
#[test]
fn a_long_file_of_mistakes_is_told_soon() {
    let many = (0..20_000).map(|n| format!("k{n} = 1\n")).collect::<Vec<_>>().concat();
    let run = check(vendor(&many));
    assert_eq!(run.code, 2);
    assert_eq!(run.err.matches("error[unknown-key]").count(), 100);
    assert!(run.err.contains("\nand 19900 more like these\n"), "{}", &run.err[run.err.len() - 200..]);
    assert!(run.err.contains("own.toml:4:1\n"));
}
