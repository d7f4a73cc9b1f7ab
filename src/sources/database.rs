//! The bytes of an `SQLite` database with what its program has not yet written into it.
//!
//! Format: "Write-Ahead Log" and "Rollback Journal" (sqlite.org/fileformat2.html). `SQLite` itself is given no path, so
//! what lies beside a database is found here.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::parse::sqlite::wal;
use crate::sources::Sink;
use crate::target::{Target, io_gap};
use crate::text::Text;

/// Bytes of a journal's header.
const JOURNAL_HEADER: u64 = 28;
/// Times that a database is read which changes meanwhile.
const MAX_TRIES: usize = 3;

/// The bytes of an `SQLite` database, with the newer pages that stand in its log.
///
/// `settle` says what a person can do so that its program writes the log into the database.
///
/// # Errors
/// A gap when the database is there and cannot be read.
pub(super) fn with_log(
    target: &Target,
    sink: &mut Sink,
    path: &Path,
    settle: &str,
) -> Result<Option<Vec<u8>>, Gap> {
    let [log_path, journal] = ["-wal", "-journal"].map(|end| {
        let mut path = path.as_os_str().to_owned();
        path.push(end);
        PathBuf::from(path)
    });
    // Pages go from the log into the database, so one that was read while its log stayed the same is whole.
    let (mut log, mut database, mut steady) = (target.read(&log_path), Ok(None), false);
    for _ in 0..MAX_TRIES {
        database = target.read(path);
        let again = target.read(&log_path);
        steady = again == log;
        log = again;
        if steady {
            break;
        }
    }
    if !steady {
        let reason = "it changes while it is read; scan again when nothing writes to it";
        sink.gap(Gap::new(GapCode::Io, Text::from_path(path), reason));
    }
    let mut database = database?;
    let log = sink.keep(log).flatten().filter(|log| !log.is_empty());
    let hot = is_hot(target, sink, &journal);
    if let Some(database) = &mut database {
        if hot {
            let reason = format!(
                "a change of the database was interrupted and is in this journal, which this version does not read; \
                 {settle} and scan again"
            );
            sink.gap(Gap::new(GapCode::Unsupported, Text::from_path(&journal), reason));
        }
        // SQLite drops the log of an empty database.
        if let Some(log) = log.filter(|_| !database.is_empty()) {
            for fault in wal::apply(database, &log) {
                sink.gap(log_gap(fault, &log_path, settle));
            }
        }
    } else if log.is_some() || hot {
        sink.found();
        let reason =
            "it is gone, and a log or journal that was beside it is still there; restore it from a backup";
        sink.gap(Gap::new(GapCode::Missing, Text::from_path(path), reason));
    }
    Ok(database)
}

/// Whether a journal holds a change that was interrupted: one that is done with is cut, or has its header zeroed.
fn is_hot(target: &Target, sink: &mut Sink, path: &Path) -> bool {
    let Some(Some(file)) = sink.keep(target.open(path)) else { return false };
    let mut header = Vec::new();
    let read = file.take(JOURNAL_HEADER).read_to_end(&mut header).map_err(|e| io_gap(path, "read", &e));
    sink.keep(read).is_some() && header.iter().any(|byte| *byte != 0)
}

/// The gap that a fault in a log leaves.
fn log_gap(fault: wal::Fault, path: &Path, settle: &str) -> Gap {
    let gap = |code, advice: &str| Gap::new(code, Text::from_path(path), format!("{fault}{advice}"));
    let lost = format!(": newer records are unknown; {settle} and scan again");
    match fault {
        wal::Fault::Unfinished => {
            gap(GapCode::Truncated, ", and are left out, as SQLite leaves them out").note()
        }
        wal::Fault::Short => gap(GapCode::Truncated, &lost),
        wal::Fault::Header | wal::Fault::PageSize | wal::Fault::Lost => gap(GapCode::Damaged, &lost),
    }
}
