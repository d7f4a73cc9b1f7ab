//! The databases of rpm: a container of rows, and in each row a header that describes one package.
//!
//! Format: rpm's manual (rpm-software-management.github.io/rpm/manual), pages "Database" and "Header". The container
//! has changed over the years, the header in it has not.

pub mod bdb;
pub mod header;
pub mod ndb;
pub mod sqlite;

/// Rows that are read of the containers that are read here.
const MAX_ROWS: usize = 1_000_000;

/// What is wrong with a database. What could be read of it was read all the same.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Damage {
    /// It is not what its name says, or a version of it that rpm never wrote.
    #[error("it is no {0}")]
    Form(&'static str),
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
    /// Pages or slots do not follow the format; rows may be in them.
    #[error("{0} of its {1} do not follow the format")]
    Strange(usize, &'static str),
    /// It has fewer rows than it counts.
    #[error("it has {found} rows and counts {counted}")]
    Count {
        /// Rows that are there, readable or not.
        found: usize,
        /// Rows that there are, as its own header says.
        counted: u32,
    },
    /// What rpm wrote is there, and no row leads to it.
    #[error("no row leads to {0} of its {1}, so rows are missing")]
    Stray(usize, &'static str),
    /// It has more rows than are read.
    #[error("it has more than {0} rows, and no more were read")]
    TooManyRows(usize),
    /// Its rows say that they hold more than the file does.
    #[error("its rows overlap each other, and were not read on from there")]
    Overlap,
}

/// What the tests of the containers share.
#[cfg(test)]
pub(crate) mod lab {
    use super::{Damage, header};

    /// A real database, by its path among the fixtures; nothing, and a line that says why, if there are none.
    pub(crate) fn fixture(path: &str) -> Option<Vec<u8>> {
        #[allow(clippy::disallowed_methods, reason = "a test finds its fixtures by a variable")]
        let shared = std::env::var("INTERDICT_SHARED");
        #[allow(clippy::print_stderr, reason = "a test that is skipped says why")]
        let Ok(shared) = shared else {
            eprintln!("skipped: INTERDICT_SHARED is not set, so there are no real databases");
            return None;
        };
        #[allow(clippy::disallowed_methods, reason = "a test reads its fixture")]
        Some(std::fs::read(format!("{shared}/fixtures/rpmdb/{path}")).unwrap())
    }

    /// The header of a package, which has a file so that it takes some bytes more.
    pub(crate) fn blob(name: &str, bytes: usize) -> Vec<u8> {
        let (name, more) = (format!("{name}\0"), [vec![b'x'; bytes], vec![0]].concat());
        let who = [(1000, 6, 1, name.as_bytes()), (1001, 6, 1, b"1\0"), (1002, 6, 1, b"2\0")];
        header::build(&[&who[..], &[(1027, 8, 1, &more)]].concat())
    }

    /// Names as a container yields them, and its faults.
    pub(crate) type Read = (Vec<String>, Vec<Damage>);

    /// Bytes that look like chance and are the same in every run.
    pub(crate) struct Random(pub(crate) u64);

    impl Random {
        pub(crate) fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
        }

        /// The bytes with some of the first ones changed.
        pub(crate) fn flip(&mut self, bytes: &[u8], first: usize) -> Vec<u8> {
            let mut bytes = bytes.to_vec();
            for _ in 0..=self.below(6) {
                let at = self.below(first.min(bytes.len()));
                bytes[at] ^= u8::try_from(1 + self.below(255)).unwrap();
            }
            bytes
        }
    }

    /// Laws 1 and 4, for a database that holds so many packages: no cut and no flip makes a reader panic, or lose a
    /// package without a word.
    pub(crate) fn spoil(bytes: &[u8], count: usize, names: fn(&[u8]) -> Read) {
        let (found, damage) = names(bytes);
        assert_eq!((found.len(), damage), (count, vec![]));
        let cuts = (0..bytes.len()).step_by(4093).chain((0..bytes.len()).step_by(4096));
        for length in cuts.chain(0..200).chain([bytes.len() - 1]) {
            let (found, damage) = names(&bytes[..length]);
            assert!(found.len() <= count && !damage.is_empty(), "cut to {length}");
        }
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        for round in 0..600 {
            // Two of three times near the start, where each byte matters.
            let first = [200, 8600, bytes.len()][round % 3];
            let (found, damage) = names(&random.flip(bytes, first));
            assert!(found.len() >= count || !damage.is_empty(), "round {round} lost packages silently");
        }
    }
}
