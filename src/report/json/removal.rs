//! The part of the JSON report that says what removes a finding. Commands are for a person to read, and run by nobody else.

use serde::Serialize;

use crate::inventory::Inventory;
use crate::report::Reported;
use crate::report::remediation::{Remediation, Step, remediation};

#[derive(Serialize)]
pub(super) struct RemediationV1 {
    steps: Vec<StepV1>,
    remains: Vec<String>,
    restart: Option<String>,
    opens: Vec<String>,
    confirm: &'static str,
}

#[derive(Serialize)]
struct StepV1 {
    words: String,
    command: Option<String>,
    said: Option<String>,
}

impl RemediationV1 {
    pub(super) fn of(reported: &Reported, inventory: &Inventory) -> Option<Self> {
        let Remediation { steps, remains, restart, opens, confirm } = remediation(reported, inventory)?;
        let step = |Step { words, command, said }| StepV1 {
            words,
            command,
            said: said.map(|said| said.raw().to_owned()),
        };
        let steps = steps.into_iter().map(step).collect();
        Some(Self { steps, remains, restart, opens, confirm })
    }
}
