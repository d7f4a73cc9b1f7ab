//! Jobs of at: each is a script that is run once.
//!
//! Format: at(1); a job begins with what was set when it was made, and newer versions hand the commands to the user's
//! shell in a here-document, whose end is named `marcinDELIMITER` and a number.

use std::path::Path;

use super::{Cron, name, task};
use crate::inventory::{Gap, GapCode};
use crate::parse::shell::Script;
use crate::sources::named::{folders, paths, serves};
use crate::text::Text;

/// Where jobs lie: on Debian, on Red Hat, on SUSE.
const SPOOLS: &[&str] = &["/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs"];
const DOCUMENT: &[u8] = b"marcinDELIMITER";

impl Cron<'_> {
    pub(super) fn at(&mut self) {
        for folder in SPOOLS {
            for (path, is_file) in self.list(Path::new(folder)) {
                // `.SEQ` counts the jobs.
                if is_file && !name(&path).starts_with(b".") {
                    self.job(&path);
                }
            }
        }
    }

    fn job(&mut self, path: &Path) {
        let Some(bytes) = self.read(path) else { return };
        let place = Text::from_path(path);
        if !bytes.starts_with(b"#!") || !bytes.ends_with(b"\n") {
            let reason = "it is no whole job of at, so what it starts may be unknown; look there";
            self.sink.gap(Gap::new(GapCode::Truncated, place.clone(), reason));
        }
        let lines = bytes.split(|&b| b == b'\n');
        let plain: Vec<&[u8]> =
            lines.clone().filter(|line| !line.windows(DOCUMENT.len()).any(|w| w == DOCUMENT)).collect();
        let programs: Vec<_> = Script::parse(&plain.join(&b'\n')).programs().collect();
        let mut item = task(&programs, place);
        item.id = format!("cron:{}", item.place.raw()).into();
        item.scope = Some("user".into());
        let mut mail = lines.filter_map(|line| line.strip_prefix(b"# mail "));
        item.user =
            mail.next().and_then(|who| who.split(u8::is_ascii_whitespace).next()).map(Text::from_bytes);
        item.enabled = Some(true);
        let served = programs.into_iter().filter(|program| !serves(program));
        item.paths = paths(self.target, self.sink, &item.place, served, &folders());
        self.sink.item(item);
    }
}
