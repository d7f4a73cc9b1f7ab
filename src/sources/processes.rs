//! Running programs, as the system lists them.
//!
//! An item is named after its executable, since a process chooses the name it shows by itself; a process whose
//! executable was not shown is named after its command, or by that name.

use std::path::Path;

use crate::item::{Item, Kind};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Process, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "processes",
    about: "running processes",
    expects: &[],
    needs: Needs::Processes,
    depth: Depth::Quick,
    yields: &[Kind::Process],
    rights: "root (administrator), or else the executables of other users' processes are not shown",
    blind: "a process that a rootkit hides from the operating system",
    collect,
};

/// Characters of a command line that are kept.
const MAX_COMMAND: usize = 4096;

fn collect(target: &Target, sink: &mut Sink) {
    let Some(processes) = sink.keep(target.processes()) else { return };
    for gap in processes.gaps {
        sink.gap(gap);
    }
    for process in processes.list {
        sink.item(item(process));
    }
}

fn item(process: Process) -> Item {
    let base = |path: &Path| path.file_name().map(|n| Text::from_bytes(n.as_encoded_bytes()));
    let called = process.command.first().map(Text::to_path);
    let path = process.exe.as_deref().or(called.as_deref().filter(|p| p.is_absolute()));
    let name = path.and_then(base).or_else(|| called.as_deref().and_then(base)).unwrap_or(process.name);
    let place = match (&process.exe, process.deleted) {
        (Some(exe), true) => format!("process {}: {} (deleted)", process.pid, Text::from_path(exe).raw()),
        (Some(exe), false) => format!("process {}: {}", process.pid, Text::from_path(exe).raw()),
        (None, _) => format!("process {}", process.pid),
    };
    let mut item = Item::new(Kind::Process, name, place.into());
    item.id = format!("process:{}", process.pid).into();
    item.paths = path.into_iter().chain(process.within.as_deref()).map(Text::from_path).collect();
    let command: Vec<&str> = process.command.iter().map(Text::raw).collect();
    let command: String = command.join(" ").chars().take(MAX_COMMAND).collect();
    item.command = (!command.is_empty()).then(|| command.into());
    item.user = process.user;
    item.container = process.container;
    item.deleted = process.deleted;
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_process_is_named_after_its_executable_and_not_after_what_it_calls_itself() {
        let process = Process {
            pid: 7,
            name: "sshd".into(),
            exe: Some(PathBuf::from("/opt/kaspersky/kesl/libexec/kesl")),
            command: vec!["[kworker/0:1]".into(), "-x".into()],
            ..Process::default()
        };
        let item = item(process);
        assert_eq!(item.name.raw(), "kesl");
        assert_eq!(item.place.raw(), "process 7: /opt/kaspersky/kesl/libexec/kesl");
        assert_eq!(item.command.unwrap().raw(), "[kworker/0:1] -x");
    }

    #[test]
    fn without_an_executable_the_command_names_it() {
        let command = vec!["/usr/sbin/cupsd".into(), "-l".into()];
        let item = item(Process { pid: 8, name: "cupsd".into(), command, ..Process::default() });
        assert_eq!((item.name.raw(), item.paths[0].raw()), ("cupsd", "/usr/sbin/cupsd"));
    }
}
