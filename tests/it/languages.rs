//! Packages of languages through their whole life, as their own tools install and remove them, and very many of them.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::lab::{Root, finish, has, run};

/// A build backend of its own, so that nothing is fetched.
const BACKEND: &str = r#"
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "interdict_lab-1.2-py3-none-any.whl"
    info = "interdict_lab-1.2.dist-info/"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        wheel.writestr("interdict_lab.py", "")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: Interdict.Lab\nVersion: 1.2\n"
                       "Author-email: Jane Doe <jane@example.org>\n\ntext\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return name
"#;

fn tool(command: &mut Command) {
    let run = finish(command);
    assert_eq!(run.code, 0, "{command:?}: {}{}", run.out, run.err);
}

/// The items of a source whose name has the word, as `name version publisher state`, and the state of its row.
fn found(root: &Root, source: &str, word: &str) -> (Vec<String>, String) {
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let rows = inventory["coverage"].as_array().unwrap();
    let state = rows.iter().find(|row| row["source"] == source).unwrap()["state"].as_str().unwrap();
    let items = inventory["items"].as_array().unwrap().iter();
    let named = items.filter(|i| i["source"] == source && i["name"].as_str().unwrap().contains(word));
    let line = |i: &serde_json::Value| {
        ["name", "version", "publisher", "state"].map(|key| i[key].as_str().unwrap_or("-")).join(" ")
    };
    (named.map(line).collect(), state.to_owned())
}

#[test]
fn what_pip_installs_is_found_until_pip_removes_it() {
    if !has("python3") {
        return;
    }
    let (root, project) = (Root::new(), Root::new());
    project.write("backend.py", BACKEND);
    project.write(
        "pyproject.toml",
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
    );
    let environment = root.at("opt/app/venv");
    tool(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    let pip = |args: &[&str]| {
        let mut pip = Command::new(environment.join("bin/python"));
        tool(pip.args(["-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]).args(args));
    };
    let none = (Vec::new(), "covered".to_owned());
    assert_eq!(found(&root, "python", "nterdict"), none);
    let folder = project.0.path().to_str().unwrap();
    pip(&["install", "--no-index", "--no-build-isolation", folder]);
    let there = (vec!["Interdict.Lab 1.2 Jane Doe installed".to_owned()], "covered".to_owned());
    assert_eq!(found(&root, "python", "nterdict"), there);
    pip(&["uninstall", "--yes", "interdict-lab"]);
    assert_eq!(found(&root, "python", "nterdict"), none);
}

#[test]
fn what_npm_installs_is_found_until_npm_removes_it() {
    if !has("npm") {
        return;
    }
    let (root, project) = (Root::new(), Root::new());
    project.write(
        "package.json",
        "{\"name\": \"@interdict/lab\", \"version\": \"1.2.0\", \"author\": \"Jane Doe <jane@example.org>\"}",
    );
    let npm = |args: &[&str]| {
        let mut npm = Command::new("npm");
        npm.args(args).args(["--offline", "--no-audit", "--no-fund", "--no-update-notifier", "--cache"]);
        tool(npm.arg(project.at("cache")).current_dir(project.0.path()));
    };
    npm(&["pack"]);
    fs::create_dir_all(root.at("usr/local/lib")).unwrap();
    let prefix = format!("--prefix={}", root.at("usr/local").display());
    npm(&["install", "--global", &prefix, "./interdict-lab-1.2.0.tgz"]);
    let there = (vec!["@interdict/lab 1.2.0 Jane Doe installed".to_owned()], "covered".to_owned());
    assert_eq!(found(&root, "npm", "lab"), there);
    npm(&["uninstall", "--global", &prefix, "@interdict/lab"]);
    assert_eq!(found(&root, "npm", "lab"), (Vec::new(), "absent".to_owned()));
}

#[test]
fn twenty_thousand_packages_are_read() {
    let root = Root::new();
    let description = "{\"name\": \"p\", \"version\": \"1.0.0\", \"author\": {\"name\": \"Jane Doe\"}}";
    root.write("opt/package.json", description);
    for n in 0..20_000 {
        let folder = root.at(&format!("opt/app/node_modules/p{n}"));
        fs::create_dir_all(&folder).unwrap();
        // Names of one file cost the scan as much as files, and this test less.
        fs::hard_link(root.at("opt/package.json"), folder.join("package.json")).unwrap();
    }
    let started = Instant::now();
    let (packages, state) = found(&root, "npm", "p");
    assert_eq!((packages.len(), state.as_str()), (20_000, "covered"));
    // A debug build on a busy machine is given many times what it needs.
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
