#![cfg(unix)]

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// Two layers and a file outside them.
struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        for layer in ["up", "low"] {
            fs::create_dir_all(lab.at(layer).join("etc")).unwrap();
        }
        lab.write("canary", "outside");
        lab
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    fn layers(&self, marks: Marks) -> Layers {
        Layers::new(["up", "low"].map(|layer| Files::open(&self.at(layer)).unwrap()).into(), marks)
    }

    fn read(&self, marks: Marks, path: &str) -> Result<Option<String>, GapCode> {
        let file = self.layers(marks).file(Path::new(path)).map_err(|gap| gap.code)?;
        Ok(file.map(|f| io::read_to_string(f).unwrap()))
    }

    fn names(&self, marks: Marks, path: &str) -> Vec<String> {
        let entries = self.layers(marks).list(Path::new(path), 99).unwrap().unwrap();
        entries.into_iter().map(|e| e.name.into_string().unwrap()).collect()
    }

    fn mark(&self, path: &str, name: &str, value: &[u8]) {
        rustix::fs::setxattr(self.at(path), name, value, rustix::fs::XattrFlags::empty()).unwrap();
    }
}

#[allow(clippy::unnecessary_wraps, reason = "it is what reading gives")]
fn text(text: &str) -> Result<Option<String>, GapCode> {
    Ok(Some(text.to_owned()))
}

#[test]
fn the_upper_layer_comes_first_and_folders_are_merged() {
    let lab = Lab::new();
    for (path, says) in
        [("up/etc/both", "up"), ("low/etc/both", "low"), ("low/etc/low", "low"), ("up/a/b/up", "up")]
    {
        lab.write(path, says);
    }
    lab.write("low/a/b/low", "low");
    lab.write("low/file", "low");
    lab.write("up/file/within", "up");
    lab.write("low/folder/within", "low");
    lab.write("up/folder", "up");
    let read = |path: &str| lab.read(Marks::Root, path);
    assert_eq!(
        (read("/etc/both"), read("/etc/low"), read("/a/b/low")),
        (text("up"), text("low"), text("low"))
    );
    assert_eq!(lab.names(Marks::Root, "/etc"), ["both", "low"]);
    assert_eq!(lab.names(Marks::Root, "/a/b"), ["low", "up"]);
    assert_eq!((read("/file/within"), read("/folder")), (text("up"), text("up")));
    assert_eq!(read("/folder/within"), Err(GapCode::Special));
    assert_eq!(read("/none"), Ok(None));
}

#[test]
fn links_lead_through_the_whole_stack_and_never_out_of_it() {
    let lab = Lab::new();
    lab.write("low/etc/low", "low");
    for (says, name) in
        [("/etc/low", "absolute"), ("../../../etc/low", "dots"), ("../canary", "leak"), ("/", "self")]
    {
        symlink(says, lab.at("up").join(name)).unwrap();
    }
    symlink(lab.at("canary"), lab.at("up/canary")).unwrap();
    symlink("circle", lab.at("low/circle")).unwrap();
    let read = |path: &str| lab.read(Marks::Root, path);
    assert_eq!(
        (read("/absolute"), read("/dots"), read("/self/self/etc/low")),
        (text("low"), text("low"), text("low"))
    );
    assert_eq!((read("/leak"), read("/canary")), (Err(GapCode::Dangling), Err(GapCode::Dangling)));
    assert_eq!(read("/circle"), Err(GapCode::LinkLoop));
    let layers = lab.layers(Marks::Root);
    assert_eq!(layers.resolved(Path::new("/self/dots")).unwrap(), Some(PathBuf::from("/etc/low")));
    assert_eq!(layers.entry(Path::new("/dots")).unwrap(), Some(EntryKind::Link));
    assert_eq!(layers.link(Path::new("/dots")).unwrap(), Path::new("../../../etc/low"));
}

#[test]
fn names_hide_where_the_store_is_marked_so_and_nowhere_else() {
    let lab = Lab::new();
    for path in ["low/etc/gone", "low/etc/kept", "low/opq/low", "low/dir/low", "up/opq/up", "up/dir/up"] {
        lab.write(path, "");
    }
    for path in ["up/etc/.wh.gone", "up/opq/.wh..wh..opq", "up/.wh.dir"] {
        lab.write(path, "");
    }
    let found = |marks, path| lab.read(marks, path).map(|file| file.is_some());
    for path in ["/etc/gone", "/opq/low", "/dir/low"] {
        assert_eq!((found(Marks::Any, path), found(Marks::Root, path)), (Ok(false), Ok(true)), "{path}");
    }
    for path in ["/etc/kept", "/opq/up", "/dir/up"] {
        assert_eq!(found(Marks::Any, path), Ok(true), "{path}");
    }
    assert_eq!(lab.names(Marks::Any, "/"), ["dir", "etc", "opq"]);
    assert_eq!(lab.names(Marks::Any, "/etc"), ["kept"]);
    assert_eq!(lab.names(Marks::Any, "/opq"), ["up"]);
    assert_eq!(lab.names(Marks::Root, "/etc"), [".wh.gone", "gone", "kept"]);
}

/// A container could else hide what is in its image.
#[test]
#[cfg(target_os = "linux")]
fn attributes_that_users_can_set_count_only_in_a_store_of_a_user() {
    let lab = Lab::new();
    for path in ["low/opq/low", "up/opq/up", "low/etc/gone"] {
        lab.write(path, "x");
    }
    lab.write("up/etc/gone", "");
    lab.mark("up/opq", "user.overlay.opaque", b"y");
    lab.mark("up/etc/gone", "user.overlay.whiteout", b"");
    lab.mark("up/etc", "user.overlay.opaque", b"x");
    assert_eq!((lab.read(Marks::Root, "/opq/low"), lab.read(Marks::User, "/opq/low")), (text("x"), Ok(None)));
    assert_eq!(
        (lab.read(Marks::Root, "/etc/gone"), lab.read(Marks::User, "/etc/gone")),
        (text(""), Ok(None))
    );
    assert_eq!(lab.names(Marks::User, "/opq"), ["up"]);
    assert_eq!(lab.names(Marks::User, "/etc"), Vec::<String>::new());
}

#[test]
#[cfg(target_os = "linux")]
fn what_was_renamed_is_a_gap_and_a_file_of_which_only_the_rights_changed_is_read_below() {
    let lab = Lab::new();
    for path in ["low/old/x", "up/new/y", "low/etc/rights", "low/etc/moved"] {
        lab.write(path, "low");
    }
    for path in ["up/etc/rights", "up/etc/moved"] {
        lab.write(path, "\0\0\0");
        lab.mark(path, "user.overlay.metacopy", b"");
    }
    lab.mark("up/etc/moved", "user.overlay.redirect", b"/etc/before");
    lab.mark("up/new", "user.overlay.redirect", b"/a/name/that/is/long");
    assert_eq!(lab.read(Marks::User, "/new/x"), Err(GapCode::Unsupported));
    assert_eq!(lab.layers(Marks::User).list(Path::new("/new"), 9).unwrap_err().code, GapCode::Unsupported);
    assert_eq!(lab.read(Marks::User, "/etc/rights"), text("low"));
    assert_eq!(lab.read(Marks::User, "/etc/moved"), Err(GapCode::Unsupported));
}

#[test]
#[cfg(target_os = "linux")]
fn a_device_0_0_hides_what_is_below() {
    let lab = Lab::new();
    lab.write("low/etc/gone", "");
    lab.write("low/dir/low", "");
    let device = |path: &str| {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            lab.at(path),
            rustix::fs::FileType::CharacterDevice,
            rustix::fs::Mode::empty(),
            0,
        )
    };
    // Users may make this one device since Linux 5.8.
    if device("up/etc/gone").and(device("up/dir")).is_err() {
        return;
    }
    assert_eq!((lab.read(Marks::Root, "/etc/gone"), lab.read(Marks::Root, "/dir/low")), (Ok(None), Ok(None)));
    assert_eq!(lab.names(Marks::Root, "/"), ["etc"]);
    assert_eq!(lab.names(Marks::Root, "/etc"), Vec::<String>::new());
}

#[test]
fn a_walk_meets_everything_once_within_its_bounds() {
    let lab = Lab::new();
    for path in ["up/opt/a/run", "low/opt/a/run", "low/opt/a/other", "low/opt/left/x"] {
        lab.write(path, "");
    }
    fs::set_permissions(lab.at("up/opt/a/run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/", lab.at("low/opt/a/circle")).unwrap();
    let walked = |limits: Limits| {
        let mut met = BTreeSet::new();
        let leave_out = |path: &Path| {
            (path.ends_with("left")).then(|| Gap::new(GapCode::Excluded, Text::from_path(path), "asked"))
        };
        let gaps = lab.layers(Marks::Root).walk(Path::new("/opt"), &limits, &leave_out, &mut |m: Met<'_>| {
            assert!(met.insert(format!("{} {:?} {}", m.path.display(), m.kind, m.executable)));
        });
        (met, gaps.into_iter().map(|gap| (gap.code, gap.place.raw().to_owned())).collect::<Vec<_>>())
    };
    let (met, gaps) = walked(Limits::default());
    let wanted = [
        "/opt/a Folder false",
        "/opt/a/circle Link false",
        "/opt/a/other File false",
        "/opt/a/run File true",
    ];
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    assert_eq!(gaps, [(GapCode::Excluded, "/opt/left".to_owned())]);
    assert!(walked(Limits { entries: 2, ..Limits::default() }).1.iter().any(|g| g.0 == GapCode::TooMany));
    let (met, gaps) = walked(Limits { depth: 0, ..Limits::default() });
    assert!(met.is_empty() && gaps.contains(&(GapCode::TooMany, "/opt/a".to_owned())), "{met:?} {gaps:?}");
}
