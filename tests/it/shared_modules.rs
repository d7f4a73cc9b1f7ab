//! Kernel modules that other scanners are tested with.
//!
//! They are in the folder that `INTERDICT_SHARED` names, with an index that states what each holds. Where this program
//! says other than the index, the comment says why.

use std::fs;

use serde_json::Value;

use crate::lab::{Root, run, shared};

/// The row of the source and the one item of a root with a module of the index in a place of a kernel's folder.
fn told(file: &str, place: &str) -> Option<(Value, Value)> {
    let bytes = fs::read(shared()?.join("fixtures/kmod/osv-scalibr").join(file)).unwrap();
    let root = Root::new();
    root.write(&format!("lib/modules/6.8.0-49-generic/{place}"), bytes);
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let of = |list: &str| {
        let all = inventory[list].as_array().unwrap().iter();
        all.filter(|value| value["source"] == "modules").cloned().collect::<Vec<_>>()
    };
    assert_eq!(of("items").len(), 1, "{file}");
    Some((of("coverage").remove(0), of("items").remove(0)))
}

#[test]
fn a_module_without_version_and_author() {
    let place = "kernel/drivers/platform/x86/intel_mrfld_pwrbtn.ko";
    let Some((row, item)) = told("valid_no_vers_deps_auth", place) else { return };
    let is = |key: &str| item[key].as_str();
    assert_eq!((is("name"), is("version"), is("publisher")), (Some("intel_mrfld_pwrbtn"), None, None));
    assert_eq!(is("product"), Some("Power-button driver for Basin Cove PMIC"));
    assert_eq!(row["state"], "covered");
}

/// To the index this is an error, and so it is here; its file names the module, which is there all the same.
#[test]
fn a_module_that_says_nothing_of_itself() {
    let Some((row, item)) = told("invalid", "extra/kl-mon.ko") else { return };
    assert_eq!((item["name"].as_str(), item["state"].as_str()), (Some("kl_mon"), Some("present")));
    assert_eq!((&row["state"], &row["gaps"][0]["code"]), (&"partial".into(), &"damaged".into()), "{row:#}");
}
