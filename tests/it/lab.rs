//! What the tests work with: the program, little file systems, and the outside tools that some of them need.

use std::fs;
use std::io::{Seek, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use globset::GlobSet;
use interdict::organisation::Organisation;
use interdict::report::{FORMATS, LIST_FORMATS, Report, Style};
use interdict::rules::Rules;
use interdict::sources::Depth;
use interdict::target::Target;
use interdict::waiver::Waiver;
use interdict::{Look, Request};
use jiff::Timestamp;
use serde_json::Value;

/// The built program, in an environment that says nothing.
pub fn interdict() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
}

/// What a run gave.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

/// Runs the program.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    finish(interdict().args(args))
}

/// Runs a command to its end; a signal counts as -1.
pub fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Scans a target and gives the exit code and the JSON report; the arguments stand before `-o json`.
pub fn scan(target: &str, args: &[&str]) -> (i32, Value) {
    let run = run(["scan", target].iter().chain(args).chain(&["-o", "json"]));
    (run.code, run.json())
}

/// Runs a command to its end; one that is not done after 20 seconds hangs, is killed and fails the test.
pub fn finish_soon(command: &mut Command) -> Run {
    let mut files = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
    let [out, err] = files.each_ref().map(|file| file.try_clone().unwrap());
    let mut child = command.stdout(out).stderr(err).spawn().unwrap();
    let start = std::time::Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed().as_secs() < 20 => std::thread::sleep(std::time::Duration::from_millis(5)),
            None => {
                child.kill().unwrap();
                panic!("it hangs");
            }
        }
    };
    let [out, err] = files.each_mut().map(|file| {
        file.rewind().unwrap();
        std::io::read_to_string(file).unwrap()
    });
    Run { code: status.code().unwrap_or(-1), out, err }
}

/// Whether a test that needs a tool may run. Without the tool it prints why not, and fails where
/// `INTERDICT_REQUIRE` is `all` or names the tool.
pub fn has(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    found || lacking(tool)
}

/// As [`has`], of a manager of containers, which many machines forbid and `.ci/run` does not install: required only where
/// it is named by itself.
pub fn has_manager(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    found || not_here(tool)
}

/// Says that a manager of containers cannot run here, and gives `false`; fails where it is named as required.
pub fn not_here(tool: &str) -> bool {
    let required = std::env::var("INTERDICT_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|r| r == tool), "{tool} is required and does not run here");
    eprintln!("skipped: {tool} does not run here");
    false
}

/// Whether a test that needs root may run, as [`has`].
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root() || lacking("root")
}

/// Whether a test that takes long may run: where `INTERDICT_REQUIRE` is `all` or names `slow`.
pub fn is_slow(what: &str) -> bool {
    let required = std::env::var("INTERDICT_REQUIRE").unwrap_or_default();
    let asked = required.split(',').any(|r| r == "all" || r == "slow");
    if !asked {
        eprintln!("skipped: {what} takes long; INTERDICT_REQUIRE=slow runs it");
    }
    asked
}

/// Says that something is lacking, and gives `false`; fails where it is required.
pub fn lacking(what: &str) -> bool {
    let required = std::env::var("INTERDICT_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|r| r == "all" || r == what), "{what} is required and lacking");
    eprintln!("skipped: {what} is lacking");
    false
}

/// A user who may do nothing, with a copy of the program that this user may run.
pub struct Nobody(tempfile::TempDir);

impl Nobody {
    /// None where a test cannot be another user; a root of ours is opened to this one.
    pub fn new(root: &Root) -> Option<Self> {
        use std::os::unix::fs::PermissionsExt;
        if !(has("setpriv") && is_root()) {
            return None;
        }
        let nobody = Self(tempfile::tempdir().unwrap());
        // Copied by another process: what this one writes cannot be run while a thread of it starts a program.
        let mut cp = Command::new("cp");
        assert!(cp.arg(env!("CARGO_BIN_EXE_interdict")).arg(nobody.program()).status().unwrap().success());
        for path in [nobody.0.path(), &nobody.program(), root.0.path()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(nobody)
    }

    fn program(&self) -> PathBuf {
        self.0.path().join("interdict")
    }

    /// The program, run as this user.
    pub fn interdict(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(self.program());
        command.stdin(Stdio::null());
        command
    }
}

/// The folder of real records and files, which is not part of the repository; tests pass without it.
pub fn shared() -> Option<PathBuf> {
    let shared = std::env::var_os("INTERDICT_SHARED").map(PathBuf::from);
    if shared.is_none() {
        eprintln!("skipped: INTERDICT_SHARED is not set");
    }
    shared
}

/// A little file system.
pub struct Root(pub tempfile::TempDir);

impl Root {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A Debian root with two packages, with their file lists.
    pub fn debian() -> Self {
        let root = Self::new();
        root.write(
            "etc/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        );
        root.write("etc/hostname", "lab\n");
        root.write("var/lib/dpkg/status", "");
        root.package("base-files", "12.4", "Santiago Vila <sanvila@debian.org>", &["/etc/debian_version"]);
        root.package("bash", "5.2.15-2", "Matthias Klose <doko@debian.org>", &["/bin/bash"]);
        root
    }

    /// Adds an installed package to the dpkg database, and its files to the root.
    pub fn package(&self, name: &str, version: &str, maintainer: &str, files: &[&str]) {
        let record = format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: {maintainer}\nVersion: {version}\nDescription: a test\n\n"
        );
        self.append("var/lib/dpkg/status", &record);
        for file in files {
            self.write(file.trim_start_matches('/'), "");
        }
        self.write(&format!("var/lib/dpkg/info/{name}.list"), format!("/.\n{}\n", files.join("\n")));
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    pub fn append(&self, path: &str, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.at(path)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub fn link(&self, path: &str, says: impl AsRef<Path>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        symlink(says, self.at(path)).unwrap();
    }

    /// Writes a saved inventory, a line an item, and names it as the command line does.
    pub fn list(&self, items: &[Value]) -> String {
        let lines: Vec<_> = items.iter().map(ToString::to_string).collect();
        self.write("list.ndjson", lines.join("\n") + "\n");
        format!("inventory:{}", self.at("list.ndjson").display())
    }

    /// Makes a pipe.
    pub fn fifo(&self, path: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        let made = Command::new("mkfifo").arg(self.at(path)).status().unwrap();
        assert!(made.success());
    }

    /// The target as the command line names it.
    pub fn target(&self) -> String {
        format!("dir:{}", self.0.path().display())
    }
}

/// The built-in rules.
pub(crate) static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::proven(&[], false).unwrap());

/// What the library says of a target at a fixed time, under all instruments and the built-in rules.
pub(crate) fn judged(target: &Target) -> Report {
    judged_by(target, Organisation::default(), Vec::new())
}

/// As [`judged`], of an organisation that was granted exceptions.
pub(crate) fn judged_by(target: &Target, organisation: Organisation, waivers: Vec<Waiver>) -> Report {
    let look =
        Look { depth: Depth::Full, user: None, elevated: None, now: || Timestamp::UNIX_EPOCH, done: &|_| () };
    let under = RULES.choose(&["all".to_owned()], true).unwrap();
    let as_of = Some(jiff::civil::date(2026, 1, 1));
    let request =
        Request { rules: &RULES, under, assume: &[], as_of, max_rules_age: 180, organisation, waivers, look };
    interdict::run(target, &request)
}

/// As [`judged`], of a folder.
pub(crate) fn judged_root(root: &Path) -> Report {
    judged(&Target::dir(root, GlobSet::empty()).unwrap())
}

/// What every format of reports and of lists writes, by its name, at a width.
pub(crate) fn written(report: &Report, width: usize) -> Vec<(String, Vec<u8>)> {
    let style = Style { width, colour: false };
    let mut all = Vec::new();
    for format in FORMATS {
        let mut bytes = Vec::new();
        (format.write)(report, style, &mut bytes).unwrap();
        all.push((format!("scan -o {}", format.id), bytes));
    }
    for format in LIST_FORMATS {
        let mut bytes = Vec::new();
        (format.write)(&report.inventory, &report.scan, style, &mut bytes).unwrap();
        all.push((format!("inventory -o {}", format.id), bytes));
    }
    all
}
