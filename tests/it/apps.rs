//! Snaps, Flatpaks and other managers beside the system's own, as a user without rights sees them, and what belongs to
//! their packages.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::lab::{Nobody, Root, finish, run};

/// The row and the items of a source, as a user who may do nothing sees them.
fn seen(nobody: &Nobody, root: &Root, source: &str) -> (Value, Vec<Value>) {
    let run = finish(nobody.interdict().args(["inventory", &root.target(), "-o", "json"])).json();
    let of = |list: &str| {
        let all = run[list].as_array().unwrap().iter();
        all.filter(|value| value["source"] == source).cloned().collect::<Vec<_>>()
    };
    (of("coverage").remove(0), of("items"))
}

/// The list of snaps is root's alone, on every system.
#[test]
fn what_is_mounted_stands_in_for_the_list_of_snaps() {
    const STATE: &str = "var/lib/snapd/state.json";
    let root = Root::debian();
    let Some(nobody) = Nobody::new(&root) else { return };
    root.write(STATE, r#"{"data":{}}"#);
    fs::set_permissions(root.at(STATE), Permissions::from_mode(0o600)).unwrap();
    root.write("var/lib/snapd/snaps/agent_12.snap", "");
    root.write("var/lib/snapd/snaps/agent_13.snap", "");
    let told = |items: &[Value]| {
        let line = |i: &Value| format!("{} {} {}", i["id"], i["state"], i["version"]).replace('"', "");
        items.iter().map(line).collect::<Vec<_>>()
    };

    let (row, items) = seen(&nobody, &root, "snap");
    assert_eq!((&row["state"], &row["gaps"][0]["code"]), (&"partial".into(), &"denied".into()), "{row:#}");
    assert_eq!(told(&items), ["snap:agent:12 present null", "snap:agent:13 present null"]);

    root.write("snap/agent/12/meta/snap.yaml", "name: agent\nversion: 1.0\n");
    root.write("snap/agent/13/meta/snap.yaml", "name: agent\nversion: 1.1\n");
    root.link("snap/agent/current", "13");
    let (row, items) = seen(&nobody, &root, "snap");
    assert_eq!((&row["state"], &row["gaps"][0]["blocks"]), (&"covered".into(), &false.into()), "{row:#}");
    assert_eq!(told(&items), ["snap:agent:12 present 1.0", "snap:agent:13 installed 1.1"]);
}

/// What a user has installed is nobody else's to read where homes are closed.
#[test]
fn a_home_that_may_not_be_looked_into_is_one_gap() {
    let root = Root::debian();
    let Some(nobody) = Nobody::new(&root) else { return };
    root.write("home/ann/.local/share/flatpak/app/org.k.Agent/x86_64/stable/aa/metadata", "[Application]\n");
    assert_eq!(seen(&nobody, &root, "flatpak").1.len(), 1);
    fs::set_permissions(root.at("home/ann"), Permissions::from_mode(0o700)).unwrap();
    let (row, items) = seen(&nobody, &root, "flatpak");
    let gaps = row["gaps"].as_array().unwrap();
    assert_eq!((items.len(), gaps.len(), &row["state"]), (0, 1, &"failed".into()), "{row:#}");
    let place = "/home/ann/.local/share/flatpak".into();
    assert_eq!(
        (&gaps[0]["code"], &gaps[0]["place"], &gaps[0]["blocks"]),
        (&"denied".into(), &place, &true.into())
    );
}

/// What runs from a folder of a package is the package's, though no list names its files.
#[test]
fn a_service_belongs_to_the_package_in_whose_folder_its_program_is() {
    let root = Root::debian();
    let service = |name: &str, program: &str| {
        root.write(program, "");
        root.write(
            &format!("etc/systemd/system/{name}.service"),
            format!("[Service]\nExecStart=/{program}\n"),
        );
    };
    root.write("snap/agent/13/meta/snap.yaml", "name: agent\nversion: 1\n");
    service("snap", "snap/agent/13/bin/agent");
    let deployment = "var/lib/flatpak/app/org.k.Agent/x86_64/stable/aa";
    root.write(&format!("{deployment}/metadata"), "[Application]\nname=org.k.Agent\n");
    service("flatpak", &format!("{deployment}/files/bin/agent"));
    let path = format!("nix/store/{}-agent-1", "a".repeat(32));
    service("nix", &format!("{path}/bin/agent"));
    service("keg", "usr/local/Cellar/agent/1/bin/agent");
    root.link("usr/local/bin/agent", "../Cellar/agent/1/bin/agent");
    root.write("etc/systemd/system/linked.service", "[Service]\nExecStart=/usr/local/bin/agent\n");
    service("other", "snap/agent/12/bin/agent");

    let inventory = run(["inventory", &root.target(), "--depth", "full", "-o", "json"]).json();
    let services = inventory["items"].as_array().unwrap().iter().filter(|i| i["kind"] == "service");
    let owner = |i: &Value| i["owner"].as_str().unwrap_or("nobody").to_owned();
    let owners: Vec<_> = services.map(|i| format!("{} {}", i["name"].as_str().unwrap(), owner(i))).collect();
    let wanted = [
        format!("flatpak.service flatpak:/{deployment}"),
        "keg.service homebrew:/usr/local/Cellar/agent/1".to_owned(),
        "linked.service homebrew:/usr/local/Cellar/agent/1".to_owned(),
        format!("nix.service nix:{}-agent-1", "a".repeat(32)),
        "other.service nobody".to_owned(),
        "snap.service snap:agent:13".to_owned(),
    ];
    assert_eq!(owners, wanted);
}

/// A manager beside the system's own lists nothing of the system.
#[test]
fn what_was_added_to_a_system_is_not_the_list_of_it() {
    let root = Root::new();
    root.write("etc/os-release", "ID=lab\n");
    root.write("snap/agent/13/meta/snap.yaml", "name: agent\nversion: 1\n");
    root.write("usr/local/Cellar/agent/1/bin/agent", "");
    root.write(
        "var/lib/flatpak/app/org.k.Agent/x86_64/stable/aa/metadata",
        "[Application]\nname=org.k.Agent\n",
    );
    let run = run(["inventory", &root.target(), "-o", "json"]);
    let inventory = run.json();
    let gaps =
        inventory["coverage"].as_array().unwrap().iter().flat_map(|row| row["gaps"].as_array().unwrap());
    assert!(run.code == 3 && gaps.clone().any(|gap| gap["code"] == "nothing-listed"), "{inventory:#}");
    assert_eq!(inventory["items"].as_array().unwrap().len(), 3);
}
