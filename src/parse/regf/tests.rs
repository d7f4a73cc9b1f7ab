use super::*;
use proptest::prelude::*;

/// A hive with uninstall keys in two views, which hivex wrote.
pub(super) const SAMPLE: &[u8] =
    include_bytes!("../../../tests/roots/uninstall/machine/Windows/System32/config/SOFTWARE");
const UNINSTALL: &[&str] = &["Microsoft", "Windows", "CurrentVersion", "Uninstall"];

/// Puts the bytes of every name and value below a key together, and all damage.
fn below(hive: &Hive, node: &Node, depth: usize, seen: &mut usize, damage: &mut Vec<Damage>) {
    assert!(depth < 1000, "keys are no tree");
    let (values, met) = hive.values(node);
    damage.extend(met);
    *seen += 1 + values.len();
    let (keys, met) = hive.keys(node);
    damage.extend(met);
    for key in &keys {
        below(hive, key, depth + 1, seen, damage);
    }
}

/// How many keys and values there are, and all damage; nothing, if it is no hive.
fn walk(bytes: &[u8]) -> Option<(usize, Vec<Damage>)> {
    let (hive, damage) = parse(bytes.to_vec(), &[]).ok()?;
    let (mut seen, mut all) = (0, damage.into_iter().collect());
    match hive.root() {
        Ok(root) => below(&hive, &root, 0, &mut seen, &mut all),
        Err(damage) => all.push(damage),
    }
    Some((seen, all))
}

/// A key of the sample.
fn key(hive: &Hive, path: &[&str]) -> Node {
    path.iter().fold(hive.root().unwrap(), |node, name| {
        hive.keys(&node).0.into_iter().find(|key| same(key.name.raw(), name)).unwrap()
    })
}

#[test]
fn keys_and_values_are_read() {
    let (hive, damage) = parse(SAMPLE.to_vec(), &[]).unwrap();
    assert_eq!(damage, None);
    let list = key(&hive, UNINSTALL);
    let names: Vec<_> = hive.keys(&list).0.into_iter().map(|key| key.name.raw().to_owned()).collect();
    assert_eq!(names.len(), 9);
    assert!(names.contains(&"{23170F69-40C1-2702-1900-000001000000}".to_owned()));
    let zip = key(&hive, &[UNINSTALL, &["{23170f69-40c1-2702-1900-000001000000}"]].concat());
    assert_eq!(hive.values(&zip).0.len(), 8);
    assert_eq!(hive.value(&zip, "publisher"), Ok(Some(Value::Text("Igor Pavlov".into()))));
    assert_eq!(hive.value(&zip, "Nothing"), Ok(None));
}

#[test]
fn a_cut_at_any_length_is_told() {
    let whole = walk(SAMPLE).unwrap();
    assert_eq!(whole.1, []);
    for length in 0..SAMPLE.len() {
        if let Some((seen, damage)) = walk(&SAMPLE[..length]) {
            assert!(seen <= whole.0 && !damage.is_empty(), "{length}");
        }
    }
}

/// A list of keys that names a key above it.
#[test]
fn keys_in_a_circle_end() {
    let (hive, _) = parse(SAMPLE.to_vec(), &[]).unwrap();
    let (root, list) = (hive.root().unwrap(), key(&hive, UNINSTALL));
    let mut bytes = SAMPLE.to_vec();
    let first = BASE + usize::try_from(list.keys.1).unwrap() + 8;
    bytes[first..first + 4].copy_from_slice(&root.at.to_le_bytes());
    let (_, damage) = walk(&bytes).unwrap();
    assert_eq!(damage, [Damage::Damaged("a key belongs to another than the one that lists it")]);
}

#[test]
fn what_is_no_hive_or_of_another_version_is_told() {
    assert_eq!(parse(b"MZ".repeat(4096), &[]).map(|_| ()), Err(Damage::Damaged("it is no registry hive")));
    assert_eq!(parse(b"regf".to_vec(), &[]).map(|_| ()), Err(Damage::Truncated));
    let mut bytes = SAMPLE.to_vec();
    bytes[24] = 7;
    let sum = bytes[..508].chunks(4).fold(0, |sum, w| sum ^ u32_at(w, 0).unwrap());
    bytes[508..512].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(parse(bytes, &[]).map(|_| ()), Err(Damage::Unsupported));
}

#[test]
fn values_are_what_their_type_says() {
    let of = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let texts = |texts: &[&str]| Value::Texts(texts.iter().map(|text| Text::from(*text)).collect());
    assert_eq!(Value::of(1, &of("K\0rest")), Value::Text("K".into()));
    assert_eq!(Value::of(2, &of("%X%")), Value::Text("%X%".into()));
    assert_eq!(Value::of(7, &of("a\0\0b\0")), texts(&["a", "b"]));
    assert_eq!(Value::of(7, &of("a")), texts(&["a"]));
    assert_eq!(Value::of(4, &[1, 0, 0, 0]), Value::Integer(1));
    assert_eq!(Value::of(5, &[0, 0, 0, 1]), Value::Integer(1));
    assert_eq!(Value::of(11, &[1, 0, 0, 0, 0, 0, 0, 0]), Value::Integer(1));
    assert_eq!(Value::of(4, &[1]), Value::Bytes(vec![1]));
    // Half of a surrogate pair comes back as the bytes that it has in no UTF-8.
    assert_eq!(Value::of(1, &[0x00, 0xd8]), Value::Text("\\xed\\xa0\\x80".into()));
    assert_eq!(latin(b"caf\xe9").raw(), "café");
    assert_eq!(Value::Texts(vec!["a".into(), "b".into()]).text(), Some("a b".into()));
    assert_eq!(Value::Text(" ".into()).text(), None);
    assert_eq!(Value::Text(" 1".into()).integer(), Some(1));
}

#[test]
fn names_differ_not_by_case() {
    assert!(same("ÄB", "äb") && same("Run", "RUN"));
    assert!(!same("Run", "RunOnce"));
}

proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(bytes: Vec<u8>, log: Vec<u8>) {
        walk(&bytes);
        walk(&[b"regf", bytes.as_slice()].concat());
        drop(parse(bytes, &[log]));
    }

    #[test]
    fn a_changed_hive_ends(changes in prop::collection::vec((0..SAMPLE.len(), any::<u8>()), 1..20)) {
        let mut bytes = SAMPLE.to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Some((seen, _)) = walk(&bytes) {
            prop_assert!(seen < SAMPLE.len());
        }
    }

    #[test]
    fn any_value_ends_without_a_panic(kind in 0u32..13, data: Vec<u8>) {
        let value = Value::of(kind, &data);
        drop((value.text(), value.integer()));
    }
}
