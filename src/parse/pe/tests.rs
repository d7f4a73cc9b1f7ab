use super::*;
use std::io::Cursor;

/// A file of one section that holds a version resource, with a table of certificates behind it.
fn sample() -> Vec<u8> {
    let mut file = vec![0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| {
        let end = at + bytes.len();
        file.resize(file.len().max(end), 0);
        file[at..end].copy_from_slice(bytes);
    };
    put(0, b"MZ");
    put(24, b"\x40");
    put(60, b"\x80");
    put(0x80, b"PE\0\0\x64\x86\x01\0");
    put(0x94, b"\xf0\0\x22\x20\x0b\x02");
    put(0x98 + 68, b"\x01");
    put(0x98 + 108, b"\x10\0\0\0");
    put(0x98 + 112 + 16, b"\0\x10\0\0\0\x02\0\0");
    put(0x98 + 112 + 32, b"\0\x06\0\0\x20\0\0\0");
    put(0x188, b".rsrc\0\0\0\0\x02\0\0\0\x10\0\0\0\x02\0\0\0\x04\0\0");
    // Three folders of one entry each, the leaf, and the resource.
    for (at, id, to) in [(0x400, 16, 0x8000_0018_u32), (0x418, 1, 0x8000_0030), (0x430, 0x409, 0x48)] {
        put(at + 14, b"\x01");
        put(at + 16, &u32::to_le_bytes(id));
        put(at + 20, &to.to_le_bytes());
    }
    let key = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    put(0x448, b"\x60\x10\0\0\x80\0\0\0");
    put(0x466, &key("VS_VERSION_INFO\0\0"));
    put(0x490, &key("CompanyName\0Maker\0"));
    put(0x600, b"\x1c\0\0\0\0\x02\x02\0signature of twenty b\0\0\0");
    file
}

fn open(bytes: &[u8]) -> Result<Option<Pe<Cursor<&[u8]>>>, Fault> {
    Pe::open(Cursor::new(bytes))
}

/// All that can be asked of a file.
fn ask(bytes: &[u8]) -> Result<(Option<Version>, Vec<Vec<u8>>), Fault> {
    let Some(mut pe) = open(bytes)? else { return Ok((None, Vec::new())) };
    let mut shown = 0;
    pe.parts(&mut |part, _| shown += part.len())?;
    assert_eq!(shown, bytes.len());
    Ok((pe.version()?, pe.signatures()?))
}

#[test]
fn a_file_tells_what_it_is() {
    let file = sample();
    let pe = open(&file).unwrap().unwrap();
    assert_eq!((pe.machine, pe.is_library, pe.is_native), (0x8664, true, true));
    let (version, signatures) = ask(&file).unwrap();
    assert_eq!(version.unwrap().company.unwrap().raw(), "Maker");
    assert_eq!(signatures, [b"signature of twenty "]);
}

#[test]
fn what_is_signed_is_all_but_the_checksum_and_the_signatures() {
    let file = sample();
    let (mut signed, mut other) = (Vec::new(), Vec::new());
    let mut pe = open(&file).unwrap().unwrap();
    pe.parts(&mut |part, is_signed| if is_signed { &mut signed } else { &mut other }.extend_from_slice(part))
        .unwrap();
    let certificates = 0x98 + 112 + 32;
    assert_eq!(signed, [&file[..0xd8], &file[0xdc..certificates], &file[certificates + 8..0x600]].concat());
    assert_eq!(other.len(), 4 + 8 + 0x20);
}

#[test]
fn programs_of_dos_are_none_and_cut_ones_are_faults() {
    let file = sample();
    let mut dos = file.clone();
    dos[24] = 0x1c;
    assert!(matches!(open(&dos[..0x80]), Ok(None)));
    let mut old = file.clone();
    old[0x80..0x82].copy_from_slice(b"NE");
    assert!(matches!(open(&old), Ok(None)));
    assert!(matches!(open(&file[..63]), Ok(None)));
    for length in [64, 0x80, 0x97, 0x98, 0x100, 0x160, 0x190, 0x400, 0x417, 0x430, 0x490, 0x600, 0x61b] {
        assert!(matches!(ask(&file[..length]), Err(Fault::Cut(_))), "{length:x}");
    }
    assert!(matches!(open(&[0; 64]), Err(Fault::Damaged(_))));
}

#[test]
fn what_leads_out_of_it_is_damage() {
    for (at, byte) in [(0x98, 9), (0x98 + 112 + 18, 9), (0x44a, 9), (0x466, 9), (0x600, 3), (0x601, 1)] {
        let mut file = sample();
        file[at] = byte;
        assert!(matches!(ask(&file), Err(Fault::Damaged(_))), "{at:x}");
    }
    let mut large = sample();
    large[0x44f] = 1;
    assert!(matches!(ask(&large), Err(Fault::TooLarge(_))));
    // Memory that the file does not fill holds nothing.
    let mut zeros = sample();
    zeros[0x188 + 17] = 0;
    assert_eq!(ask(&zeros).unwrap().0, None);
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(mut bytes: Vec<u8>) {
        bytes.splice(..0, *b"MZ");
        proptest::prop_assert!(!matches!(ask(&bytes), Ok((Some(_), _))));
    }

    #[test]
    fn a_changed_file_ends_without_a_panic(at in 0_usize..0x61c, byte: u8, length in 0_usize..0x61c) {
        let mut file = sample();
        file[at] = byte;
        file.truncate(length);
        if let Ok((_, signatures)) = ask(&file) {
            proptest::prop_assert!(signatures.len() < 2);
        }
    }
}
