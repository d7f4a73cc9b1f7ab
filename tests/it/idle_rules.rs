//! Rules that can never change anything, and profiles that lead to themselves.

use crate::lab::{Root, run};
use crate::wrong_rules::{check, vendor};

/// A vendor whose first signature is of line 5, and others.
fn signatures(rows: &[&str]) -> String {
    vendor(&rows.iter().map(|row| format!("[[vendor.signature]]\n{row}\n")).collect::<Vec<_>>().concat())
}

#[test]
fn a_signature_that_can_change_nothing_is_shown_with_the_one_that_finds_it_all() {
    let run = check(signatures(&["publisher = [\"Acme*\"]", "publisher = [\"Acme Inc.\", \"acme labs*\"]"]));
    assert_eq!(run.code, 0, "in an operator's file it is a warning: {}", run.err);
    let shown = "warning[unreachable]: this signature can never change anything
 --> own.toml:7:13
  |
5 | publisher = [\"Acme*\"]
  |             --------- found by this already
6 | [[vendor.signature]]
7 | publisher = [\"Acme Inc.\", \"acme labs*\"]
  |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^ another one finds all of this
";
    assert!(run.err.contains(shown), "{}", run.err);
}

#[test]
fn which_signatures_can_change_nothing() {
    let product = |rows: &str| {
        vendor(&format!(
            "[[vendor.signature]]\npackage = [\"acme*\"]\n[[vendor.product]]\nid = \"p\"\nname = \"P\"\n{rows}"
        ))
    };
    for (text, told) in [
        // Found by others together, and by a folder.
        (
            signatures(&[
                "package = [\"acme-a*\"]",
                "package = [\"acme-b\"]",
                "package = [\"acme-a1\", \"acme-b\"]",
            ]),
            1,
        ),
        (signatures(&["path = [\"/opt/acme\"]", "path = [\"/opt/acme/bin\", \"/opt/acme/*/x\"]"]), 1),
        (signatures(&["publisher = [\"Acme Ltd\"]", "publisher = [\"ACME Limited\"]"]), 1),
        (signatures(&["package = [\"acme\"]\nkinds = [\"service\"]"]), 1),
        (signatures(&["extension-id = [\"acme\"]\nkinds = [\"service\", \"driver\"]"]), 1),
        // One value more, another trait, something else said, other kinds.
        (signatures(&["package = [\"acme*\"]", "package = [\"acme-a\", \"xacme\"]"]), 0),
        (signatures(&["package = [\"acme*\"]", "name-match = [\"acme-a\"]"]), 0),
        (signatures(&["package = [\"acme*\"]\nstrength = \"likely\"", "package = [\"acme-a\"]"]), 0),
        (
            signatures(&[
                "package = [\"acme*\"]\nstrength = \"weak\"",
                "package = [\"acme-a\"]\nstrength = \"possible\"",
            ]),
            0,
        ),
        (signatures(&["package = [\"acme*\"]\ncontested = true", "package = [\"acme-a\"]"]), 0),
        (signatures(&["package = [\"acme*\"]\ncomponent = true", "package = [\"acme-a\"]"]), 0),
        (
            signatures(&["name-match = [\"acme*\"]\nkinds = [\"application\"]", "name-match = [\"acme-a\"]"]),
            0,
        ),
        (signatures(&["name-match = [\"acme*\"]", "name-match = [\"acme-a\"]\nkinds = [\"model\"]"]), 0),
        (signatures(&["name-match = [\"acme?\"]", "name-match = [\"acme*\"]"]), 1),
        (signatures(&["name-match = [\"acme?*\"]", "name-match = [\"acme*\"]"]), 1),
        (signatures(&["extension-id = [\"acme\"]\nkinds = [\"service\", \"extension\"]"]), 0),
        // A product is more than its vendor, and makes the vendor's own signature of the same idle.
        (product("[[vendor.product.signature]]\npackage = [\"acme-p\"]"), 0),
        (product("[[vendor.product.signature]]\npackage = [\"acme*\"]"), 1),
    ] {
        let run = check(&text);
        assert_eq!((run.code, run.err.matches("[unreachable]").count()), (0, told), "{text}\n{}", run.err);
    }
}

/// A profile may include others, and not itself.
#[test]
fn a_circular_profile_is_refused_and_a_nested_one_is_not() {
    let root = Root::new();
    let profile =
        |id: &str, of: &str| format!("[[profile]]\nid = \"{id}\"\ntitle = \"T\"\ninstruments = [{of}]\n");
    for (text, said) in [
        (profile("mine", "\"us-tiktok\", \"mine\""), "the profile `mine` includes itself"),
        (profile("a", "\"b\"") + &profile("b", "\"us-federal\", \"a\""), "`b` is or includes `a`"),
    ] {
        root.write("p.toml", text);
        let run = run(["rules", "check", root.at("p.toml").to_str().unwrap()]);
        assert_eq!(run.code, 2, "{}", run.out);
        assert!(run.err.contains(said) && run.err.contains("circular-profile"), "{}", run.err);
    }
    root.write("p.toml", profile("all-of-us", "\"us-federal\", \"us-tx-620\""));
    let list = root.list(&[serde_json::json!({"kind": "package", "name": "kesl"})]);
    let rules = root.at("p.toml");
    let (code, report) = crate::lab::scan(
        &list,
        &["--rules", rules.to_str().unwrap(), "--under", "all-of-us", "--as-of", "2026-11-24"],
    );
    assert_eq!((code, report["instruments"].as_array().unwrap().len()), (1, 7));
}
