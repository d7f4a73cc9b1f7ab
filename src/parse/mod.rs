//! Formats: bytes in, structs out. No policy and no files.

pub mod alpm;
pub mod apkdb;
pub mod chromium;
pub mod command;
pub mod compressed;
pub mod deb822;
pub mod desktop;
pub mod gecko;
pub mod headers;
pub mod initd;
pub mod interpreter;
pub mod jar;
pub mod maps;
pub mod metainfo;
pub mod modinfo;
pub mod modules;
pub mod nix;
pub mod package_json;
pub mod portage;
pub mod rpmdb;
pub mod saved;
pub mod shell;
pub mod unit;
pub mod webext;
pub mod xpi;
pub mod yaml;
