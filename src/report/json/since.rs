//! The part of the JSON report that tells of an earlier one.

use serde::Serialize;

use crate::baseline::{Comparison, Earlier};
use crate::text::Text;

#[derive(Serialize)]
pub(super) struct BaselineV1<'a> {
    finished: &'a str,
    host: Option<&'a str>,
    verdict: &'static str,
}

impl<'a> BaselineV1<'a> {
    pub(super) fn of(of: &'a Comparison) -> Self {
        Self {
            finished: of.finished.raw(),
            host: of.host.as_ref().map(Text::raw),
            verdict: of.verdict.word(),
        }
    }
}

/// A finding of the earlier report that is no more.
#[derive(Serialize)]
pub(super) struct GoneV1<'a> {
    id: &'a str,
    vendor: &'a str,
    vendor_name: &'a str,
    product: &'a str,
    product_name: &'a str,
    version: Option<&'a str>,
    #[serde(rename = "where")]
    place: &'a str,
    state: &'static str,
    strength: &'static str,
}

impl<'a> GoneV1<'a> {
    pub(super) fn of(of: &'a Earlier) -> Self {
        Self {
            id: of.id.raw(),
            vendor: &of.vendor,
            vendor_name: &of.vendor_name,
            product: &of.product,
            product_name: &of.product_name,
            version: of.version.as_ref().map(Text::raw),
            place: of.place.raw(),
            state: of.state.word(),
            strength: of.strength.word(),
        }
    }
}
