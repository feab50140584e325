//! The rules of approval: which amounts need which level, and what each level asks for.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use unionflow_protocol::{
    Amount, Role, RoleSet, Timestamp,
    approval::{Band, Level, LevelRules, PolicyRules, Step, TransactionType},
    event::approvals::{ApprovalTerms, CopiedPolicy},
    id::ApprovalId,
    limits,
    problem::{ErrorCode, FieldCode},
};

use crate::{
    hint::Hint,
    refusal::{Faults, Refusal},
};

/// The policy in force, valid by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// From 1.
    pub version: u64,
    /// The rules.
    pub rules: PolicyRules,
    /// Since when.
    pub since: Timestamp,
    /// The request that brought it; none for the first.
    pub approval_id: Option<ApprovalId>,
}

impl Policy {
    /// Exactly one band matches, or the submission is refused: never "approved" because no rule was found.
    pub fn terms(
        &self,
        transaction_type: TransactionType,
        amount: Amount,
        content_hash: String,
        now: Timestamp,
    ) -> Result<ApprovalTerms, Refusal> {
        let band = self
            .rules
            .bands
            .iter()
            .find(|band| band.transaction_type == transaction_type && band.contains(amount))
            .ok_or(ErrorCode::NoPolicy)?;
        let level = level_rules(&self.rules, band.required_level);
        Ok(ApprovalTerms {
            required_level: band.required_level,
            policy_version: self.version,
            policy: CopiedPolicy { steps: level.steps, single_signature: self.rules.single_signature },
            content_hash,
            decide_by: now.plus(hours(level.decide_within_hours)),
            execute_within_hours: level.execute_within_hours,
            code_givers: Vec::new(),
        })
    }
}

/// So many hours.
pub(crate) const fn hours(hours: u32) -> Duration {
    Duration::from_secs(hours as u64 * 3600)
}

fn level_rules(rules: &PolicyRules, level: Level) -> LevelRules {
    rules.levels.get(&level).cloned().unwrap_or_else(|| LevelRules::of(Vec::new()))
}

/// Checks rules before they are asked for, and again before they come into force.
pub fn validate(rules: &PolicyRules) -> Result<(), Refusal> {
    let mut faults = Faults::default();
    if rules.bands.len() > limits::POLICY_BANDS_MAX {
        faults.push("/bands", FieldCode::TooLarge, Hint::AtMost(limits::POLICY_BANDS_MAX as u64));
        return faults.check();
    }
    bands(rules, &mut faults);
    for (level, level_rules) in &rules.levels {
        steps(*level, level_rules, &mut faults);
    }
    for kind in [TransactionType::PolicyChange, TransactionType::RoleChange] {
        let level =
            rules.bands.iter().find(|band| band.transaction_type == kind && band.contains(Amount::ZERO));
        if level.is_none_or(|band| band.required_level == Level::None) {
            faults.push("/bands", FieldCode::Invalid, Hint::GovernanceNeedsVotes(kind));
        }
    }
    faults.check()
}

fn bands(rules: &PolicyRules, faults: &mut Faults) {
    for (i, band) in rules.bands.iter().enumerate() {
        if band.min_amount.is_negative() {
            faults.push(format!("/bands/{i}/minAmount"), FieldCode::TooSmall, Hint::AmountNotNegative);
        }
        if band.max_amount.is_some_and(|max| max <= band.min_amount) {
            faults.push(format!("/bands/{i}/maxAmount"), FieldCode::TooSmall, Hint::BandEndsAboveStart);
        }
        if band.required_level != Level::None && !rules.levels.contains_key(&band.required_level) {
            faults.push(format!("/bands/{i}/requiredLevel"), FieldCode::NotFound, Hint::LevelMissing);
        }
        if rules.bands[..i].iter().any(|other| overlap(other, band)) {
            faults.push(format!("/bands/{i}"), FieldCode::Mismatch, Hint::BandsOverlap);
        }
    }
}

fn overlap(a: &Band, b: &Band) -> bool {
    let begins_before_end_of = |x: &Band, y: &Band| y.max_amount.is_none_or(|max| x.min_amount < max);
    a.transaction_type == b.transaction_type && begins_before_end_of(a, b) && begins_before_end_of(b, a)
}

fn steps(level: Level, rules: &LevelRules, faults: &mut Faults) {
    let at = |rest: &str| format!("/levels/{level}{rest}");
    match (level, rules.steps.len()) {
        (Level::None, 1..) => faults.push(at("/steps"), FieldCode::NotAllowed, Hint::NoSteps),
        (Level::Level1 | Level::Level2 | Level::Level3, 0) => {
            faults.push(at("/steps"), FieldCode::Required, Hint::StepsRequired);
        }
        (_, count) if count > limits::POLICY_STEPS_MAX => {
            faults.push(at("/steps"), FieldCode::TooLarge, Hint::AtMost(limits::POLICY_STEPS_MAX as u64));
        }
        _ => {}
    }
    for (i, step) in rules.steps.iter().enumerate() {
        if step.roles.is_empty() || !step.roles.is_subset_of(RoleSet::VOTING) {
            faults.push(
                at(&format!("/steps/{i}/roles")),
                FieldCode::NotAllowed,
                Hint::OnlyRoles(RoleSet::VOTING),
            );
        }
        if !limits::STEP_APPROVALS.contains(&step.min_approvals) {
            let hint = between(&limits::STEP_APPROVALS);
            faults.push(at(&format!("/steps/{i}/minApprovals")), FieldCode::Invalid, hint);
        }
    }
    for (field, value) in
        [("decideWithinHours", rules.decide_within_hours), ("executeWithinHours", rules.execute_within_hours)]
    {
        if !limits::POLICY_HOURS.contains(&value) {
            let hint = between(&limits::POLICY_HOURS);
            faults.push(at(&format!("/{field}")), FieldCode::Invalid, hint);
        }
    }
}

fn between<N: Copy + Into<u64>>(range: &RangeInclusive<N>) -> Hint {
    Hint::Between { min: (*range.start()).into(), max: (*range.end()).into() }
}

/// The policy of a new organisation: every type, any amount, one vote of somebody other than the makers.
pub fn default_rules(single_signature: bool) -> PolicyRules {
    let one = Step::of(1, &[Role::President, Role::Treasurer, Role::Secretary, Role::BoardMember]);
    PolicyRules {
        bands: TransactionType::ALL.iter().map(|kind| band(*kind, 0, None, Level::Level1)).collect(),
        levels: BTreeMap::from([(Level::Level1, LevelRules::of(vec![one]))]),
        single_signature,
    }
}

/// The policy of the demonstration: heavier levels from 100,000 and from 1,000,000 XOF.
pub fn demo_rules() -> PolicyRules {
    let others = [Role::Treasurer, Role::Secretary, Role::BoardMember];
    let mut rules = default_rules(false);
    rules.bands.clear();
    for kind in TransactionType::ALL {
        if kind.is_governance() {
            rules.bands.push(band(*kind, 0, None, Level::Level1));
            continue;
        }
        rules.bands.push(band(*kind, 0, Some(100_000), Level::Level1));
        rules.bands.push(band(*kind, 100_000, Some(1_000_000), Level::Level2));
        rules.bands.push(band(*kind, 1_000_000, None, Level::Level3));
    }
    let president = Step::of(1, &[Role::President]);
    rules.levels.insert(Level::Level2, LevelRules::of(vec![president.clone(), Step::of(1, &others)]));
    rules.levels.insert(Level::Level3, LevelRules::of(vec![president, Step::of(2, &others)]));
    rules
}

fn band(transaction_type: TransactionType, min: i64, max: Option<i64>, required_level: Level) -> Band {
    let amount = |minor| Amount::new(minor).expect("a small constant");
    Band { transaction_type, min_amount: amount(min), max_amount: max.map(amount), required_level }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(minor: i64) -> Amount {
        Amount::new(minor).unwrap()
    }

    fn level_of(rules: PolicyRules, minor: i64) -> Result<Level, ErrorCode> {
        Policy { version: 1, rules, since: Timestamp::from_millis(0), approval_id: None }
            .terms(TransactionType::Expense, amount(minor), String::new(), Timestamp::from_millis(0))
            .map(|terms| terms.required_level)
            .map_err(|refusal| refusal.code)
    }

    fn pointers(rules: &PolicyRules) -> Vec<String> {
        validate(rules)
            .err()
            .map_or(Vec::new(), |r| r.faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn an_amount_on_the_edge_belongs_to_the_higher_band() {
        assert_eq!(level_of(demo_rules(), 99_999), Ok(Level::Level1));
        assert_eq!(level_of(demo_rules(), 100_000), Ok(Level::Level2));
        assert_eq!(level_of(demo_rules(), 1_000_000), Ok(Level::Level3));
    }

    #[test]
    fn without_a_band_the_submission_is_refused() {
        let mut rules = demo_rules();
        rules.bands.retain(|band| band.transaction_type != TransactionType::Expense);
        assert_eq!(level_of(rules, 5), Err(ErrorCode::NoPolicy));
    }

    #[test]
    fn the_two_policies_we_hand_out_are_valid() {
        assert_eq!(validate(&default_rules(true)), Ok(()));
        assert_eq!(validate(&demo_rules()), Ok(()));
    }

    #[test]
    fn rules_that_would_let_one_person_rule_alone_are_refused() {
        for kind in [TransactionType::PolicyChange, TransactionType::RoleChange] {
            let mut none = default_rules(false);
            none.bands
                .iter_mut()
                .filter(|b| b.transaction_type == kind)
                .for_each(|b| b.required_level = Level::None);
            assert_eq!(pointers(&none), ["/bands"], "{kind} needs no vote");
            let mut absent = default_rules(false);
            absent.bands.retain(|band| band.transaction_type != kind);
            assert_eq!(pointers(&absent), ["/bands"], "{kind} has no band");
            let mut beyond = default_rules(false);
            beyond
                .bands
                .iter_mut()
                .filter(|b| b.transaction_type == kind)
                .for_each(|b| b.min_amount = amount(1));
            assert_eq!(pointers(&beyond), ["/bands"], "{kind} has no band for 0");
        }
        for role in [Role::Admin, Role::Auditor, Role::Member] {
            let mut rules = default_rules(false);
            rules.levels.insert(Level::Level1, LevelRules::of(vec![Step::of(1, &[Role::President, role])]));
            assert_eq!(pointers(&rules), ["/levels/LEVEL1/steps/0/roles"]);
        }
    }

    #[test]
    fn every_fault_of_a_policy_is_named_at_once() {
        let mut rules = demo_rules();
        rules.bands[1].max_amount = Some(amount(5));
        rules.bands.push(band(TransactionType::Aid, 50, Some(60), Level::Level1));
        rules.levels.insert(Level::Level2, LevelRules::of(Vec::new()));
        rules.levels.insert(
            Level::Level3,
            LevelRules { execute_within_hours: 0, ..rules.levels[&Level::Level3].clone() },
        );
        let last = rules.bands.len() - 1;
        let expected = [
            "/bands/1/maxAmount".to_owned(),
            format!("/bands/{last}"),
            "/levels/LEVEL2/steps".to_owned(),
            "/levels/LEVEL3/executeWithinHours".to_owned(),
        ];
        assert_eq!(pointers(&rules), expected);
    }
}
