use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// Images of squashfs in gzip, in xz and in zstd.
const SAMPLES: &[&[u8]] = &[
    include_bytes!("../../../tests/roots/appimage/present/home/ann/Applications/renamed.AppImage"),
    include_bytes!("../../../tests/roots/appimage/present/opt/v/old.AppImage"),
    include_bytes!("../../../tests/roots/appimage/present/opt/v/Kt-1.2.3-x86_64.AppImage"),
];
/// The entry in [`iso`].
const ENTRY: &[u8] = b"[Desktop Entry]\nName=K\n";

fn read(bytes: &[u8]) -> (AppImage, Result<(), Error>) {
    let mut image = AppImage::default();
    let result = image.read(Cursor::new(bytes));
    (image, result)
}

/// A record of a folder (ECMA-119, 9.1), with fields behind its name.
fn record(block: u32, size: u32, flags: u8, name: &[u8], fields: &[u8]) -> Vec<u8> {
    let mut record = vec![0; 33];
    record[2..6].copy_from_slice(&block.to_le_bytes());
    record[10..14].copy_from_slice(&size.to_le_bytes());
    record[25] = flags;
    record[32] = u8::try_from(name.len()).unwrap();
    record.extend(name);
    record.resize(record.len().next_multiple_of(2), 0);
    record.extend(fields);
    record[0] = u8::try_from(record.len()).unwrap();
    record
}

/// A field of the System Use Sharing Protocol.
fn field(name: [u8; 2], data: &[u8]) -> Vec<u8> {
    let len = u8::try_from(data.len() + 4).unwrap();
    [&name, [len, 1].as_slice(), data].concat()
}

/// An image of type 1: the root with a link `k.desktop` to `d/../d/e`, a name that is cut and goes on,
/// of a file that is compressed and whose own name stands elsewhere.
fn iso() -> Vec<u8> {
    let mut packed = [b"\x37\xe4\x53\x96\xc9\xdb\xd6\x07".as_slice(), &[23, 0, 0, 0, 4, 15, 0, 0]].concat();
    let mut deflated = Vec::new();
    flate2::read::ZlibEncoder::new(ENTRY, flate2::Compression::best()).read_to_end(&mut deflated).unwrap();
    let end = u32::try_from(24 + deflated.len()).unwrap();
    packed.extend([24_u32.to_le_bytes(), end.to_le_bytes()].concat());
    packed.extend(deflated);
    let size = u32::try_from(packed.len()).unwrap();

    let both = |number: u32| [number.to_le_bytes(), number.to_be_bytes()].concat();
    let link =
        [field(*b"NM", b"\0k.desktop"), field(*b"SL", b"\0\0\x01d\x04\0\x01\x01d\0\0\0\x01e")].concat();
    let elsewhere = field(*b"CE", &[both(20), both(0), both(6)].concat());
    let zf = field(*b"ZF", &[b"pz\x04\x0f".as_slice(), &both(23)].concat());
    let root = [
        record(18, 2048, 2, b"\0", &field(*b"SP", b"\xbe\xef\0")),
        record(18, 2048, 2, b"\x01", b""),
        record(19, 2048, 2, b"D", &field(*b"NM", b"\0d")),
        record(0, 0, 0, b"K.DES;1", &link),
    ];
    let folder = [
        record(19, 2048, 2, b"\0", b""),
        record(18, 2048, 2, b"\x01", b""),
        record(21, size, 0, b"E.;1", &[zf, elsewhere].concat()),
    ];
    let mut volume = vec![0; 156];
    volume[..7].copy_from_slice(b"\x01CD001\x01");
    volume[128..130].copy_from_slice(&2048_u16.to_le_bytes());
    volume.extend(record(18, 2048, 2, b"\0", b""));

    let mut image = b"\x7fELF\x02\x01\x01\0AI\x01".to_vec();
    let sectors =
        [(16, volume), (18, root.concat()), (19, folder.concat()), (20, field(*b"NM", b"\0e")), (21, packed)];
    for (sector, bytes) in sectors {
        image.resize(sector * 2048, 0);
        image.extend(bytes);
    }
    image.resize(22 * 2048, 0);
    image
}

#[test]
fn an_image_of_squashfs_tells_its_entry_and_the_metainfo_of_that_name() {
    for (sample, name, metainfo) in [
        (SAMPLES[0], "org.vendor.Tool.desktop", Some("org.vendor.Tool.metainfo.xml")),
        (SAMPLES[1], "old.desktop", Some("vendor.appdata.xml")),
        (SAMPLES[2], "k.desktop", None),
    ] {
        let (image, result) = read(sample);
        result.unwrap();
        let entry = image.entry.unwrap();
        assert_eq!(entry.name, name.as_bytes());
        assert!(entry.bytes.starts_with(b"[Desktop Entry]\n") && entry.bytes.ends_with(b"\n"));
        assert_eq!(image.metainfo.map(|part| part.name), metainfo.map(|name| name.as_bytes().to_vec()));
    }
}

#[test]
fn an_image_of_iso_9660_tells_its_entry_through_links_and_compression() {
    let (image, result) = read(&iso());
    result.unwrap();
    assert_eq!(image.entry, Some(Part { name: b"k.desktop".to_vec(), bytes: ENTRY.to_vec() }));
}

#[test]
fn an_image_begins_behind_the_last_section_if_that_is_behind_the_headers() {
    let mut image = SAMPLES[2].to_vec();
    let squashfs = image.split_off(64);
    // One header of 64 bytes, at 64, of a section of 32 bytes at 128.
    image[0x28..0x30].copy_from_slice(&64_u64.to_le_bytes());
    image[0x3a..0x3e].copy_from_slice(&[64, 0, 1, 0]);
    image.resize(64 + 64 + 32, 0);
    image[64 + 0x18..64 + 0x28].copy_from_slice(&[128_u64.to_le_bytes(), 32_u64.to_le_bytes()].concat());
    image.extend(squashfs);
    assert!(read(&image).0.entry.is_some());
}

#[test]
fn what_cannot_run_is_no_image() {
    for bytes in [&b""[..], b"\x7fELF", &[0; 64], &SAMPLES[0][..64], &SAMPLES[0][..200], &iso()[..40000]] {
        let (image, result) = read(bytes);
        assert_eq!(image, AppImage::default());
        assert!(matches!(result, Err(Error::NoImage(_) | Error::Damaged(_))), "{result:?}");
    }
}

#[test]
fn no_more_than_a_bound_is_read() {
    let mut from = Bounded { from: Cursor::new([1, 2, 3]), left: 2 * COST + 4 };
    assert_eq!(from.bytes(1, 2).unwrap(), [2, 3]);
    assert!(matches!(from.bytes(2, 2), Err(Error::Damaged(_))));
    assert!(matches!(from.bytes(0, 1), Err(Error::Large(_))));
}

#[test]
fn every_cut_is_told() {
    for sample in SAMPLES {
        for end in 0..sample.len() {
            assert!(matches!(read(&sample[..end]).1, Err(Error::NoImage(_))), "{end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_end_without_a_panic(kind in 0..4_u8, bytes: Vec<u8>) {
        let start = [b"\x7fELF\x02\x01\x01\0AI".as_slice(), &[kind]].concat();
        drop(read(&[start, bytes].concat()));
    }

    #[test]
    fn any_change_ends_without_a_panic(
        which in 0..SAMPLES.len() + 1,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = SAMPLES.get(which).map_or_else(iso, |sample| sample.to_vec());
        // In an image of ISO 9660 nearly all is empty.
        let start = if which == SAMPLES.len() { 16 * 2048 } else { 0 };
        for (at, to) in changes {
            let at = start + at.index(bytes.len() - start);
            bytes[at] = to;
        }
        drop(read(&bytes));
    }

    #[test]
    fn any_change_behind_the_compression_ends_without_a_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = PLAIN.to_vec();
        for (at, to) in changes {
            let at = 64 + at.index(bytes.len() - 64);
            bytes[at] = to;
        }
        drop(read(&bytes));
    }
}

/// An image of squashfs of which nothing is compressed.
const PLAIN: &[u8] = include_bytes!("../../../tests/roots/appimage/present/srv/plain.AppImage");
