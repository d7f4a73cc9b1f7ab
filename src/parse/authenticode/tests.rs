use super::*;
use crate::parse::pe::Pe;
use std::io::Cursor;

/// A program that a maker of examples signed with ECDSA, and the same signed with RSA by it as well.
const ONE: &[u8] =
    include_bytes!("../../../tests/roots/programs/signed/opt/wine/drive_c/Program Files/Maker/ec.exe");
const BOTH: &[u8] =
    include_bytes!("../../../tests/roots/programs/signed/opt/wine/drive_c/Program Files/Maker/both.exe");

fn table(file: &[u8]) -> Vec<u8> {
    Pe::open(Cursor::new(file)).unwrap().unwrap().signatures().unwrap().remove(0)
}

#[test]
fn a_signature_names_its_signer_and_the_digest_of_the_file() {
    let found = signatures(&table(ONE)).unwrap();
    let [signature] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(signature.signer.check, Check::Holds);
    assert_eq!(
        signature.signer.identity.subject.raw(),
        "CN=Maker of Examples ec, O=Maker of Examples\\, Ltd., C=XX"
    );
    assert_eq!(signature.digest.algorithm, Some(Algorithm::Sha256));
    let mut hasher = Algorithm::Sha256.hasher();
    let mut file = Pe::open(Cursor::new(ONE)).unwrap().unwrap();
    file.parts(&mut |part, is_signed| {
        if is_signed {
            hasher.update(part);
        }
    })
    .unwrap();
    assert_eq!(*hasher.finalize(), *signature.digest.bytes);
}

#[test]
fn a_signature_within_another_is_read_and_checked() {
    let found = signatures(&table(BOTH)).unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|s| (s.signer.identity.common_name.as_ref().unwrap().raw(), s.signer.check, s.digest.algorithm))
        .collect();
    assert_eq!(
        told,
        [
            ("Maker of Examples ec", Check::Holds, Some(Algorithm::Sha256)),
            ("Maker of Examples rsa", Check::Holds, Some(Algorithm::Sha384)),
        ]
    );
}

/// Whichever byte is changed, nothing that is signed is taken for what the signer signed.
#[test]
fn no_changed_signature_holds_over_another_digest() {
    let table = table(BOTH);
    let before = signatures(&table).unwrap();
    for at in (0..table.len()).step_by(11) {
        let mut changed = table.clone();
        changed[at] ^= 1;
        for after in signatures(&changed).unwrap_or_default() {
            let known = before.iter().any(|b| b.digest == after.digest);
            assert!(known || after.signer.check != Check::Holds, "byte {at}: {after:?}");
        }
    }
}

#[test]
fn what_is_not_whole_is_a_fault() {
    let table = table(ONE);
    let whole = Elements::of(&table).next().unwrap().whole.len();
    for length in 0..whole {
        assert!(signatures(&table[..length]).is_err(), "{length}");
    }
    assert_eq!(signatures(&table[..whole]).unwrap().len(), 1);
    assert!(Catalogue::parse(&table).is_err());
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(mut bytes: Vec<u8>) {
        bytes.insert(0, SEQUENCE);
        proptest::prop_assert!(signatures(&bytes).is_err() && Catalogue::parse(&bytes).is_err());
    }
}
