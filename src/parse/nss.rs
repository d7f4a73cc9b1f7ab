//! The certificates in a database of NSS, `cert9.db`, as Firefox, Thunderbird, Chrome and the system keep it.
//!
//! Format: an `SQLite` database whose table `nssPublic` has a PKCS #11 object in each row and in column `aN` its
//! attribute of the hexadecimal number N, integers in four big-endian bytes (NSS, `lib/softoken/sdb.c`; numbers in
//! `pkcs11t.h` and `pkcs11n.h`). What a certificate is trusted for stands in an object of its own, which names it by its
//! SHA-1 digest. Browsers keep certificates of servers too, which are trusted for nothing.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sha1::{Digest, Sha1};

use crate::parse::sqlite::{Cut, is_stored, open};

/// Certificates that are read.
const MAX_CERTIFICATES: usize = 100_000;

/// A certificate of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// In DER.
    pub der: Vec<u8>,
    /// What the user calls it.
    pub label: Option<Vec<u8>>,
    /// Whether it is trusted to vouch for others.
    pub trusted: bool,
}

/// What is wrong with a database. What could be read of it was read all the same.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Damage {
    /// It has pages that the file does not hold.
    #[error("it ends after page {0} of {1}")]
    Cut(u32, u32),
    /// `SQLite` refuses it, or cannot read on in it.
    #[error("SQLite cannot read all of it ({0})")]
    Sqlite(#[from] rusqlite::Error),
    /// The table is missing, or is a view or computed.
    #[error("it has no table nssPublic such as NSS makes")]
    NoTable,
    /// Certificates without a value.
    #[error("{0} certificates in it have no content")]
    Hollow(usize),
    /// There are more certificates than are read, or their bytes are more than the file's.
    #[error("it has more certificates than are read")]
    TooMany,
}

/// Reads the certificates, and says what was wrong.
#[must_use]
pub fn certificates(bytes: &[u8]) -> (Vec<Certificate>, Vec<Damage>) {
    let (mut found, mut damage) = (Vec::new(), Vec::new());
    if let Err(error) = read(bytes, &mut found, &mut damage) {
        damage.push(error);
    }
    (found, damage)
}

fn read(bytes: &[u8], found: &mut Vec<Certificate>, damage: &mut Vec<Damage>) -> Result<(), Damage> {
    let cut = Cut::of(bytes);
    damage.extend(cut.map(|cut| Damage::Cut(cut.pages, cut.of)));
    let missing = cut.map_or(0, |cut| cut.missing);
    let db = open(bytes, missing)?;
    // CKA_CLASS, CKA_LABEL and CKA_VALUE.
    if !is_stored(&db, "nssPublic", &[("id", true), ("a0", false), ("a3", false), ("a11", false)])? {
        return Err(Damage::NoTable);
    }
    let trusted = trusted(&db).unwrap_or_else(|error| {
        damage.push(error.into());
        BTreeSet::new()
    });
    // CKO_CERTIFICATE.
    let mut statement = db.prepare("SELECT a11, a3 FROM nssPublic NOT INDEXED WHERE a0 = x'00000001'")?;
    let mut rows = statement.query([])?;
    let (mut hollow, mut total) = (0, 0);
    let end = loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break None,
            Err(error) => break Some(error.into()),
        };
        let Some(der) = row.get_ref(0)?.as_blob().ok().filter(|der| is_value(der)) else {
            hollow += 1;
            continue;
        };
        // The rows of a sound file share no byte, so together they are smaller than it.
        total += der.len();
        if found.len() == MAX_CERTIFICATES || total > bytes.len() + missing {
            break Some(Damage::TooMany);
        }
        let label = row.get_ref(1)?.as_blob().ok().filter(|label| is_value(label)).map(<[u8]>::to_vec);
        let trusted = trusted.contains(Sha1::digest(der).as_slice());
        found.push(Certificate { der: der.to_vec(), label, trusted });
    };
    damage.extend((hollow > 0).then_some(Damage::Hollow(hollow)));
    end.map_or(Ok(()), Err)
}

/// Whether there is a value; one that is empty is written as three bytes.
fn is_value(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes != b"\xa5\x00\x5a"
}

/// The digests of certificates that may vouch for servers, senders of mail or makers of programs.
fn trusted(db: &Connection) -> rusqlite::Result<BTreeSet<Vec<u8>>> {
    // CKO_NSS_TRUST, CKA_CERT_SHA1_HASH, CKA_TRUST_SERVER_AUTH, _EMAIL_PROTECTION and _CODE_SIGNING.
    let columns = ["ace5363b4", "ace536358", "ace53635b", "ace53635a"];
    if !is_stored(db, "nssPublic", &columns.map(|column| (column, false)))? {
        // A database from before there were such objects trusts nothing.
        return Ok(BTreeSet::new());
    }
    // CKT_NSS_TRUSTED_DELEGATOR.
    let sql =
        "SELECT ace5363b4 FROM nssPublic NOT INDEXED WHERE a0 = x'ce534353' AND typeof(ace5363b4) = 'blob'
        AND x'ce534352' IN (ace536358, ace53635b, ace53635a)";
    let mut statement = db.prepare(sql)?;
    let digests = statement.query_map([], |row| row.get(0))?;
    digests.take(MAX_CERTIFICATES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::MAIN_DB;

    const TABLE: &str =
        "CREATE TABLE nssPublic (id PRIMARY KEY UNIQUE ON CONFLICT ABORT, a0, a3, a11, ace5363b4, ace536358,
         ace53635a, ace53635b)";

    /// A database that these statements make.
    fn build(sql: &str) -> Vec<u8> {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(&format!("PRAGMA page_size = 512; {sql}")).unwrap();
        db.serialize(MAIN_DB).unwrap().to_vec()
    }

    fn certificate(id: u32, der: &str) -> String {
        let der = crate::text::hex(der.as_bytes());
        format!("; INSERT INTO nssPublic VALUES ({id}, x'00000001', x'6b', x'{der}', NULL, NULL, NULL, NULL)")
    }

    fn trust(id: u32, der: &str, server: &str) -> String {
        let digest = crate::text::hex(&Sha1::digest(der));
        format!(
            "; INSERT INTO nssPublic VALUES ({id}, x'ce534353', x'a5005a', NULL, x'{digest}', x'{server}', x'ce534353', \
             x'ce534353')"
        )
    }

    #[test]
    fn certificates_come_with_what_they_are_trusted_for() {
        let sql = [
            TABLE.to_owned(),
            certificate(1, "root"),
            trust(2, "root", "ce534352"),
            certificate(3, "known"),
            certificate(4, "peer"),
            trust(5, "peer", "ce534351"),
        ];
        let (found, damage) = certificates(&build(&sql.concat()));
        let of = |der: &str, trusted| Certificate { der: der.into(), label: Some(b"k".into()), trusted };
        assert_eq!(found, [of("root", true), of("known", false), of("peer", false)]);
        assert_eq!(damage, []);
    }

    #[test]
    fn what_is_no_such_database_says_so() {
        assert_eq!(certificates(&build(TABLE)), (vec![], vec![]));
        let hollow =
            format!("{TABLE}; INSERT INTO nssPublic (id, a0, a11) VALUES (1, x'00000001', x'a5005a')");
        assert_eq!(certificates(&build(&hollow)), (vec![], vec![Damage::Hollow(1)]));
        let view =
            "CREATE VIEW nssPublic AS SELECT 1 AS id, x'00000001' AS a0, x'' AS a3, randomblob(9) AS a11";
        assert_eq!(certificates(&build(view)), (vec![], vec![Damage::NoTable]));
        assert_eq!(certificates(&build("CREATE TABLE other (a)")), (vec![], vec![Damage::NoTable]));
        for bytes in [&b""[..], b"SQLite format 3\0", &[0x5a; 8192]] {
            assert!(!certificates(bytes).1.is_empty());
        }
    }

    fn many() -> Vec<u8> {
        let rows = (0..40).map(|n| certificate(n, &format!("{n}").repeat(90)));
        build(&(TABLE.to_owned() + &rows.collect::<String>()))
    }

    /// Law 1: however a database is cut, it says so.
    #[test]
    fn a_cut_is_never_silent() {
        let bytes = many();
        assert_eq!(certificates(&bytes).0.len(), 40);
        for length in (0..bytes.len()).step_by(64).chain([bytes.len() - 1]) {
            assert!(!certificates(&bytes[..length]).1.is_empty(), "cut to {length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(!certificates(&bytes).1.is_empty());
        }

        #[test]
        fn changed_databases_end_without_a_panic(changes in proptest::collection::vec((0_usize..8192, 0_u8..), 1..9)) {
            let mut bytes = many();
            for (at, byte) in changes {
                if let Some(there) = bytes.get_mut(at) {
                    *there = byte;
                }
            }
            proptest::prop_assert!(certificates(&bytes).0.len() <= 80);
        }
    }
}
