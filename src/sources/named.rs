//! The programs that a command names, as files of the target.
//!
//! What only runs or serves others, such as a shell or `test`, is the system's and not what is started; it is told
//! where nothing else is. A program named without its folder is looked for in the folders that systemd, cron and the
//! shells of root look into (systemd-path(1), crontab(5)), and the file that a link of another name leads to is told too.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::parse::command::is_wrapper;
use crate::parse::shell::Script;
use crate::sources::Sink;
use crate::target::Target;
use crate::text::{Text, bytes_to_path};

/// Where a program named without its folder is looked for.
pub(super) const FOLDERS: &[&str] =
    &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Programs named in one place that are looked for.
const MAX_PROGRAMS: usize = 2048;

/// Programs and words of the shell that serve a command and are not what it is for.
const TOOLS: &[&str] = &[
    "[",
    ":",
    ".",
    "test",
    "true",
    "false",
    "echo",
    "printf",
    "cat",
    "cd",
    "cp",
    "mv",
    "rm",
    "ln",
    "ls",
    "mkdir",
    "rmdir",
    "chmod",
    "chown",
    "chgrp",
    "touch",
    "install",
    "mktemp",
    "find",
    "xargs",
    "grep",
    "egrep",
    "fgrep",
    "sed",
    "awk",
    "gawk",
    "mawk",
    "cut",
    "tr",
    "head",
    "tail",
    "sort",
    "uniq",
    "wc",
    "tee",
    "sleep",
    "usleep",
    "date",
    "kill",
    "pkill",
    "killall",
    "killproc",
    "pidof",
    "pgrep",
    "ps",
    "logger",
    "uname",
    "hostname",
    "id",
    "which",
    "type",
    "basename",
    "dirname",
    "readlink",
    "expr",
    "seq",
    "stat",
    "exit",
    "return",
    "trap",
    "wait",
    "ulimit",
    "umask",
    "source",
    "eval",
    "set",
    "unset",
    "shift",
    "mount",
    "umount",
    "mountpoint",
    "modprobe",
    "insmod",
    "rmmod",
    "sysctl",
    "run-parts",
    "systemctl",
    "service",
    "systemd-tmpfiles",
    "udevadm",
    "ldconfig",
    "status",
    "checkproc",
    "pidofproc",
];

/// Whether a program only runs or serves another.
pub(super) fn serves(program: &[u8]) -> bool {
    let name = program.rsplit(|&b| b == b'/').next().unwrap_or(program);
    is_wrapper(program) || TOOLS.iter().any(|tool| tool.as_bytes() == name)
}

/// The files that the programs named in a place are, in order and each once, without those that only serve the others.
pub(super) fn paths(
    target: &Target,
    sink: &mut Sink,
    place: &Text,
    programs: impl IntoIterator<Item = Vec<u8>>,
    folders: &[PathBuf],
) -> Vec<Text> {
    let mut seen = BTreeSet::new();
    let mut named: Vec<_> = programs.into_iter().filter(|program| seen.insert(program.clone())).collect();
    if named.len() > MAX_PROGRAMS {
        let reason =
            format!("it names more than {MAX_PROGRAMS} programs; of the others it is unknown what they are");
        sink.gap(Gap::new(GapCode::TooMany, place.clone(), reason));
        named.truncate(MAX_PROGRAMS);
    }
    let files = |programs: Vec<&Vec<u8>>| {
        let mut seen = BTreeSet::new();
        let files = programs.into_iter().filter_map(|program| file(target, program, folders));
        let files = files.flat_map(|file| std::iter::once(file.clone()).chain(behind(target, &file)));
        let files = files.map(|path| Text::from_path(&path));
        files.filter(|path| seen.insert(path.clone())).collect::<Vec<_>>()
    };
    let (served, all): (Vec<_>, Vec<_>) = named.iter().partition(|program| !serves(program));
    let found = files(served);
    if found.is_empty() { files(all) } else { found }
}

/// Endings of the names of variables that hold a program.
const VARIABLES: &[&str] =
    &["daemon", "command", "cmd", "exec", "executable", "prog", "program", "bin", "binary", "app"];

/// The programs that a script names: those it keeps in variables for programs, then those its commands run. Of names
/// without a folder it is unknown whether they are programs, functions or words of a pattern.
pub(super) fn of_script(text: &[u8]) -> Vec<Vec<u8>> {
    let script = Script::parse(text);
    let is_program = |name: &[u8]| {
        let name = name.to_ascii_lowercase();
        VARIABLES.iter().any(|end| name.ends_with(end.as_bytes()))
    };
    let assigned = script.assigned.iter().filter(|(name, _)| is_program(name)).filter_map(|(_, value)| {
        let program = value.trim_ascii().split(u8::is_ascii_whitespace).next()?;
        program.starts_with(b"/").then(|| program.to_vec())
    });
    // OpenWrt's procd is told the command so.
    let told = script.commands.iter().filter_map(|words| match words.as_slice() {
        [first, second, program, ..] if first == b"procd_set_param" && second == b"command" => {
            Some(program.clone())
        }
        _ => None,
    });
    assigned.chain(told).chain(script.programs()).collect()
}

/// Whether there are programs and all of them surely are gone, but for those that serve them.
pub(super) fn all_gone(target: &Target, programs: &[Vec<u8>]) -> bool {
    let mut served = programs.iter().filter(|program| !serves(program)).peekable();
    served.peek().is_some() && served.all(|program| is_gone(target, program))
}

/// The path of a program; nothing, if it is named without its folder and in none of those looked into.
fn file(target: &Target, program: &[u8], folders: &[PathBuf]) -> Option<PathBuf> {
    if program.starts_with(b"/") {
        return Some(plain(&bytes_to_path(program)));
    }
    if program.contains(&b'/') || program.is_empty() {
        return None;
    }
    let mut places = folders.iter().map(|folder| folder.join(bytes_to_path(program)));
    places.find(|place| matches!(target.resolve(place), Ok(Some(_))))
}

/// The folders of [`FOLDERS`] as paths.
pub(super) fn folders() -> Vec<PathBuf> {
    FOLDERS.iter().map(PathBuf::from).collect()
}

/// The file that a link of another name leads to; `/lib` for `/usr/lib` is no other name.
fn behind(target: &Target, program: &Path) -> Option<PathBuf> {
    let real = target.resolve(program).ok()??;
    let same = program.strip_prefix("/").is_ok_and(|rest| real.ends_with(rest));
    (!same).then_some(real)
}

/// Whether a program surely is not there; a name without a folder, or with something to be filled in, may be, and so
/// may one on a volume that is not mounted.
pub(super) fn is_gone(target: &Target, program: &[u8]) -> bool {
    program.starts_with(b"/")
        && !program.iter().any(|b| matches!(b, b'%' | b'$' | b'*' | b'?'))
        && match target.open(&bytes_to_path(program)) {
            Ok(found) => found.is_none(),
            // A part of its path is no folder, or a folder stands in its place.
            Err(gap) => gap.code == GapCode::Special,
        }
}

/// A path from the root without `.`, `..` and doubled slashes.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn programs_are_found_and_servants_left_out() {
        let root = tempfile::tempdir().unwrap();
        for file in ["opt/k/kesl", "usr/bin/tool", "usr/bin/test"] {
            fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
            fs::write(root.path().join(file), "").unwrap();
        }
        symlink("/opt/k/kesl", root.path().join("usr/bin/innocent")).unwrap();
        symlink("usr/bin", root.path().join("bin")).unwrap();
        let target = Target::dir(root.path(), globset::GlobSet::empty()).unwrap();
        let found = |names: &[&str]| {
            let names = names.iter().map(|name| name.as_bytes().to_vec());
            paths(&target, &mut Sink::default(), &"".into(), names, &folders())
                .iter()
                .map(|p| p.raw().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&["/bin/sh", "test", "tool", "/opt//k/kesl"]), ["/usr/bin/tool", "/opt/k/kesl"]);
        assert_eq!(found(&["innocent", "innocent"]), ["/usr/bin/innocent", "/opt/k/kesl"]);
        assert_eq!(found(&["/bin/sh", "test", "none", "./x", ""]), ["/bin/sh", "/usr/bin/test"]);
        assert_eq!(found(&["/bin/tool"]), ["/bin/tool"]);
        let mut sink = Sink::default();
        let many = (0..=MAX_PROGRAMS).map(|n| format!("/{n}").into_bytes());
        assert_eq!(paths(&target, &mut sink, &"".into(), many, &[]).len(), MAX_PROGRAMS);
        assert_eq!(sink.gaps.len(), 1);
    }
}
