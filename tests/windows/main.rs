//! interdict as its users meet it on Windows: the built program, on the machine itself and on roots. `.ci/wine` runs these
//! tests elsewhere.
#![cfg(windows)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests lay out files and fail by panicking"
)]

mod golden;
mod live;
mod roots;

use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs the program and gives its exit code and the JSON it wrote.
fn told(args: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
    let output = command.args(args).args(["-o", "json"]).stdin(Stdio::null()).output().unwrap();
    let json = serde_json::from_slice(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), json.unwrap_or_else(|e| panic!("{e}: {error}")))
}

/// All places in an inventory or a report: of items, what they consist of, and of gaps.
fn places(told: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let items = list(&told["items"]);
    let of_items = items.iter().flat_map(|item| {
        list(&item["paths"]).iter().filter_map(text).chain(text(&item["place"])).collect::<Vec<_>>()
    });
    let rows = list(&told["coverage"]);
    let gaps = rows.iter().flat_map(|row| list(&row["gaps"]));
    of_items.chain(gaps.filter_map(|gap| text(&gap["place"]))).collect()
}

/// Runs the program where it fails, and gives its exit code and what it says.
fn failed(args: &[&str]) -> (i32, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_interdict")).args(args).stdin(Stdio::null()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}
