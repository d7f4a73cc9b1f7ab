//! interdict as its users meet it: the built program, run on roots, lists and rule files. Windows has tests of its own.
#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests lay out files, say why they skip, and fail by panicking"
)]

mod accused;
mod appimages;
mod apps;
mod baseline;
mod bound;
mod bounds;
mod cli;
mod confined;
mod containers;
mod corpora;
mod debian;
mod documents;
mod faults;
mod golden;
mod help;
mod hostile;
mod hurt;
mod idle_rules;
mod intel;
mod judge;
mod lab;
mod languages;
mod laws;
mod live;
mod loaded;
mod mac;
mod output;
mod readme;
mod redact;
mod remediation;
mod roots;
mod rule_sets;
mod rules;
mod rulings;
mod saved;
mod saved_damage;
mod shared_apps;
mod shared_browsers;
mod shared_databases;
mod shared_editors;
mod shared_files;
mod shared_languages;
mod shared_mac;
mod shared_modules;
mod shared_packages;
mod shared_pe;
mod shared_registry;
mod signed;
mod strings;
mod traps;
mod trees;
mod validators;
mod verdict;
mod waivers;
mod ways;
mod wazuh;
mod wine;
mod wire;
mod worlds;
mod wrong_rules;
