//! Little file systems, and what each source must say of them.
//!
//! A case is a tree `tests/roots/<source>/<case>/` with a `<case>.json` beside it: `about` (why the case is there),
//! `state` (of the source's coverage row), `gaps` (code, blocks, place) and `items` (the keys that the case is about, as
//! the JSON inventory writes them; `null` is a key that must not be there). What git cannot hold is made in a copy of
//! the tree: `make` names pipes (`fifo`), empty folders (`dir`) and links (`link`: path and what it says).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::lab::{Root, run};

pub fn roots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roots")
}

/// The names in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Copies what is below a folder; links stay links.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        let kind = fs::symlink_metadata(&from).unwrap().file_type();
        if kind.is_dir() {
            copy(&from, &to);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from).unwrap(), &to).unwrap();
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Makes what git cannot hold.
fn make(root: &Root, what: &Value) {
    for (sort, places) in what.as_object().into_iter().flatten() {
        let paths = || places.as_array().unwrap().iter().map(|p| p.as_str().unwrap());
        match sort.as_str() {
            "dir" => paths().for_each(|path| fs::create_dir_all(root.at(path)).unwrap()),
            "fifo" => paths().for_each(|path| root.fifo(path)),
            "link" => {
                for (path, says) in places.as_object().unwrap() {
                    root.link(path, says.as_str().unwrap());
                }
            }
            _ => panic!("a case can make dir, fifo and link, not {sort}"),
        }
    }
}

/// The part of a value that has the keys of another; a key that is not there is `null`.
fn part(of: &Value, like: &Value) -> Value {
    like.as_object()
        .unwrap()
        .keys()
        .map(|key| (key.clone(), of[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The tree of a case, laid out.
pub fn lay(source: &str, case: &str) -> Root {
    let folder = roots().join(source);
    let says: Value =
        serde_json::from_slice(&fs::read(folder.join(format!("{case}.json"))).unwrap()).unwrap();
    let root = Root::new();
    copy(&folder.join(case), root.0.path());
    make(&root, &says["make"]);
    root
}

/// What is wrong with a case; nothing, if all is as it says.
fn faults(source: &str, case: &str) -> Vec<String> {
    let folder = roots().join(source);
    let says: Value =
        serde_json::from_slice(&fs::read(folder.join(format!("{case}.json"))).unwrap()).unwrap();
    let known = ["about", "make", "state", "gaps", "items"];
    let mut faults: Vec<String> = Vec::new();
    for key in says.as_object().unwrap().keys().filter(|k| !known.contains(&k.as_str())) {
        faults.push(format!("{key} is no key of a case"));
    }
    let root = lay(source, case);
    let run = run(["inventory", &root.target(), "--depth", "full", "-o", "json"]);
    let inventory = run.json();
    let list = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let rows = list(&inventory["coverage"]);
    let blocks = rows.iter().flat_map(|row| list(&row["gaps"])).any(|gap| gap["blocks"] == true);
    if run.code != if blocks { 3 } else { 0 } {
        faults.push(format!("exit code {}, gaps that block: {blocks}", run.code));
    }
    let Some(row) = rows.iter().find(|row| row["source"] == source) else {
        return vec!["the source has no coverage row".to_owned()];
    };
    let items = list(&inventory["items"]).into_iter().filter(|i| i["source"] == source).collect::<Vec<_>>();
    if row["items"] != items.len() {
        faults.push(format!("its row counts {} items and {} are there", row["items"], items.len()));
    }
    if row["state"] != says["state"] {
        faults.push(format!("state {} and not {}", row["state"], says["state"]));
    }
    for (what, found, wanted) in
        [("gaps", list(&row["gaps"]), list(&says["gaps"])), ("items", items, list(&says["items"]))]
    {
        let same = found.len() == wanted.len()
            && found.iter().zip(&wanted).all(|(found, wanted)| part(found, wanted) == *wanted);
        if !same {
            let lines =
                |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join("\n      ");
            faults.push(format!(
                "{what} are\n      {}\n    and not\n      {}",
                lines(&found),
                lines(&wanted)
            ));
        }
    }
    faults
}

#[test]
fn every_source_says_of_each_little_root_what_its_case_says() {
    let mut wrong = Vec::new();
    for source in names(&roots()) {
        for case in names(&roots().join(&source)).iter().filter_map(|name| name.strip_suffix(".json")) {
            wrong.extend(faults(&source, case).iter().map(|fault| format!("\n  {source}/{case}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// A source that is told as skipped in a root, at any depth, has no files that a case could hold.
#[test]
fn every_source_with_files_has_cases_and_every_case_a_source() {
    let inventory = run(["inventory", &Root::debian().target(), "--depth", "full", "-o", "json"]).json();
    let rows = inventory["coverage"].as_array().unwrap();
    let with_files = rows.iter().filter(|row| row["state"] != "skipped");
    let sources: Vec<_> = with_files.map(|row| row["source"].as_str().unwrap()).collect();
    assert_eq!(names(&roots()), sources);
}

#[test]
fn every_case_has_a_tree_and_says_what_it_is_about() {
    for source in names(&roots()) {
        let folder = roots().join(&source);
        let (says, trees): (Vec<_>, Vec<_>) =
            names(&folder).into_iter().partition(|name| folder.join(name).is_file());
        let cases: Vec<_> = says.iter().map(|name| name.strip_suffix(".json").unwrap()).collect();
        assert_eq!(cases, trees, "{source}");
        for name in &says {
            let case: Value = serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap();
            assert!(case["about"].is_string() && case["state"].is_string(), "{source}/{name}");
        }
    }
}
