//! The databases of rpm: a container of rows, and in each row a header that describes one package.
//!
//! Format: rpm's manual (rpm-software-management.github.io/rpm/manual), pages "Database" and "Header". The container
//! has changed over the years, the header in it has not.

pub mod header;
pub mod sqlite;

/// What is wrong with a database. What could be read of it was read all the same.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Damage {
    /// It has pages that the file does not hold.
    #[error("it ends after page {pages} of {of}")]
    Cut {
        /// Whole pages in the file.
        pages: u32,
        /// Pages of the database, as its own header says.
        of: u32,
    },
    /// `SQLite` refuses it, or cannot read on in it.
    #[error("SQLite cannot read all of it ({0})")]
    Sqlite(#[from] rusqlite::Error),
    /// A table of this name is missing, or is a view or computed, so that it says nothing about what is stored.
    #[error("it has no table {0} such as rpm makes")]
    NoTable(&'static str),
    /// One row cannot be read; its package is unknown.
    #[error("row {row} is not readable ({what})")]
    Row {
        /// The row's number (`hnum`).
        row: i64,
        /// What is wrong with it.
        what: String,
    },
    /// The index names packages that the table does not have.
    #[error("{0} packages are in the index and not in the table")]
    Unlisted(usize),
    /// It has more rows than are read.
    #[error("it has more than {0} rows, and no more were read")]
    TooManyRows(usize),
    /// Its rows say that they hold more than the file does.
    #[error("its rows overlap each other, and were not read on from there")]
    Overlap,
}
