//! interdict
pub mod error;
pub mod inventory;
pub mod item;
pub mod parse;
pub mod sources;
pub mod target;
pub mod text;
mod word;
