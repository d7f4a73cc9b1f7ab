//! Services of a supervisor: a folder each, with a program `run` that a supervisor keeps running.
//!
//! Format: runsv(8), supervise(8) of daemontools, the folders of s6-overlay. A service starts when its folder, or a link
//! to it, lies in a folder that is scanned, unless it holds a file `down`.

use std::path::{Path, PathBuf};

use super::{Init, name, service};
use crate::item::State;
use crate::sources::named::of_script;

/// Folders of services, and whether a supervisor scans them.
const FOLDERS: &[(&str, bool)] = &[
    ("/etc/service", true),
    ("/var/service", true),
    ("/service", true),
    ("/etc/runit/runsvdir/default", true),
    ("/etc/runit/runsvdir/current", true),
    ("/etc/services.d", true),
    (S6_RC, false),
    ("/etc/sv", false),
];
/// Services of s6-overlay, and where the names of those lie that start.
const S6_RC: &str = "/etc/s6-overlay/s6-rc.d";
const S6_STARTED: &str = "/etc/s6-overlay/s6-rc.d/user/contents.d";
/// What a service runs; `up` is what s6 runs once, in its own language, in which a line begins a command too.
const RUNS: &[&str] = &["run", "up", "log/run", "finish"];

impl Init<'_> {
    pub(super) fn supervised(&mut self) {
        let mut services: Vec<PathBuf> = Vec::new();
        for (folder, is_scanned) in FOLDERS {
            for (path, _) in self.list(Path::new(folder)) {
                if *is_scanned {
                    let real = self.real(&path);
                    self.started.extend(real);
                }
                services.push(path);
            }
        }
        for (started, _) in self.list(Path::new(S6_STARTED)) {
            let real = self.real(&Path::new(S6_RC).join(started.file_name().unwrap_or_default()));
            self.started.extend(real);
        }
        for folder in services {
            self.service(&folder);
        }
    }

    fn service(&mut self, folder: &Path) {
        let mut item = service(folder, name(folder));
        item.service = None;
        let real = match self.target.resolve(folder) {
            Ok(Some(real)) => real,
            Ok(None) => {
                if self.seen.insert(folder.to_owned()) {
                    item.state = State::Remnant;
                    item.enabled = Some(false);
                    self.tell(item);
                }
                return;
            }
            Err(gap) => return self.sink.gap(gap),
        };
        if !self.seen.insert(real.clone()) {
            return;
        }
        let mut texts = Vec::new();
        for run in RUNS.iter().map(|run| folder.join(run)) {
            // A file among the folders of services is none of them.
            if self.target.resolve(&run).is_ok_and(|found| found.is_some()) {
                texts.extend(self.read(&run));
            }
        }
        if texts.is_empty() {
            return;
        }
        let is_down = self.target.entry(&real.join("down")).is_ok_and(|found| found.is_some());
        item.enabled = Some(self.started.contains(&real) && !is_down);
        let programs = texts.iter().flat_map(|text| of_script(text)).collect();
        self.run(&mut item, programs);
        self.tell(item);
    }
}
