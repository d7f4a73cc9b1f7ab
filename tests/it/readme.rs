//! The README's tables are generated, and its examples are what the program says.

use std::fmt::Write;

use interdict::report::{FORMATS, LIST_FORMATS};
use interdict::sources::SOURCES;

use crate::lab;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// Holds the part between two markers against what it should be; `INTERDICT_BLESS=1` writes it.
fn current(marker: &str, wanted: &str) {
    let (readme, begin, end) = (readme(), format!("<!-- {marker} -->\n"), format!("<!-- /{marker} -->"));
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (found, after) = rest.split_once(&end).unwrap();
    if found != wanted && std::env::var("INTERDICT_BLESS").is_ok() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        std::fs::write(path, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(found, wanted, "run the tests with INTERDICT_BLESS=1 to write the README's tables");
}

#[test]
fn the_table_of_sources_is_current() {
    let mut table =
        "| source | what it reads | from depth | rights it needs |\n|---|---|---|---|\n".to_owned();
    for s in SOURCES {
        writeln!(table, "| `{}` | {} | {} | {} |", s.id, s.about, s.depth, s.rights).unwrap();
    }
    current("sources", &table);
}

#[test]
fn the_table_of_formats_is_current() {
    let mut table = "| format | of `scan` | of `inventory` |\n|---|---|---|\n".to_owned();
    for format in FORMATS {
        let list = LIST_FORMATS.iter().find(|l| l.id == format.id).map_or("", |l| l.about);
        writeln!(table, "| `{}` | {} | {list} |", format.id, format.about).unwrap();
    }
    current("formats", &table);
}

#[test]
fn the_table_of_profiles_is_current() {
    let mut table = "| profile | of whom | instruments |\n|---|---|---|\n".to_owned();
    for profile in &lab::RULES.profiles {
        let instruments: Vec<_> = profile.instruments.iter().map(|id| format!("`{id}`")).collect();
        writeln!(table, "| `{}` | {} | {} |", profile.id, profile.title, instruments.join(", ")).unwrap();
    }
    current("profiles", &table);
}

#[test]
fn the_organisation_of_the_readme_is_right() {
    let readme = readme();
    let toml = readme.split("```toml\n").find(|part| part.starts_with("name =")).unwrap();
    let root = lab::Root::new();
    root.write("us.toml", toml.split("```").next().unwrap());
    let file = root.at("us.toml");
    let list = root.list(&[serde_json::json!({"kind": "package", "name": "klnagent64"})]);
    let args =
        ["--under", "us-far-52-204-23", "--as-of", "2026-11-24", "--organisation", file.to_str().unwrap()];
    let (code, report) = lab::scan(&list, &args);
    assert_eq!((code, &report["findings"][0]["rulings"][0]["due"]), (1, &"2026-11-25".into()));
}

#[test]
fn the_smallest_rule_file_of_the_readme_is_right() {
    let readme = readme();
    let toml = readme.split("```toml\n").find(|part| part.starts_with("[[vendor]]")).unwrap();
    let toml = toml.split("```").next().unwrap();
    let root = lab::Root::new();
    root.write("acme.toml", toml);
    let run = lab::run(["rules", "check", root.at("acme.toml").to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_help() {
    let help = lab::run(["scan", "--help"]).out;
    let codes = help.split("Exit codes:").nth(1).unwrap();
    for line in codes.lines().filter_map(|l| l.split_whitespace().next()) {
        assert!(readme().contains(&format!("\n| {line} | ")), "{line}");
    }
}
