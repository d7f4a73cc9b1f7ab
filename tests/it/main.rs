//! interdict as its users meet it: the built program, run on roots, lists and rule files.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests lay out files, say why they skip, and fail by panicking"
)]

mod accused;
mod bounds;
mod confined;
mod corpora;
mod hostile;
mod lab;
mod laws;
mod readme;
mod saved;
mod saved_damage;
mod strings;
