use super::*;
use crate::parse::{cms, macho, x509};

/// A program of one page and a bit, signed for a team that does not exist.
const PROGRAM: &[u8] = include_bytes!("signed.macho");

fn signature(program: &[u8]) -> &[u8] {
    let span = macho::signature(program).unwrap().unwrap();
    let from = usize::try_from(span.offset).unwrap();
    &program[from..from + usize::try_from(span.size).unwrap()]
}

fn code<'a>(program: &'a [u8], signature: &CodeSignature<'_>) -> &'a [u8] {
    &program[..usize::try_from(signature.limit()).unwrap()]
}

#[test]
fn a_signature_names_program_team_and_signer() {
    let found = CodeSignature::parse(signature(PROGRAM)).unwrap();
    assert_eq!(found.identifier, Some("com.example.lab".into()));
    assert_eq!((found.team.clone(), found.ad_hoc), (Some("EXAMPLE123".into()), false));
    let signer = cms::signer(found.signed.unwrap()).unwrap();
    let organisation = x509::Names::of(&signer.certificate).unwrap().organisation;
    assert_eq!(organisation, Some("Example Lab".into()));
    assert_eq!(found.is_of(code(PROGRAM, &found)), Some(true));
}

#[test]
fn a_changed_program_is_not_what_was_signed() {
    let mut changed = PROGRAM.to_vec();
    changed[100] ^= 1;
    let found = CodeSignature::parse(signature(&changed)).unwrap();
    assert_eq!(found.is_of(code(&changed, &found)), Some(false));
    assert_eq!(found.is_of(&PROGRAM[..100]), Some(false), "a part of it");
    let other = Pages { digest_type: 4, ..found.pages.clone() };
    assert_eq!(CodeSignature { pages: other, ..found }.is_of(PROGRAM), None, "digests that are not computed");
}

#[test]
fn a_directory_without_pages_of_a_size_is_one_page() {
    let digest = Sha256::digest(b"all of it");
    let pages = Pages { digests: &digest, digest_size: 32, digest_type: 2, size: None, limit: 9 };
    let found = CodeSignature { identifier: None, team: None, ad_hoc: false, signed: None, pages };
    assert_eq!(found.is_of(b"all of it"), Some(true));
}

#[test]
fn what_is_cut_is_damage() {
    let all = signature(PROGRAM);
    for length in [0, 4, 11, 12, 20, 40, 200, 1000] {
        assert!(CodeSignature::parse(&all[..length]).is_err(), "{length}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
        proptest::prop_assert!(CodeSignature::parse(&bytes).is_err());
        let blob = |magic: u32, body: &[u8]| {
            let size = u32::try_from(body.len() + 8).unwrap();
            [&magic.to_be_bytes()[..], &size.to_be_bytes(), body].concat()
        };
        let list = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20];
        let whole = blob(SUPER_BLOB, &[&list[..], &blob(CODE_DIRECTORY, &bytes)].concat());
        if let Ok(found) = CodeSignature::parse(&whole) {
            proptest::prop_assert!(found.signed.is_none());
        }
    }

    #[test]
    fn a_changed_signature_ends_without_a_panic(at in 0_usize..500, byte: u8, length in 0_usize..2000) {
        let mut bytes = signature(PROGRAM).to_vec();
        bytes[at] = byte;
        bytes.truncate(length);
        if let Ok(found) = CodeSignature::parse(&bytes) {
            proptest::prop_assert!(found.is_of(PROGRAM) != Some(true));
            proptest::prop_assert!(found.signed.is_none_or(|signed| signed.len() < bytes.len()));
        }
    }
}
