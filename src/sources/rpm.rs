//! stub while laying the types
use crate::inventory::Gap;
use crate::item::Kind;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Packages, Target};
pub(super) const SOURCE: Source = Source { id: "rpm", about: "rpm", expects: &[], needs: Needs::Files, depth: Depth::Quick, yields: &[Kind::Package], rights: "", blind: "", collect };
fn collect(target: &Target, sink: &mut Sink) -> Result<(), Gap> { let _ = (target, sink, Packages::Rpm); Ok(()) }
