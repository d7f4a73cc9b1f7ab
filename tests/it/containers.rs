//! What is in an image or a container is found there, and never on the machine that stores it; nor the reverse.
//!
//! The stores are those of little roots, and real ones that the engines themselves make where they are installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::lab::{Root, has_manager, is_root, not_here, run, scan};

const KESL: &str = "Package: kesl\nStatus: install ok installed\nArchitecture: amd64\n\
                    Maintainer: Kaspersky Lab <info@kaspersky.com>\nVersion: 12.0.0\nDescription: a test\n\n";

/// A Debian root that stores an image in the way of Docker's vfs, a copy without layers.
fn with_image(packages: &str) -> Root {
    let root = Root::debian();
    let (digest, config) = config(&["one layer"]);
    let layer = sha256("one layer");
    let at = |path: &str| format!("var/lib/docker/image/vfs/{path}");
    root.write(&at(&format!("imagedb/content/sha256/{digest}")), config);
    let names = json!({"Repositories": {"app": {"app:2": format!("sha256:{digest}")}}});
    root.write(&at("repositories.json"), names.to_string());
    root.write(&at(&format!("layerdb/sha256/{layer}/cache-id")), "copy");
    let inside = |path: &str| format!("var/lib/docker/vfs/dir/copy/{path}");
    root.write(&inside("etc/os-release"), "ID=debian\n");
    root.write(&inside("var/lib/dpkg/status"), packages);
    root.write(&inside("var/lib/dpkg/info/kesl.list"), "/.\n/opt/agent/run\n");
    root
}

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|d| char::from_digit(d.into(), 16).unwrap())
        .collect()
}

/// The digest and the config of an image of these layers.
fn config(layers: &[impl AsRef<[u8]>]) -> (String, String) {
    let digests: Vec<_> = layers.iter().map(|layer| format!("sha256:{}", sha256(layer))).collect();
    let rootfs = json!({"type": "layers", "diff_ids": digests});
    let labels = json!({"org.opencontainers.image.vendor": "K Lab"});
    let history = vec![json!({"created_by": "a test"}); layers.len()];
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": labels}, "rootfs": rootfs, "history": history});
    let config = config.to_string();
    (sha256(&config), config)
}

/// Where the findings of a report are.
fn places(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|f| f["where"].as_str().unwrap()).collect()
}

#[test]
fn what_is_in_an_image_is_prohibited_there_and_the_machine_is_clean_of_it() {
    let root = with_image(KESL);
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, places(&report)), (1, vec!["container:app:2"]), "{report:#}");
    assert_eq!(report["findings"][0]["evidence"][0]["source"], "containers");
}

#[test]
fn what_is_on_the_machine_is_not_in_its_images() {
    let root = with_image("Package: base\nStatus: install ok installed\nVersion: 1\n\n");
    root.package("kesl", "12.0.0", "Kaspersky Lab <info@kaspersky.com>", &["/opt/kaspersky/kesl/x"]);
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, places(&report)), (1, vec!["host"]), "{report:#}");
}

/// Both have a file of one path: the package in the image does not own the machine's, nor its package the image's.
#[test]
fn nothing_is_owned_across() {
    let root = with_image(KESL);
    let program = |path: &str| {
        root.write(path, "#!/bin/sh\n");
        fs::set_permissions(root.at(path), fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("opt/agent/run");
    program("var/lib/docker/vfs/dir/copy/opt/agent/run");
    program("var/lib/docker/vfs/dir/copy/opt/host/run");
    root.package("host", "1", "A <a@example.org>", &[]);
    root.write("var/lib/dpkg/info/host.list", "/.\n/opt/host/run\n");
    for depth in ["standard", "full"] {
        let inventory = run(["inventory", &root.target(), "--depth", depth, "-o", "json"]).json();
        let items = inventory["items"].as_array().unwrap().iter().filter(|item| item["name"] == "run");
        let told: Vec<_> = items
            .map(|item| {
                let of = |key: &str| item[key].as_str().unwrap_or("none").to_owned();
                let owner = of("owner").rsplit('/').next().unwrap().to_owned();
                (of("container"), of("place"), owner)
            })
            .collect();
        let wanted = [
            ("none", "/opt/agent/run", "none"),
            ("app:2", "/opt/agent/run", "dpkg:kesl:amd64"),
            ("app:2", "/opt/host/run", "none"),
        ];
        assert_eq!(told, wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())), "{depth}");
    }
}

/// A link that leads out of an image leads nowhere, though the machine has a file of that name.
#[test]
fn links_in_an_image_never_leave_it() {
    let root = with_image("");
    let status = "var/lib/docker/vfs/dir/copy/var/lib/dpkg/status";
    fs::remove_file(root.at(status)).unwrap();
    root.link(status, "../../../../../../../../../../../../var/lib/dpkg/status-of-host");
    root.write("var/lib/dpkg/status-of-host", KESL);
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, places(&report).len()), (3, 0), "{report:#}");
    let row =
        report["coverage"].as_array().unwrap().iter().find(|row| row["source"] == "containers").unwrap();
    let gaps: Vec<_> =
        row["gaps"].as_array().unwrap().iter().map(|gap| (&gap["place"], &gap["code"])).collect();
    assert!(gaps.contains(&(&json!("app:2: /var/lib/dpkg/status"), &json!("dangling"))), "{gaps:?}");
}

#[test]
fn a_store_that_may_not_be_read_is_a_gap_and_no_clean_verdict() {
    let root = with_image(KESL);
    let Some(nobody) = crate::lab::Nobody::new(&root) else { return };
    fs::set_permissions(root.at("var/lib/docker"), fs::Permissions::from_mode(0o710)).unwrap();
    let run = crate::lab::finish(nobody.interdict().args(["scan", &root.target(), "-o", "json"]));
    assert_eq!(run.code, 3);
    let report = run.json();
    let row =
        report["coverage"].as_array().unwrap().iter().find(|row| row["source"] == "containers").unwrap();
    assert_eq!((&row["state"], &row["gaps"][0]["code"]), (&json!("failed"), &json!("denied")));
}

/// An archive of an image as `docker save` writes it: the lower layer has the agent and a folder, the upper one removes
/// a file, hides what is in the folder, and adds a file to it.
fn archive(root: &Root) -> PathBuf {
    let layer = |name: &str, files: &[(&str, &str)]| {
        for (path, text) in files {
            root.write(&format!("layers/{name}/{path}"), text);
        }
        tar(&root.at(&format!("layers/{name}")), &root.at(&format!("archive/{name}.tar")))
    };
    fs::create_dir_all(root.at("archive")).unwrap();
    let status = format!("Package: base\nStatus: install ok installed\nVersion: 1\n\n{KESL}");
    let lower = layer(
        "lower",
        &[
            ("etc/os-release", "ID=debian\n"),
            ("var/lib/dpkg/status", &status),
            ("var/lib/dpkg/info/base.list", "/.\n"),
            ("var/lib/dpkg/info/kesl.list", "/.\n/opt/kaspersky/kesl/x\n"),
            ("usr/lib/systemd/system/gone.service", "[Service]\nExecStart=/bin/gone\n"),
            ("usr/lib/systemd/system/kept.service", "[Service]\nExecStart=/bin/kept\n"),
            ("etc/systemd/system/hidden.service", "[Service]\nExecStart=/bin/hidden\n"),
        ],
    );
    let upper = layer(
        "upper",
        &[
            ("usr/lib/systemd/system/.wh.gone.service", ""),
            ("etc/systemd/system/.wh..wh..opq", ""),
            ("etc/systemd/system/added.service", "[Service]\nExecStart=/bin/added\n"),
        ],
    );
    let (digest, config) = config(&[lower, upper]);
    root.write(&format!("archive/{digest}.json"), config);
    let layers = ["lower.tar", "upper.tar"];
    let manifest = json!([{"Config": format!("{digest}.json"), "RepoTags": ["app:2"], "Layers": layers}]);
    root.write("archive/manifest.json", manifest.to_string());
    tar(&root.at("archive"), &root.at("image.tar"));
    root.at("image.tar")
}

/// Puts what is in a folder into an archive, and gives its bytes.
fn tar(folder: &Path, to: &Path) -> Vec<u8> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut tar = Command::new("tar");
    assert!(tar.arg("-C").arg(folder).arg("-cf").arg(to).args(names).status().unwrap().success());
    fs::read(to).unwrap()
}

/// Runs a tool to its end, which must be a good one.
fn good(tool: &mut Command) {
    let output = tool.output().unwrap();
    assert!(output.status.success(), "{tool:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What must be told of the image of [`archive`] and of a container of it, in the store of a root.
fn told(root: &Root, image: &str) {
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let rows = inventory["coverage"].as_array().unwrap();
    let row = rows.iter().find(|row| row["source"] == "containers").unwrap();
    assert_eq!((&row["state"], &row["gaps"]), (&json!("covered"), &json!([])));
    let items = inventory["items"].as_array().unwrap().iter().filter(|item| item["source"] == "containers");
    let (stored, inside): (Vec<&Value>, Vec<_>) = items.partition(|item| item["kind"] == "container");
    let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
    assert!(stored.iter().any(|item| name(item) == image && item["publisher"] == "K Lab"), "{stored:#?}");
    assert_eq!(stored.len(), 2, "{stored:#?}");
    let containers: std::collections::BTreeSet<_> =
        inside.iter().map(|item| item["container"].as_str()).collect();
    assert_eq!(containers.len(), 2);
    for container in containers {
        let names: Vec<_> =
            inside.iter().filter(|i| i["container"].as_str() == container).map(|i| name(i)).collect();
        for there in ["kesl", "added.service", "kept.service"] {
            assert!(names.iter().any(|n| n == there), "{there} is in {container:?}: {names:?}");
        }
        for removed in ["gone.service", "hidden.service"] {
            assert!(!names.iter().any(|n| n == removed), "{removed} was removed from {container:?}");
        }
    }
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!(code, 1);
    assert!(places(&report).iter().all(|place| place.starts_with("container:")), "{report:#}");
}

#[test]
fn stores_that_podman_makes_are_read() {
    if !(has_manager("podman") && is_root()) {
        return;
    }
    for driver in ["overlay", "vfs"] {
        let root = Root::debian();
        let image = archive(&root);
        let podman = || {
            let mut podman = Command::new("podman");
            podman.arg("--root").arg(root.at("var/lib/containers/storage"));
            podman.arg("--runroot").arg(root.at("run")).args([
                "--storage-driver",
                driver,
                "--log-level",
                "error",
            ]);
            podman
        };
        good(podman().arg("load").arg("-i").arg(&image));
        good(podman().args(["create", "--name", "web", "--network", "none", "localhost/app:2", "/bin/true"]));
        told(&root, "localhost/app:2");
    }
}

/// A daemon that ends with the test.
struct Daemon(Child);

impl Daemon {
    /// Starts one and waits until it listens; none, where it does not.
    fn start(daemon: &mut Command, socket: &Path) -> Option<Self> {
        let name = daemon.get_program().to_str().unwrap().to_owned();
        let daemon = Self(daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        for _ in 0..600 {
            if std::os::unix::net::UnixStream::connect(socket).is_ok() {
                return Some(daemon);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        not_here(&name);
        None
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that is asked to end ends those that it started too.
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn stores_that_containerd_makes_are_read() {
    if !(has_manager("containerd") && has_manager("ctr") && is_root()) {
        return;
    }
    let root = Root::debian();
    let (image, socket) = (archive(&root), root.at("c.sock"));
    let settings = format!(
        "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {socket:?}\n",
        root.at("var/lib/containerd"),
        root.at("run"),
    );
    root.write("settings.toml", settings);
    let mut containerd = Command::new("containerd");
    containerd.arg("--config").arg(root.at("settings.toml"));
    let Some(daemon) = Daemon::start(&mut containerd, &socket) else { return };
    let ctr = || {
        let mut ctr = Command::new("ctr");
        ctr.arg("--address").arg(&socket).args(["--namespace", "k8s.io"]);
        ctr
    };
    good(ctr().args(["images", "import"]).arg(&image));
    good(ctr().args(["containers", "create", "docker.io/library/app:2", "web", "/bin/true"]));
    drop(daemon);
    told(&root, "docker.io/library/app:2");
}

#[test]
fn stores_that_docker_makes_are_read() {
    if !(has_manager("dockerd") && has_manager("docker") && is_root()) {
        return;
    }
    let root = Root::debian();
    let (image, socket) = (archive(&root), root.at("d.sock"));
    let host = format!("unix://{}", socket.display());
    let mut dockerd = Command::new("dockerd");
    dockerd.arg("--data-root").arg(root.at("var/lib/docker")).arg("--exec-root").arg(root.at("run"));
    dockerd.arg("--pidfile").arg(root.at("d.pid")).args([
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
    ]);
    let Some(daemon) = Daemon::start(dockerd.args(["--host", &host]), &socket) else { return };
    let docker = || {
        let mut docker = Command::new("docker");
        docker.args(["--host", &host]);
        docker
    };
    good(docker().args(["load", "-i"]).arg(&image));
    good(docker().args(["create", "--name", "web", "app:2", "/bin/true"]));
    drop(daemon);
    told(&root, "app:2");
}
