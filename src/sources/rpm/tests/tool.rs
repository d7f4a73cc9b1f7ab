//! What rpm itself says of databases, real ones and its own, holds for us too.

use std::process::Stdio;

use super::*;

/// Whether a program can be run with these arguments; fails where `INTERDICT_REQUIRE` asks for it.
fn has(tool: &str, args: &[&str]) -> bool {
    let required = std::env::var("INTERDICT_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|r| r.trim() == "all" || r.trim() == tool);
    let run = Command::new(tool).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = run.is_ok_and(|status| status.success());
    assert!(found || !required, "INTERDICT_REQUIRE asks for {tool}, which is lacking");
    if !found {
        eprintln!("skipped: {tool} is lacking");
    }
    found
}

fn has_rpm() -> bool {
    has("rpm", &["--version"])
}

fn rpm(root: &Root, backend: &str) -> Command {
    let mut rpm = Command::new("rpm");
    rpm.args(["--define", &format!("_db_backend {backend}"), "--dbpath"]).arg(root.at(VAR));
    rpm
}

/// What rpm prints of a database, line by line.
fn ask(root: &Root, backend: &str, format: &str) -> Vec<String> {
    let output = rpm(root, backend).args(["-qa", "--qf", format]).output().unwrap();
    let mut lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Holds a root against what rpm says of the same packages, files, dates and makers; gives their number.
fn hold(root: &Root, backend: &str, about: &str) -> usize {
    let (row, sink) = root.scan();
    assert_eq!((row.state, row.gaps), (CoverageState::Covered, vec![]), "{about}");
    let mut items: Vec<String> = sink.items.iter().map(line).collect();
    items.sort();
    assert_eq!(items, ask(root, backend, "rpm:%{NVRA} %{EVR} %{INSTALLTIME} %{VENDOR} %{URL}\\n"), "{about}");
    items.len()
}

fn line(item: &Item) -> String {
    let text = |value: &Option<Text>| value.as_ref().map_or("(none)".to_owned(), ToString::to_string);
    let installed: jiff::Timestamp = text(&item.installed).parse().unwrap();
    let (evr, seconds) = (text(&item.version), installed.as_second());
    format!("{} {evr} {seconds} {} {}", item.id, text(&item.publisher), text(&item.homepage))
}

/// The rows of a real database with many packages, by their numbers.
fn headers() -> Option<Vec<Vec<u8>>> {
    let db = lab::fixture("go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite")?;
    let root = Root::new().with("db", &db);
    let db = rusqlite::Connection::open(root.at("db")).unwrap();
    let mut rows = db.prepare("SELECT blob FROM Packages ORDER BY hnum").unwrap();
    Some(rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap())
}

#[test]
fn rpm_says_the_same() {
    if !has_rpm() {
        return;
    }
    for (path, file, backend) in [
        ("go-rpmdb/cbl-mariner-2.0", "rpmdb.sqlite", "sqlite"),
        ("osquery/rpm-sqlite", "rpmdb.sqlite", "sqlite"),
        ("go-rpmdb/libuuid", "Packages", "bdb_ro"),
    ] {
        let Some(bytes) = lab::fixture(&format!("{path}/{file}")) else { return };
        let root = Root::new().with(&format!("{VAR}/{file}"), &bytes);
        assert!(hold(&root, backend, path) > 0);
        let form = FORMS.iter().find(|form| form.file == file).unwrap();
        let mut files = Vec::new();
        assert_eq!((form.read)(&bytes, &mut |header| files.extend(header.files)), []);
        let mut files: Vec<_> = files.into_iter().map(|f| String::from_utf8(f).unwrap()).collect();
        files.sort();
        assert_eq!(files, ask(&root, backend, "[%{FILENAMES}\\n]"), "{path}");
    }
}

/// Berkeley DB itself makes the database, in either byte order and with pages of several sizes; rows are replaced and
/// removed in between, so that there are freed pages, and pages that are all of one bucket.
#[test]
fn berkeley_db_made_it() {
    const SCRIPT: &str = r"
        use DB_File; use Fcntl;
        my ($in, $file, $order, $size) = @ARGV;
        my $pack = $order == 4321 ? 'N' : 'V';
        my $form = DB_File::HASHINFO->new;
        ($form->{lorder}, $form->{bsize}) = ($order, $size);
        tie my %db, 'DB_File', $file, O_RDWR | O_CREAT, 0644, $form or die $!;
        open my $rows, '<:raw', $in or die $!;
        my $n = 0;
        while (read $rows, my $length, 4) {
            read $rows, my $blob, unpack('V', $length);
            $n++;
            $db{pack $pack, $n} = 'x' x (length($blob) / 2) if $n % 3 == 0;
            $db{pack $pack, 1000 + $n} = 'y' x 5000;
            $db{pack $pack, $n} = $blob;
        }
        delete $db{pack $pack, 1000 + $_} for 1 .. $n;
        $db{pack $pack, 0} = pack $pack, 1000 + $n;
        untie %db;
    ";
    if !(has_rpm() && has("perl", &["-MDB_File", "-e", "1"])) {
        return;
    }
    let Some(headers) = headers() else { return };
    let length = |blob: &[u8]| u32::try_from(blob.len()).unwrap().to_le_bytes();
    let rows: Vec<u8> = headers.iter().flat_map(|b| [&length(b)[..], b].concat()).collect();
    for (order, size) in [("1234", "4096"), ("4321", "4096"), ("1234", "512"), ("4321", "65536")] {
        let root = Root::new().with("rows", &rows);
        let mut perl = Command::new("perl");
        perl.args(["-e", SCRIPT]).arg(root.at("rows")).arg(root.at(VAR).join("Packages")).args([order, size]);
        assert!(perl.status().unwrap().success());
        assert_eq!(hold(&root, "bdb_ro", &format!("order {order}, pages of {size}")), headers.len());
    }
}

/// Builds a package that has a file.
fn package(root: &Root, name: &str) -> PathBuf {
    let spec = format!(
        "Name: {name}\nVersion: 1.2\nRelease: 3\nEpoch: 4\nSummary: s\nLicense: l\nVendor: {name} Inc.\n\
         URL: https://{name}.example/\nBuildArch: noarch\n%description\nd\n%install\nmkdir -p %{{buildroot}}/opt\n\
         echo > %{{buildroot}}/opt/{name}\n%files\n/opt/{name}\n"
    );
    fs::write(root.at("spec"), spec).unwrap();
    let mut build = Command::new("rpmbuild");
    build
        .arg("--define")
        .arg(format!("_topdir {}", root.at("build").display()))
        .arg("-bb")
        .arg(root.at("spec"));
    let output = build.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    root.at(&format!("build/RPMS/noarch/{name}-1.2-3.noarch.rpm"))
}

fn install(root: &Root, backend: &str, package: &Path) {
    let mut rpm = rpm(root, backend);
    let output = rpm.args(["-i", "--justdb", "--nodeps", "--noscripts"]).arg(package).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// rpm itself makes the database in each form that it still writes, and more in its log while a reader holds it up.
#[test]
fn rpm_made_it() {
    if !(has_rpm() && has("rpmbuild", &["--version"])) {
        return;
    }
    for (backend, file) in [("sqlite", "rpmdb.sqlite"), ("ndb", "Packages.db")] {
        let root = Root::new();
        let started = rpm(&root, backend).arg("--initdb").output().unwrap();
        if !root.at(VAR).join(file).exists() {
            let why = String::from_utf8_lossy(&started.stderr).replace('\n', "; ");
            eprintln!("skipped: this rpm does not write the form {backend}: {why}");
            continue;
        }
        install(&root, backend, &package(&root, "first"));
        assert_eq!(hold(&root, backend, backend), 1);
        if backend != "sqlite" {
            continue;
        }
        let reader = rusqlite::Connection::open(root.at(VAR).join(file)).unwrap();
        reader.execute_batch("PRAGMA wal_autocheckpoint = 0; BEGIN; SELECT count(*) FROM Packages").unwrap();
        install(&root, backend, &package(&root, "second"));
        let read = |file: &str| fs::read(root.at(VAR).join(file)).unwrap();
        let [db, log] = ["rpmdb.sqlite", "rpmdb.sqlite-wal"].map(read);
        let copy = |log: &[u8]| {
            let copy = Root::new().with("var/lib/rpm/rpmdb.sqlite", &db);
            copy.with("var/lib/rpm/rpmdb.sqlite-wal", log)
        };
        assert_eq!(copy(b"").scan().0.items, 1, "the second is in the log alone");
        assert_eq!(hold(&copy(&log), backend, "with a log"), 2);
        drop(reader);
    }
}
