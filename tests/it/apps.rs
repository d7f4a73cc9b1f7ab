//! Snaps, Flatpaks and other managers beside the system's own, as a user without rights sees them, and what belongs to
//! their packages.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::lab::{Nobody, Root, finish};

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
