//! Hives that other readers of them are tested with.
//!
//! They are in the folder that `INTERDICT_SHARED` names, with an index that states what each holds. Where this program
//! says other than the index, the comment says why.

use std::fs;
use std::path::PathBuf;

use interdict::parse::compressed::expand;
use interdict::parse::regf::{self, Damage, Hive, Node};
use serde_json::Value;

use crate::hostile::Random;
use crate::lab::{Root, is_slow, run, shared};

fn registry() -> Option<PathBuf> {
    Some(shared()?.join("fixtures/registry"))
}

/// A file, expanded if its name says that it is compressed.
fn bytes(folder: &std::path::Path, name: &str) -> Vec<u8> {
    expand(fs::read(folder.join(name)).unwrap(), 1 << 30).unwrap()
}

/// Every key below one, with all damage met.
fn below(hive: &Hive, node: &Node, damage: &mut Vec<Damage>, count: &mut (usize, usize)) {
    count.0 += 1;
    let (values, met) = hive.values(node);
    count.1 += values.len();
    damage.extend(met);
    let (keys, met) = hive.keys(node);
    damage.extend(met);
    for key in &keys {
        below(hive, key, damage, count);
    }
}

/// How many keys and values a hive has, and what is damaged in it.
fn counted(name: &str, logs: &[&str]) -> Option<((usize, usize), Vec<Damage>)> {
    let folder = registry()?;
    let logs: Vec<_> = logs.iter().map(|log| bytes(&folder, log)).collect();
    let (hive, damage) = match regf::parse(bytes(&folder, name), &logs) {
        Ok(x) => x,
        Err(d) => return Some(((0, 0), vec![d])),
    };
    let (mut all, mut count) = (damage.into_iter().collect(), (0, 0));
    match hive.root() {
        Ok(root) => below(&hive, &root, &mut all, &mut count),
        Err(damage) => all.push(damage),
    }
    Some((count, all))
}

/// Counts that the index states, or that other readers gave.
#[test]
fn hives_of_real_machines_have_the_keys_and_values_that_the_index_states() {
    for (name, count) in [
        ("dissect.regf/SYSTEM.gz", (33_317, 74_454)),
        ("regipy/NTUSER-WSL.DAT.xz", (3074, 4949)),
        ("regipy/NTUSER.DAT.xz", (1812, 4094)),
        ("regipy/SYSTEM.xz", (30_756, 73_456)),
        ("synthetic/SOFTWARE", (13, 8)),
    ] {
        let Some(found) = counted(name, &[]) else { return };
        assert_eq!(found, (count, vec![]), "{name}");
    }
}

/// Hives that were not closed, read without their logs: what is in them, and a word of what is not.
#[test]
fn dirty_hives_without_logs_are_read_and_told() {
    for (name, count) in [
        ("regipy/SYSTEM_B.xz", (33_123, 74_957)),
        ("regipy/SYSTEM_WIN_10_1709.xz", (43_211, 90_307)),
        ("regipy/NTUSER_with_winscp.DAT.xz", (5328, 12_014)),
        ("regipy/UsrClass.dat.xz", (6205, 12_369)),
        ("regipy/amcache.hve.xz", (2105, 17_539)),
        ("regipy/transactions_NTUSER.DAT.xz", (2590, 4119)),
    ] {
        let Some((found, damage)) = counted(name, &[]) else { return };
        assert_eq!(found, count, "{name}");
        assert!(matches!(damage[..], [Damage::Dirty(_)]), "{name}: {damage:?}");
    }
}

#[test]
fn logs_are_replayed() {
    let of = |name, logs: &[&str]| counted(name, logs);
    let logs = ["regipy/SYSTEM_B.LOG1.xz", "regipy/SYSTEM_B.LOG2.xz"];
    let Some(found) = of("regipy/SYSTEM_B.xz", &logs) else { return };
    assert_eq!(found, ((35_595, 78_901), vec![]));
    let logs = ["regipy/UsrClass.dat.LOG1.xz", "regipy/UsrClass.dat.LOG2.xz"];
    assert_eq!(of("regipy/UsrClass.dat.xz", &logs), Some(((6238, 12_531), vec![])));
    // The index counts a 4695th value, whose data reach beyond their cell.
    let logs = ["regipy/transactions_ntuser.dat.log1.xz", "regipy/transactions_ntuser.dat.log2.xz"];
    let beyond = Damage::Damaged("the data of a value reach beyond their cell");
    assert_eq!(of("regipy/transactions_NTUSER.DAT.xz", &logs), Some(((3105, 4694), vec![beyond])));
}

/// Hives that are small and odd, each in one way, and what Windows made of those that were dirty.
#[test]
fn odd_hives_are_read_or_told() {
    let of = |name: &str, with_logs: bool| {
        let name = format!("yarp/hives_for_tests/{name}");
        let logs = if with_logs { vec![format!("{name}.LOG1"), format!("{name}.LOG2")] } else { vec![] };
        counted(&name, &logs.iter().map(String::as_str).collect::<Vec<_>>())
    };
    for (name, count) in [
        ("BigDataHive", (2, 2)),
        ("CompHive", (4, 0)),
        ("DeletedDataHive", (2, 1)),
        ("DuplicateSubkeysHive", (5003, 0)),
        ("EmptyHive", (1, 0)),
        ("ExtendedASCIIHive", (2, 1)),
        ("ManySubkeysHive", (5003, 0)),
        ("MultiSzHive", (2, 2)),
        ("NewFlagsHive", (3, 0)),
        ("OffHive", (1, 0)),
        ("ValuesOrderHive", (1, 3)),
    ] {
        let Some(found) = of(name, false) else { return };
        assert_eq!(found, (count, vec![]), "{name}");
    }
    for name in
        ["BadListHive", "BadSubkeyHive", "TruncatedNameHive", "TruncatedDirtyHive", "EffectiveSizeHive"]
    {
        assert!(!of(name, false).unwrap().1.is_empty(), "{name}");
    }
    for (name, recovered) in [
        ("NewDirtyHive1/NewDirtyHive", "NewDirtyHive1/RecoveredHive_Windows10"),
        ("NewDirtyHive2/NewDirtyHive", "NewDirtyHive1/RecoveredHive_Windows10"),
        ("OldDirtyHive/OldDirtyHive", "OldDirtyHive/RecoveredHive_Windows7"),
        ("BadBaseBlockHive/BadBaseBlockHive", "OldDirtyHive/RecoveredHive_Windows7"),
    ] {
        assert_eq!(of(name, true), of(recovered, false), "{name}");
        assert_eq!(of(name, true).unwrap().1, [], "{name}");
    }
    for name in ["BadLogHive1/BadLogHive", "BadLogHive2/BadLogHive", "BadLogHive3/BadLogHive"] {
        assert!(matches!(of(name, true).unwrap().1[..], [Damage::Dirty(_)]), "{name}");
    }
}

/// The first service is what the index says of this hive, of which much is damaged. Of the 5625 values that another
/// reader counts, 9 have data that are not there.
#[test]
fn a_damaged_hive_is_read_as_far_as_it_can_be() {
    let Some((count, damage)) = counted("regipy/corrupted_system_hive.xz", &[]) else { return };
    assert_eq!(count, (1687, 5616));
    assert!(!damage.is_empty());
    let (hive, _) = regf::parse(bytes(&registry().unwrap(), "regipy/corrupted_system_hive.xz"), &[]).unwrap();
    let key = ["ControlSet001", "Services"].iter().fold(hive.root().unwrap(), |node, name| {
        hive.keys(&node).0.into_iter().find(|key| key.name.raw().eq_ignore_ascii_case(name)).unwrap()
    });
    let first = hive.keys(&key).0.remove(0);
    assert_eq!(first.name.raw(), "Abiosdsk");
    for (name, number) in [("Start", 4), ("Type", 1), ("Tag", 3)] {
        assert_eq!(hive.value(&first, name), Ok(Some(regf::Value::Integer(number))), "{name}");
    }
}

/// Every small hive, cut at lengths of every class and with flipped bits, under seeds that are always the same.
#[test]
fn hurt_hives_end_without_a_panic() {
    let Some(folder) = registry() else { return };
    let seeds = if is_slow("hurting hives 10,000 times") { 10_000 } else { 300 };
    let small = [
        ("hivex/special", None),
        ("synthetic/SOFTWARE", None),
        ("python-registry/reg_samples/REORGANIZED_VALUES_TESTS", None),
        ("regipy/BCD.xz", None),
        ("regipy/NTUSER.DAT.xz", None),
        ("velociraptor/ntuser.dat", None),
        ("yarp/hives_for_tests/BigDataHive", None),
        ("yarp/hives_for_tests/SqliteHive", None),
        (
            "yarp/hives_for_tests/OldDirtyHive/OldDirtyHive",
            Some("yarp/hives_for_tests/OldDirtyHive/OldDirtyHive.LOG1"),
        ),
        (
            "yarp/hives_for_tests/NewDirtyHive1/NewDirtyHive",
            Some("yarp/hives_for_tests/NewDirtyHive1/NewDirtyHive.LOG2"),
        ),
        ("regipy/transactions_NTUSER.DAT.xz", Some("regipy/transactions_ntuser.dat.log1.xz")),
    ];
    let hives = small.map(|(hive, log)| (bytes(&folder, hive), log.map(|log| bytes(&folder, log))));
    for seed in 0..seeds {
        let (hive, log) = &hives[seed % hives.len()];
        let mut random = Random(u64::try_from(seed + 1).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (mut hive, mut log) = (hive.clone(), log.clone());
        let hurt = |bytes: &mut Vec<u8>, random: &mut Random| {
            if random.below(4) == 0 {
                // Anywhere, or where a part of the format ends.
                let unit = [1, 8, 512, 4096][random.below(4)];
                bytes.truncate(random.below(bytes.len() + 1) / unit * unit);
            }
            for _ in 0..random.below(30) {
                // What is used lies at the beginning more often.
                let end = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(16 << 10) };
                if end > 0 {
                    bytes[random.below(end)] ^= 1 << random.below(8);
                }
            }
        };
        hurt(&mut hive, &mut random);
        if let Some(log) = &mut log {
            hurt(log, &mut random);
        }
        let Ok((hive, _)) = regf::parse(hive, &log.into_iter().collect::<Vec<_>>()) else { continue };
        if let Ok(root) = hive.root() {
            below(&hive, &root, &mut Vec::new(), &mut (0, 0));
        }
    }
}

/// The user's own programs, as the index lists them.
#[test]
fn programs_of_a_user_are_listed() {
    let Some(folder) = registry() else { return };
    let root = Root::new();
    root.write("Windows/System32/config/SOFTWARE", bytes(&folder, "synthetic/SOFTWARE"));
    root.write("Users/ann/NTUSER.DAT", bytes(&folder, "regipy/NTUSER_with_winscp.DAT.xz"));
    let inventory = run(["inventory", &root.target(), "--depth", "quick", "-o", "json"]).json();
    let items = inventory["items"].as_array().unwrap();
    let told = |user: &Value| {
        let of = items.iter().filter(|item| item["source"] == "uninstall" && item["user"] == *user);
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        of.map(|item| ["name", "version", "publisher", "role"].map(|key| text(item, key)).join(" | "))
            .collect::<Vec<_>>()
    };
    let of_ann = [
        "GitHub Desktop | 3.0.0 | GitHub, Inc. | ",
        "JetBrains dotPeek 2021.3.3 | 2021.3.3 | JetBrains s.r.o. | ",
        "Python 3.10.2 (64-bit) | 3.10.2150.0 | Python Software Foundation | ",
        "Zoom | 5.9.3 (3169) | Zoom Video Communications, Inc. | ",
    ];
    assert_eq!(told(&"ann".into()), of_ann);
    let of_all = [
        "7-Zip 19.00 (x64) | 19.00 | Igor Pavlov | ",
        "Java 8 Update 161 | 8.0.1610.12 | Oracle Corporation | component",
    ];
    assert_eq!(told(&Value::Null), of_all);
}
