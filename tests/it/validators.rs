//! The formats that other programs read, held by those who read them: each is written of a report with something of
//! every sort, of one with hostile strings, and of one with nothing, and each validator is shown to refuse what is wrong.
//!
//! The validators are packages of pip and npm, installed once beside the built tests. `JUnit` has no standard; the
//! schema is that of Jenkins' xunit plugin (MIT), which pytest carries in its sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use interdict::report::{FORMATS, LIST_FORMATS, Report, Style};
use interdict::target::Target;
use serde_json::Value;

use crate::lab::{Root, Run, finish, has, judged, judged_root, lacking, shared};
use crate::laws::rich;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/validators");
const PYTEST: &str = "pytest==8.4.2";
const MULTITOOL: &str = "@microsoft/sarif-multitool@5.7.0";

/// Where a set of validators lies; made anew when what it is made of changes.
fn place(name: &str, of: &str) -> PathBuf {
    let digest = of.bytes().fold(5381_u64, |hash, byte| hash.wrapping_mul(33) ^ u64::from(byte));
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("validators-{name}-{digest:x}"))
}

/// Makes a folder once, whichever process of the tests comes first. Where that fails, says why.
fn made(folder: &Path, make: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    let lock = fs::File::create(folder.join("lock")).map_err(|e| e.to_string())?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|e| e.to_string())?;
    if folder.join("done").exists() {
        return Ok(());
    }
    make()?;
    fs::write(folder.join("done"), "").map_err(|e| e.to_string())
}

fn tool(command: &mut Command) -> Result<(), String> {
    let Run { code, out, err } = finish(command);
    if code == 0 { Ok(()) } else { Err(format!("{command:?}: {out}{err}")) }
}

/// The Python with the validators, and the schema of `JUnit`.
static PYTHON: LazyLock<Option<(PathBuf, PathBuf)>> = LazyLock::new(|| {
    if !has("python3") {
        return None;
    }
    let requirements = format!("{FOLDER}/requirements.txt");
    let folder = place("python", &(fs::read_to_string(&requirements).unwrap() + PYTEST));
    let (python, xsd) = (folder.join("venv/bin/python"), folder.join("junit-10.xsd"));
    let make = || {
        let pip = |args: &[&str]| {
            let mut pip = Command::new(&python);
            tool(pip.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]).args(args))
        };
        tool(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")))?;
        pip(&["install", "--requirement", &requirements])?;
        let sources = folder.join("sources");
        let sources = sources.to_str().unwrap_or_default();
        pip(&["download", "--no-binary", ":all:", "--no-deps", "--dest", sources, PYTEST])?;
        let unpack = "import pathlib, sys, tarfile\n\
            (archive,) = pathlib.Path(sys.argv[1]).glob('*.tar.gz')\n\
            archive = tarfile.open(archive)\n\
            (member,) = (m for m in archive if m.name.endswith('/junit-10.xsd'))\n\
            pathlib.Path(sys.argv[2]).write_bytes(archive.extractfile(member).read())\n";
        tool(Command::new(&python).args(["-c", unpack, sources]).arg(&xsd))
    };
    match made(&folder, make) {
        Ok(()) => Some((python, xsd)),
        Err(why) => {
            eprintln!("{why}");
            lacking("validators");
            None
        }
    }
});

/// Microsoft's own checker of SARIF, a program that needs no other.
static SARIF: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    if !has("npm") || !cfg!(target_arch = "x86_64") {
        return None;
    }
    let folder = place("npm", MULTITOOL);
    let program = folder.join("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool");
    let make = || {
        use std::os::unix::fs::PermissionsExt;
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--ignore-scripts",
            "--prefix",
        ]);
        tool(npm.arg(&folder).arg(MULTITOOL).current_dir(&folder))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())
    };
    match made(&folder, make) {
        Ok(()) => Some(program),
        Err(why) => {
            eprintln!("{why}");
            lacking("validators");
            None
        }
    }
});

/// What is wrong with files of formats; none where there is no validator here.
fn wrong(files: &[(&str, &str)]) -> Vec<Option<String>> {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    let mut check = PYTHON.as_ref().map(|(python, xsd)| {
        let oscal =
            shared().map(|shared| shared.join("law/schemas/oscal-trestle-oscal_complete_schema.json"));
        let mut check = Command::new(python);
        check.args(["-X", "utf8", &format!("{FOLDER}/check.py")]).arg(xsd).arg(oscal.unwrap_or("-".into()));
        check
    });
    let mut said = Vec::new();
    for (number, (format, text)) in files.iter().enumerate() {
        // Some readers tell a format by the ending.
        let ending = if matches!(*format, "sarif" | "junit") { format } else { "spdx.json" };
        let file = folder.path().join(format!("{number}.{ending}"));
        fs::write(&file, text).unwrap();
        if *format == "sarif" {
            said.push(None);
            all.push(SARIF.as_ref().map(|multitool| wrong_sarif(multitool, &file)));
        } else {
            if let Some(check) = &mut check {
                check.arg(format).arg(&file);
            }
            said.push(Some(number));
            all.push(None);
        }
    }
    if let Some(mut check) = check {
        let Run { code, out, err } = finish(&mut check);
        assert_eq!(code, 0, "{err}");
        let lists: Vec<Vec<String>> = serde_json::from_str(&out).unwrap();
        for (number, wrong) in said.into_iter().flatten().zip(lists) {
            all[number] = Some(wrong.join("\n"));
        }
    }
    all
}

/// What is wrong with a file of SARIF.
fn wrong_sarif(multitool: &Path, file: &Path) -> String {
    let log = file.with_extension("log");
    let mut multitool = Command::new(multitool);
    // What is only advice is left out; errors are of the standard.
    multitool.args(["validate", "--level", "Error", "--output"]).arg(&log);
    finish(multitool.arg(file).env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1"));
    let log: Value = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
    let run = &log["runs"][0];
    let lists = [&run["results"], &run["invocations"][0]["toolExecutionNotifications"]];
    let said = lists.into_iter().flat_map(|list| list.as_array().cloned().unwrap_or_default());
    said.map(|r| r.to_string()).collect::<Vec<_>>().join("\n")
}

/// Formats with a validator; the others are ours, or for people.
const HELD: &[&str] = &["cyclonedx", "intoto", "junit", "ocsf", "oscal-ar", "oscal-poam", "sarif", "spdx"];

fn style() -> Style {
    Style { width: 100, colour: false }
}

/// A report as each held format writes it, and its inventory.
fn all(report: &Report) -> Vec<(String, &'static str, String)> {
    let mut all = Vec::new();
    for format in FORMATS.iter().filter(|f| HELD.contains(&f.id)) {
        let mut bytes = Vec::new();
        (format.write)(report, style(), &mut bytes).unwrap();
        all.push((format!("scan -o {}", format.id), format.id, String::from_utf8(bytes).unwrap()));
    }
    for format in LIST_FORMATS.iter().filter(|f| HELD.contains(&f.id)) {
        let mut bytes = Vec::new();
        (format.write)(&report.inventory, &report.scan, style(), &mut bytes).unwrap();
        all.push((format!("inventory -o {}", format.id), format.id, String::from_utf8(bytes).unwrap()));
    }
    all
}

fn hold(reports: &[Report]) {
    let all: Vec<_> = reports.iter().flat_map(all).collect();
    let files: Vec<_> = all.iter().map(|(_, format, text)| (*format, text.as_str())).collect();
    for ((name, _, text), wrong) in all.iter().zip(wrong(&files)) {
        assert!(wrong.as_ref().is_none_or(String::is_empty), "{name}: {wrong:?}\n{text}");
    }
}

#[test]
fn every_format_of_a_rich_report_is_what_its_readers_take() {
    let mut report = judged_root(rich().0.path());
    assert!(report.findings.iter().any(|f| !f.rulings.is_empty()) && report.inventory.is_incomplete());
    let whole = report.clone();
    report.with_items = false;
    hold(&[whole, report]);
}

#[test]
fn every_format_of_a_clean_report_is_what_its_readers_take() {
    hold(&[judged_root(Root::debian().0.path()), judged_root(Root::new().0.path())]);
}

#[test]
fn every_format_of_hostile_strings_is_what_its_readers_take() {
    let root = Root::new();
    root.write("list.ndjson", crate::strings::list());
    let report = judged(&Target::saved(&root.at("list.ndjson")).unwrap());
    assert!(report.findings.iter().any(|f| !f.rulings.is_empty()), "nothing was found");
    hold(&[report]);
}

/// Waivers in every state, and findings that are new, changed and gone.
#[test]
fn every_format_with_waivers_or_a_baseline_is_what_its_readers_take() {
    hold(&[crate::waivers::waived_report(), crate::baseline::compared()]);
}

/// A validator that takes anything would hold nothing.
#[test]
fn every_validator_refuses_what_lacks_a_key() {
    let report = judged_root(rich().0.path());
    let all = all(&report);
    let broken = all.iter().map(|(name, format, text)| {
        let key = match *format {
            "junit" => " classname=",
            "sarif" => "\"message\":",
            "intoto" => "\"configuration\":",
            "ocsf" => "\"severity_id\":",
            "cyclonedx" => "\"bomFormat\":",
            "spdx" => "\"dataLicense\":",
            "oscal-ar" => "\"reviewed-controls\":",
            "oscal-poam" => "\"poam-items\":",
            _ => panic!("{format} has no key to take away"),
        };
        let (before, after) = text.split_once(key).unwrap_or_else(|| panic!("{name} lacks {key}"));
        let other = if *format == "junit" { " other=" } else { "\"other\":" };
        format!("{before}{other}{after}")
    });
    let broken: Vec<String> = broken.collect();
    let files: Vec<_> =
        all.iter().zip(&broken).map(|((_, format, _), text)| (*format, text.as_str())).collect();
    for ((name, ..), wrong) in all.iter().zip(wrong(&files)) {
        assert!(
            wrong.is_none_or(|wrong| !wrong.is_empty()),
            "the validator of {name} takes what lacks a key"
        );
    }
}
