//! The laws of coverage, held by every source.

use super::*;
use globset::{Glob, GlobSet};

#[test]
fn the_list_is_the_files_in_order() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources");
    // A file that begins a line with a row is a source; the others are what sources share.
    #[allow(clippy::disallowed_methods, reason = "a test looks at the sources of interdict itself")]
    let is_source = |path: &std::path::PathBuf| {
        let text = if path.is_file() { std::fs::read_to_string(path).unwrap() } else { String::new() };
        text.lines().any(|line| line.starts_with("pub(super) const SOURCE: Source"))
    };
    #[allow(clippy::disallowed_methods, reason = "a test looks at the sources of interdict itself")]
    let paths = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let names = paths.filter(is_source).map(|p| p.file_name().unwrap().to_str().unwrap().to_owned());
    let mut files: Vec<_> = names.collect();
    files.sort();
    let listed: Vec<_> = SOURCES.iter().map(|s| format!("{}.rs", s.id)).collect();
    assert_eq!(files, listed);
}

/// Law 1: a source refused every read says failed or skipped, never covered.
#[test]
fn a_refused_source_never_says_covered() {
    let inventory = collect(&Target::refusing(), Depth::Full, &|_| ());
    for row in &inventory.coverage {
        assert!(matches!(row.state, CoverageState::Failed | CoverageState::Skipped), "{row:?}");
    }
    assert!(inventory.is_incomplete());
}

/// Law 1: what is excluded is told as skipped, and is no database that was read.
#[test]
fn an_excluded_source_never_says_covered() {
    let everything = GlobSet::new([Glob::new("**").unwrap()]).unwrap();
    let root = tempfile::tempdir().unwrap();
    let inventory = collect(&Target::dir(root.path(), everything).unwrap(), Depth::Full, &|_| ());
    for row in &inventory.coverage {
        assert_eq!(row.state, CoverageState::Skipped, "{row:?}");
    }
}

/// Law 1: every source has exactly one row, and an empty root is incomplete.
#[test]
fn an_empty_root_is_incomplete() {
    let root = tempfile::tempdir().unwrap();
    let inventory = collect(&Target::dir(root.path(), GlobSet::empty()).unwrap(), Depth::Standard, &|_| ());
    let rows: Vec<_> = inventory.coverage.iter().map(|row| row.source.raw()).collect();
    assert_eq!(rows, SOURCES.iter().map(|s| s.id).collect::<Vec<_>>());
    assert!(inventory.is_incomplete());
}

/// A panic in a source is a failed row, not the end of the run.
#[test]
fn a_panic_is_a_failed_row() {
    let source = Source { collect: |_, _| panic!("on purpose"), ..dpkg::SOURCE };
    let (row, _) = read(&source, &Target::refusing(), Sink::default());
    assert_eq!((row.state, row.gaps.first().map(|g| g.code)), (CoverageState::Failed, Some(GapCode::Fault)));
}
