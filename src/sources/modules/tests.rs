#![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
use super::*;
use std::collections::BTreeMap;
use std::fs;

/// A root of a case of the integration tests.
fn case(name: &str) -> Target {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roots/modules").join(name);
    Target::dir(&root, globset::GlobSet::empty()).unwrap()
}

/// What is told of a root whose kernel runs and has loaded modules, each with its taints and what it was built from.
fn told(target: &Target, loaded: &[(&str, &str, &str)]) -> Vec<String> {
    let module = |(name, taints, built_from): &(&str, &str, &str)| {
        let loaded = Loaded {
            place: "/proc/modules".into(),
            name: (*name).into(),
            taints: taints.as_bytes().to_vec(),
            version: Some("9".into()),
            built_from: (!built_from.is_empty()).then(|| built_from.as_bytes().to_vec()),
        };
        (name.as_bytes().to_vec(), loaded)
    };
    let modules: BTreeMap<_, _> = loaded.iter().map(module).collect();
    let mut sink = Sink::default();
    gather(target, &mut sink, Kernel { release: Some(b"6.1.0-9-amd64".to_vec()), modules });
    let line = |item: &Item| {
        let version = item.version.as_ref().map_or("-", Text::raw);
        format!("{} {version} {} {}", item.name, item.state.word(), item.place)
    };
    let mut lines: Vec<String> = sink.items.iter().map(line).collect();
    lines.sort();
    lines
}

const FOLDER: &str = "/lib/modules/6.1.0-9-amd64";

#[test]
fn a_loaded_module_is_told_by_its_file_or_else_alone() {
    let wanted = [
        format!("ext4 9 running {FOLDER}/kernel/fs/ext4.ko"),
        "kl_hidden 9 running /proc/modules".to_owned(),
        format!("linux 6.1.0-9-amd64 running {FOLDER}/modules.order"),
    ];
    assert_eq!(told(&case("kernel"), &[("ext4", "", ""), ("kl_hidden", "OE", "")]), wanted);
}

#[test]
fn a_loaded_module_says_its_own_version() {
    let lines = told(&case("added"), &[("kl_mon", "OE", ""), ("klx", "", "")]);
    assert!(lines.contains(&format!("kl_mon 2.1 running {FOLDER}/updates/kl-mon.ko")), "{lines:?}");
    assert!(lines.contains(&format!("klx 9 running {FOLDER}/kernel/drivers/klx.ko.xz")), "{lines:?}");
    assert!(lines.contains(&format!("klg - installed {FOLDER}/extra/klg.ko.gz")), "{lines:?}");
}

#[test]
fn modules_of_a_kernel_that_does_not_run_are_not_what_is_loaded() {
    let mut sink = Sink::default();
    let loaded = Loaded { place: "/proc/modules".into(), name: "ext4".into(), ..Loaded::default() };
    let modules = [(b"ext4".to_vec(), loaded)].into();
    gather(&case("kernel"), &mut sink, Kernel { release: Some(b"6.1.0-10-amd64".to_vec()), modules });
    let states: Vec<_> = sink.items.iter().map(|i| (i.name.raw(), i.state, i.place.raw())).collect();
    let order = "/lib/modules/6.1.0-9-amd64/modules.order";
    let wanted = [("linux", State::Installed, order), ("ext4", State::Running, "/proc/modules")];
    assert_eq!(states, wanted);
}

/// A root with a module, of what was built from `A`, in the place of one of the kernel's.
fn exchanged() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("lib/modules/6.1.0-9-amd64");
    fs::create_dir_all(folder.join("kernel/fs")).unwrap();
    fs::write(folder.join("modules.order"), "kernel/fs/ext4.ko\n").unwrap();
    fs::write(folder.join("modules.dep"), "kernel/fs/ext4.ko:\n").unwrap();
    let module = crate::parse::modinfo::tests::elf(
        true,
        true,
        b".modinfo",
        b"author=K Lab\0srcversion=A\0name=ext4\0",
    );
    fs::write(folder.join("kernel/fs/ext4.ko"), module).unwrap();
    root
}

#[test]
fn what_the_kernel_calls_foreign_is_read_though_it_has_the_name_of_its_own() {
    let root = exchanged();
    let target = Target::dir(root.path(), globset::GlobSet::empty()).unwrap();
    let ext4 = format!("{FOLDER}/kernel/fs/ext4.ko");
    let linux = format!("linux 6.1.0-9-amd64 running {FOLDER}/modules.order");
    assert_eq!(told(&target, &[("ext4", "O", "A")]), [format!("ext4 9 running {ext4}"), linux.clone()]);
    // The file is not what is loaded.
    let wanted =
        [format!("ext4 - installed {ext4}"), "ext4 9 running /proc/modules".to_owned(), linux.clone()];
    assert_eq!(told(&target, &[("ext4", "O", "B")]), wanted);
    // What is not loaded, or said to be the kernel's, goes by the list.
    assert_eq!(told(&target, &[]), std::slice::from_ref(&linux));
    assert_eq!(told(&target, &[("ext4", "", "B")]), [format!("ext4 9 running {ext4}"), linux]);
}

#[test]
fn who_made_a_module() {
    let of = |says: &[u8]| {
        let elf = crate::parse::modinfo::tests::elf(true, true, b".modinfo", says);
        file::publisher([&crate::parse::modinfo::ModInfo::parse(&elf).unwrap()]).map(|p| p.raw().to_owned())
    };
    assert_eq!(of(b"author=Ann <a@k.example>\0author=K Lab\0author=K Lab \0").as_deref(), Some("K Lab"));
    assert_eq!(of(b"author=Ann <a@x>\0author=Bo <b@x>\0").as_deref(), Some("Ann <a@x>, Bo <b@x>"));
    assert_eq!(of(b"author=\0"), None);
}

/// What a live machine says of itself is read, or told as unknown.
#[test]
fn a_live_kernel_is_asked() {
    let target = Target::live(globset::GlobSet::empty()).unwrap();
    let mut sink = Sink::default();
    let kernel = loaded::read(&target, &mut sink);
    if cfg!(target_os = "linux") {
        let there = matches!(target.entry(Path::new("/proc/modules")), Ok(Some(_)));
        assert!(kernel.release.is_some() && there == sink.gaps.is_empty());
    }
    let mut sink = Sink::default();
    loaded::read(&Target::refusing(), &mut sink);
    assert!(sink.gaps.iter().any(|gap| gap.blocks));
}
