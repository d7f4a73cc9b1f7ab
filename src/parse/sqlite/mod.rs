//! `SQLite` databases, of which the bytes alone are read.
//!
//! Format: `SQLite`'s "Database File Format" (sqlite.org/fileformat2.html). `SQLite` is made for friendly files, and a
//! hostile one may hold a view, a computed column or a circle of pages where a table is expected, so nothing is to be
//! read before the schema is looked at ([`is_stored`]), and time and size are bounded (sqlite.org/security.html).

pub mod wal;

use std::io::Read;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, MAIN_DB};

/// Bytes of one value that are read; a header of rpm takes some 200 of them for each file of its package.
const MAX_BLOB: i32 = 64 << 20;
/// Bytes of a cut database as it was whole, up to which it is still read.
const MAX_WHOLE: usize = 1 << 30;
/// Steps of `SQLite`'s machine, which takes 32 for a package of rpm and its name in the index.
const MAX_STEPS: i32 = 50_000_000;
/// Steps after which they are counted.
const STEPS: i32 = 10_000;

/// Opens a copy of the bytes in memory; `SQLite` is never given a path.
///
/// It refuses a database of which bytes are missing. With a filling in their place, which is no page of a table and no
/// text that ends, it reads all that does not need them.
///
/// # Errors
/// When `SQLite` refuses it.
pub fn open(bytes: &[u8], missing: usize) -> rusqlite::Result<Connection> {
    let (header, rest) = bytes.split_at(bytes.len().min(100));
    let mut header = header.to_vec();
    if let Some(versions) = header.get_mut(18..20) {
        // Databases may say that a write-ahead log goes with them, without which SQLite does not open them. There is
        // none in memory: 1 is the plain form, in which the file itself is the same. What is in a log is the caller's
        // to apply.
        for version in versions.iter_mut().filter(|v| **v == 2) {
            *version = 1;
        }
    }
    let mut db = Connection::open_in_memory()?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_BLOB),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 400),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 20),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 3),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 8),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        db.set_limit(limit, value)?;
    }
    let mut left = MAX_STEPS / STEPS;
    let stop = move || {
        left = (left - 1).max(0);
        left == 0
    };
    db.progress_handler(STEPS, Some(stop))?;
    let filling = std::io::repeat(0xff).take(u64::try_from(missing).unwrap_or(u64::MAX));
    let whole = header.as_slice().chain(rest).chain(filling);
    db.deserialize_read_exact(MAIN_DB, whole, bytes.len() + missing, true)?;
    Ok(db)
}

/// A file with fewer pages than its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Whole pages that are there.
    pub pages: u32,
    /// Pages of the database, as its own header says.
    pub of: u32,
    /// Bytes that are not there; 0, if there would be more of them than are filled in.
    pub missing: usize,
}

impl Cut {
    /// How a database was cut; nothing, if it was not or is none.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let be32 = |at: usize| bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b));
        if !bytes.starts_with(b"SQLite format 3\0") {
            return None;
        }
        let page = match bytes.get(16..)?.first_chunk().map(|b| u16::from_be_bytes(*b))? {
            1 => 1 << 16,
            page => usize::from(page),
        };
        let (pages, of) = (u32::try_from(bytes.len().checked_div(page)?).ok()?, be32(28)?);
        let whole = page.saturating_mul(usize::try_from(of).unwrap_or(usize::MAX));
        let missing = if whole <= MAX_WHOLE { whole.saturating_sub(bytes.len()) } else { 0 };
        // The number of pages is only true while these two agree: a very old SQLite counts up the first of them alone.
        (be32(24)? == be32(92)? && pages < of).then_some(Self { pages, of, missing })
    }
}

/// Whether there is a table that is stored, with these columns, stored too; the flag is that of the primary key.
///
/// What `SQLite` made of the schema is asked, as the rows of `sqlite_schema` may say other names and kinds than the
/// statements in them.
///
/// # Errors
/// When the schema cannot be read.
pub fn is_stored(db: &Connection, table: &str, columns: &[(&str, bool)]) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM pragma_table_list(?1) t, pragma_table_xinfo(?1) c
        WHERE t.schema = 'main' AND t.type = 'table' AND c.hidden = 0 AND c.name = ?2 AND c.pk = ?3";
    for &(column, key) in columns {
        if db.query_row(sql, (table, column, key), |row| row.get::<_, i64>(0))? != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}
