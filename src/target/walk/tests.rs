use super::*;
use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};

fn walked(root: &Path, limits: Limits) -> (BTreeSet<String>, Vec<(GapCode, String)>) {
    let files = Files::open(root).unwrap();
    let mut met = BTreeSet::new();
    let left_out = |path: &Path| {
        (path == Path::new("/a/left")).then(|| Gap::new(GapCode::Excluded, Text::from_path(path), "asked"))
    };
    let gaps = files.walk(Path::new("/a"), &limits, &left_out, &mut |m: Met<'_>| {
        met.insert(format!("{} {:?} {}", m.path.display(), m.kind, m.executable));
    });
    (met, gaps.into_iter().map(|gap| (gap.code, gap.place.raw().to_owned())).collect())
}

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for folder in ["a/b/c/d", "a/left", "a/empty"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    for file in ["a/b/run", "a/left/hidden", "a/b/c/d/deep", "a/text"] {
        fs::write(at(file), "").unwrap();
    }
    fs::set_permissions(at("a/b/run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/a", at("a/b/circle")).unwrap();
    root
}

#[test]
fn everything_is_met_once_and_what_is_left_out_is_told() {
    let (met, gaps) = walked(root().path(), Limits::default());
    let wanted = [
        "/a/b Folder false",
        "/a/b/c Folder false",
        "/a/b/c/d Folder false",
        "/a/b/c/d/deep File false",
        "/a/b/circle Link false",
        "/a/b/run File true",
        "/a/empty Folder false",
        "/a/text File false",
    ];
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    assert_eq!(gaps, [(GapCode::Excluded, "/a/left".to_owned())]);
}

#[test]
fn bounds_end_it_and_are_gaps() {
    let root = root();
    let (met, gaps) = walked(root.path(), Limits { depth: 2, ..Limits::default() });
    assert!(!met.iter().any(|m| m.contains("/c/d")), "{met:?}");
    assert!(gaps.contains(&(GapCode::TooMany, "/a/b/c/d".to_owned())), "{gaps:?}");
    let (met, gaps) = walked(root.path(), Limits { entries: 3, ..Limits::default() });
    assert_eq!(met.len(), 3);
    assert!(gaps.iter().any(|(code, _)| *code == GapCode::TooMany), "{gaps:?}");
}

#[test]
fn a_start_that_is_no_folder_is_a_gap_and_one_that_is_not_there_is_none() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(walked(root.path(), Limits::default()), (BTreeSet::new(), Vec::new()));
    fs::write(root.path().join("a"), "").unwrap();
    assert_eq!(walked(root.path(), Limits::default()).1, [(GapCode::Special, "/a".to_owned())]);
}

#[test]
fn what_is_handed_over_in_many_batches_is_met_once_and_its_right_is_its_own() {
    let root = tempfile::tempdir().unwrap();
    let mut wanted = BTreeSet::new();
    for number in 0..3 * BATCH {
        let (folder, is_program) = (number % 7, number % 3 == 0);
        let path = format!("/a/{folder}/{}/{number}", number % 2);
        let full = root.path().join(&path[1..]);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(&full, "").unwrap();
        fs::set_permissions(&full, fs::Permissions::from_mode(if is_program { 0o711 } else { 0o644 }))
            .unwrap();
        wanted.insert(format!("{path} File {is_program}"));
    }
    let (mut met, gaps) = walked(root.path(), Limits::default());
    met.retain(|line| line.contains("File"));
    assert_eq!((met, gaps), (wanted, Vec::new()));
}

#[test]
fn a_walk_whose_visitor_panics_ends() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..=BATCH * (WAITING + 2) {
        fs::create_dir(root.path().join(number.to_string())).unwrap();
    }
    let files = Files::open(root.path()).unwrap();
    let walk = || files.walk(Path::new("/"), &Limits::default(), &|_| None, &mut |_| panic!("looked"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(walk)).is_err());
}
