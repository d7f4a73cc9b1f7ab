use super::*;

const PAGE: usize = 4096;

/// A page of these elements: flags, key and value of a leaf; or, of a branch, key and page.
fn page(number: u64, flags: u16, elements: &[(u32, &[u8], &[u8])]) -> Vec<u8> {
    let mut page = number.to_le_bytes().to_vec();
    page.extend(flags.to_le_bytes());
    page.extend(u16::try_from(elements.len()).unwrap().to_le_bytes());
    page.extend([0; 4]);
    let (mut data, table) = (Vec::<u8>::new(), elements.len() * 16);
    for (n, (flags_of, key, value)) in elements.iter().enumerate() {
        let position = u32::try_from(table - n * 16 + data.len()).unwrap().to_le_bytes();
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        data.extend(*key);
        if flags == LEAF {
            for field in [flags_of.to_le_bytes(), position, length(key), length(value)] {
                page.extend(field);
            }
            data.extend(*value);
        } else {
            page.extend([position, length(key)].concat());
            page.extend(*value);
        }
    }
    page.extend(data);
    page
}

fn meta_page(number: u64, root: u64, transaction: u64) -> Vec<u8> {
    let mut meta = [MAGIC, VERSION, 4096, 0].map(u32::to_le_bytes).concat();
    meta.extend([root, 0, 2, 9, transaction].map(u64::to_le_bytes).concat());
    meta.extend(fnv(&meta).to_le_bytes());
    let mut page = page(number, 4, &[]);
    page.extend(meta);
    page
}

fn file(pages: &[Vec<u8>]) -> Vec<u8> {
    let padded = pages.iter().flat_map(|page| {
        let length = page.len().next_multiple_of(PAGE);
        page.iter().copied().chain(std::iter::repeat(0)).take(length)
    });
    padded.collect()
}

fn bucket_of(root: u64, inline: &[u8]) -> Vec<u8> {
    [&root.to_le_bytes(), &[0; 8], inline].concat()
}

/// Two leaves below a branch, with a bucket of its own page and one within a value.
fn sample() -> Vec<u8> {
    let inline = bucket_of(0, &page(0, LEAF, &[(0, b"digest", b"sha256:aa")]));
    let own = bucket_of(6, &[]);
    file(&[
        meta_page(0, 9, 1),
        meta_page(1, 3, 2),
        page(2, 0x10, &[]),
        page(3, BRANCH, &[(0, b"a", &4_u64.to_le_bytes()), (0, b"m", &5_u64.to_le_bytes())]),
        page(4, LEAF, &[(0, b"a", b"1"), (BUCKET, b"b", &inline)]),
        page(5, LEAF, &[(BUCKET, b"m", &own), (0, b"z", b"")]),
        page(6, LEAF, &[(0, b"k", b"v")]),
    ])
}

#[test]
fn the_trees_below_the_latest_meta_page_are_read() {
    let bytes = sample();
    let (root, damage) = parse(&bytes);
    assert_eq!(damage, None);
    assert_eq!(root.keys().copied().collect::<Vec<_>>(), [b"a", b"b", b"m", b"z"]);
    assert_eq!(value(&root, b"a"), Some(&b"1"[..]));
    assert_eq!(bucket(&root, &[b"b"]).and_then(|b| value(b, b"digest")), Some(&b"sha256:aa"[..]));
    assert_eq!(bucket(&root, &[b"m"]).and_then(|b| value(b, b"k")), Some(&b"v"[..]));
    assert_eq!((bucket(&root, &[b"a"]), value(&root, b"m")), (None, None));
}

#[test]
fn a_damaged_meta_page_leaves_the_other_one() {
    for (broken, root) in [(17, 3), (PAGE + 17, 9)] {
        let mut bytes = sample();
        bytes[broken] ^= 1;
        assert_eq!(meta(&bytes).map(|meta| meta.root), Ok(root));
    }
    let mut bytes = sample();
    bytes[17] ^= 1;
    bytes[PAGE + 20] ^= 1;
    assert_eq!(parse(&bytes).1, Some(Damage::Damaged("it is no bbolt database")));
}

#[test]
fn what_is_cut_or_damaged_is_told_and_the_rest_is_read() {
    let bytes = sample();
    let (root, damage) = parse(&bytes[..6 * PAGE]);
    assert_eq!((root.len(), damage), (4, Some(Damage::Truncated)));
    let (root, damage) = parse(&bytes[..5 * PAGE]);
    assert_eq!((root.len(), damage), (2, Some(Damage::Truncated)));
    assert_eq!(parse(&[]).1, Some(Damage::Truncated));
    assert_eq!(parse(&[0; 100]).1, Some(Damage::Damaged("it is no bbolt database")));
    let mut swapped = sample();
    for page in [0, PAGE] {
        swapped[page + 16..page + 20].reverse();
    }
    assert!(matches!(parse(&swapped).1, Some(Damage::Unsupported(_))));
    let mut beyond = sample();
    beyond[4 * PAGE + 16 + 12] = 0xff;
    beyond[4 * PAGE + 16 + 13] = 0xff;
    let (root, damage) = parse(&beyond);
    assert!(matches!(damage, Some(Damage::Damaged(_))));
    assert!(root.contains_key(&b"z"[..]));
}

#[test]
fn pages_that_lead_in_a_circle_end() {
    let circle = |leads: u64| {
        let bytes = file(&[
            meta_page(0, 3, 1),
            meta_page(1, 3, 2),
            page(2, 0x10, &[]),
            page(3, BRANCH, &[(0, b"a", &leads.to_le_bytes()), (0, b"b", &4_u64.to_le_bytes())]),
            page(4, LEAF, &[(BUCKET, b"own", &bucket_of(3, &[]))]),
        ]);
        parse(&bytes).1
    };
    for leads in [3, 4] {
        assert!(matches!(circle(leads), Some(Damage::Damaged(_))));
    }
    assert_eq!(circle(u64::MAX), Some(Damage::Truncated));
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
        drop(parse(&bytes));
    }

    #[test]
    fn any_change_to_a_database_ends_without_a_panic(changes: Vec<(proptest::sample::Index, u8)>, cut: proptest::sample::Index) {
        let mut bytes = sample();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        drop(parse(&bytes));
        drop(parse(&bytes[..cut.index(bytes.len())]));
    }
}
