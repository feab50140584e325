//! The rules of a policy as a command brings them. Readers of events tolerate keys they do not know; a command with one is
//! refused, or a rule that somebody misspelt would be left out without a word.

use std::collections::BTreeMap;

use serde::Deserialize;

#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    approval::{self, Level, PolicyRules, TransactionType},
    money::Amount,
    role::RoleSet,
};

/// `PUT /organizations/{id}/approval-policy`: asks for these rules; others decide.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AskPolicy {
    /// Half-open ranges of amounts per type. An amount in no range is refused.
    #[cfg_attr(feature = "schema", schemars(length(max = limits::POLICY_BANDS_MAX)))]
    bands: Vec<AskBand>,
    /// What each level that a band names asks for.
    levels: BTreeMap<Level, AskLevel>,
    /// While at most one person holds a voting role, that person may decide alone, also on own requests (never as the
    /// beneficiary). Shown as a warning on every report.
    #[serde(default)]
    single_signature: bool,
    /// Why.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = *limits::REASON_CHARS.start(), max = *limits::REASON_CHARS.end()))
    )]
    purpose: Option<String>,
}

/// From `minAmount` up to, but without, `maxAmount`. Bands of a type do not overlap.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AskBand {
    /// The type it is for.
    transaction_type: TransactionType,
    /// The smallest amount, in minor units.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 0)))]
    min_amount: Amount,
    /// The first amount beyond it, above `minAmount`; left out = no upper end.
    max_amount: Option<Amount>,
    /// The level it needs.
    required_level: Level,
}

/// What a level asks for.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AskLevel {
    /// In this order. Empty for `NONE` only.
    #[cfg_attr(feature = "schema", schemars(length(max = limits::POLICY_STEPS_MAX)))]
    steps: Vec<AskStep>,
    /// How long a request may wait for votes, in hours.
    #[serde(default = "approval::default_decide_within_hours")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::POLICY_HOURS.start(), max = *limits::POLICY_HOURS.end()))
    )]
    decide_within_hours: u32,
    /// How long it may wait for execution once approved, in hours.
    #[serde(default = "approval::default_execute_within_hours")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::POLICY_HOURS.start(), max = *limits::POLICY_HOURS.end()))
    )]
    execute_within_hours: u32,
}

/// One step of a level: so many votes by different holders of these roles.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AskStep {
    /// Who may vote: PRESIDENT, TREASURER, SECRETARY, BOARD_MEMBER.
    roles: RoleSet,
    /// How many of them must.
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::STEP_APPROVALS.start(), max = *limits::STEP_APPROVALS.end()))
    )]
    min_approvals: u8,
}

impl From<AskPolicy> for super::AskPolicy {
    fn from(asked: AskPolicy) -> Self {
        let rules = PolicyRules {
            bands: asked.bands.into_iter().map(Into::into).collect(),
            levels: asked.levels.into_iter().map(|(level, rules)| (level, rules.into())).collect(),
            single_signature: asked.single_signature,
        };
        Self { rules, purpose: asked.purpose }
    }
}

impl From<AskBand> for approval::Band {
    fn from(asked: AskBand) -> Self {
        Self {
            transaction_type: asked.transaction_type,
            min_amount: asked.min_amount,
            max_amount: asked.max_amount,
            required_level: asked.required_level,
        }
    }
}

impl From<AskLevel> for approval::LevelRules {
    fn from(asked: AskLevel) -> Self {
        Self {
            steps: asked.steps.into_iter().map(Into::into).collect(),
            decide_within_hours: asked.decide_within_hours,
            execute_within_hours: asked.execute_within_hours,
        }
    }
}

impl From<AskStep> for approval::Step {
    fn from(asked: AskStep) -> Self {
        Self { roles: asked.roles, min_approvals: asked.min_approvals }
    }
}

#[cfg(test)]
mod tests {
    use super::super::AskPolicy;
    use crate::event::approvals::PolicyChanged;

    const RULES: &str = r#""bands":[{"transactionType":"AID","requiredLevel":"LEVEL1","note":1}],
        "levels":{"LEVEL1":{"steps":[{"roles":["PRESIDENT"],"minApprovals":1,"note":1}],"note":1}}"#;

    #[test]
    fn a_misspelt_key_of_a_rule_is_refused_in_a_command_and_passed_over_in_an_event() {
        let plain = RULES.replace(r#","note":1"#, "");
        assert!(serde_json::from_str::<AskPolicy>(&format!("{{{plain}}}")).is_ok());
        assert!(serde_json::from_str::<AskPolicy>(&format!("{{{plain},\"singelSignature\":true}}")).is_err());
        assert!(serde_json::from_str::<AskPolicy>(&format!("{{{RULES}}}")).is_err());
        let changed: PolicyChanged =
            serde_json::from_str(&format!("{{\"policyVersion\":2,{RULES}}}")).unwrap();
        assert_eq!(changed.rules.bands.len(), 1);
    }
}
