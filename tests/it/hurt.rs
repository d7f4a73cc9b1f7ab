//! Every little root of every source, hurt (law 4): files cut, flipped, moved and zeroed, and made pipes, folders and links
//! out of the root. Nothing panics, hangs or shows what is outside, whichever format it hurts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::hostile::{Random, mutate, sound};
use crate::lab::{Root, judged_root, written};
use crate::roots::{lay, names, roots};

/// Times a case is hurt.
const ROUNDS: usize = 3;
/// What stands outside of every root and may never be shown.
const CANARY: &str = "canary-of-the-outside";

/// The regular files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(folder) {
        let path = folder.join(name);
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            found.extend(files(&path));
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found
}

/// Hurts one file of a root.
fn hurt(random: &mut Random, root: &Root, outside: &Path, file: &Path) {
    let bytes = fs::read(file).unwrap();
    let inside = file.strip_prefix(root.0.path()).unwrap().to_str().unwrap().to_owned();
    match random.below(12) {
        0 => {
            fs::remove_file(file).unwrap();
            root.fifo(&inside);
        }
        1 => {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }
        2 => {
            fs::remove_file(file).unwrap();
            root.link(&inside, outside);
        }
        3 => fs::write(file, b"").unwrap(),
        _ => fs::write(file, mutate(random, &bytes)).unwrap(),
    }
}

#[test]
fn no_hurt_root_of_any_source_panics_hangs_or_leaks() {
    let outside = Root::new();
    outside.write("canary", CANARY);
    let outside = outside.at("canary");
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let started = Instant::now();
    let mut rounds = 0;
    for source in names(&roots()) {
        for case in names(&roots().join(&source)).iter().filter_map(|name| name.strip_suffix(".json")) {
            for round in 0..ROUNDS {
                let root = lay(&source, case);
                let files = files(root.0.path());
                let Some(file) = files.get(random.below(files.len())) else { continue };
                hurt(&mut random, &root, &outside, file);
                let what = format!("{source}/{case}, round {round}, {}", file.display());
                let began = Instant::now();
                let report = judged_root(root.0.path());
                assert!(began.elapsed() < Duration::from_secs(20), "{what}");
                sound(&report, &what);
                let shown = written(&report, 80)
                    .into_iter()
                    .any(|(_, bytes)| String::from_utf8_lossy(&bytes).contains(CANARY));
                assert!(!shown, "{what} shows what is outside");
                rounds += 1;
            }
        }
    }
    eprintln!("{rounds} hurt roots in {:.1?}", started.elapsed());
}
