//! Properties of the rules, with everything drawn at random.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use unionflow_domain::{
    approval::{Resolution, Vote, resolve},
    figures::Figures,
    policy::{self, Policy},
};
use unionflow_protocol::{
    Amount, Currency, Date, Event, Role, RoleSet, Timestamp, View,
    approval::{Band, Level, LevelRules, PolicyRules, Step, TransactionType},
    event::{
        approvals::{ApprovalExecuted, ApprovalTerms, CopiedPolicy},
        members::MemberCreated,
    },
    id::{ApprovalId, MemberId},
    member::MemberStatus,
    problem::ErrorCode,
};
use uuid::Uuid;

fn at(hours: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000).plus(Duration::from_secs(hours * 3600))
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("within range")
}

fn member(n: u8) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(u128::from(n)))
}

const DECIDE_WITHIN: u64 = 100;

fn terms(steps: &[u8]) -> ApprovalTerms {
    let steps = steps.iter().map(|min| Step { roles: RoleSet::VOTING, min_approvals: *min }).collect();
    ApprovalTerms {
        required_level: Level::Level1,
        policy_version: 1,
        policy: CopiedPolicy { steps, single_signature: false },
        content_hash: "now".into(),
        decide_by: at(DECIDE_WITHIN),
        execute_within_hours: 1,
        code_givers: Vec::new(),
    }
}

prop_compose! {
    /// A vote of one of six people: at any time, on this content or another, standing, taken back or void.
    fn vote()(who in 0..6u8, step in 1..4u8, hours in 0..120u64, stands in 0..8u8, single in 0..12u8) -> Vote {
        Vote {
            voter_id: member(who),
            step,
            content_hash: if stands == 1 { "before".into() } else { "now".into() },
            at: at(hours),
            single_signature: single == 0,
            withdrawn_at: (stands == 2).then(|| at(hours)),
            voided_at: (stands == 3).then(|| at(hours)),
        }
    }
}

/// The rule in other words: how many different people stand behind each step.
fn by_hand(terms: &ApprovalTerms, votes: &[Vote], now: Timestamp) -> Resolution {
    let mut behind: BTreeMap<u8, (Vec<MemberId>, bool)> = BTreeMap::new();
    for vote in votes {
        let counts = vote.content_hash == terms.content_hash
            && vote.withdrawn_at.is_none()
            && vote.voided_at.is_none()
            && vote.at < terms.decide_by;
        if counts {
            let (people, alone) = behind.entry(vote.step).or_default();
            if !people.contains(&vote.voter_id) {
                people.push(vote.voter_id);
            }
            *alone |= vote.single_signature;
        }
    }
    for (step, rule) in (1..).zip(&terms.policy.steps) {
        let (people, alone) = behind.remove(&step).unwrap_or_default();
        let needed = usize::from(rule.min_approvals);
        if people.len() < needed && !alone {
            let votes_in_step = u8::try_from(people.len()).expect("six people");
            let open = Resolution::Open { step, votes_in_step, votes_needed: rule.min_approvals };
            return if now < terms.decide_by { open } else { Resolution::Expired };
        }
    }
    Resolution::Approved
}

proptest! {
    /// `resolve` depends on nothing but its arguments, and on the votes as a set: neither their order nor saying one twice
    /// matters.
    #[test]
    fn a_vote_counts_once_and_the_order_of_votes_does_not_matter(
        steps in proptest::collection::vec(1..4u8, 0..4),
        votes in proptest::collection::vec(vote(), 0..14),
        hours in 0..120u64,
        shuffle in any::<prop::sample::Index>(),
    ) {
        let (terms, now) = (terms(&steps), at(hours));
        let expected = by_hand(&terms, &votes, now);
        prop_assert_eq!(resolve(&terms, &votes, now), expected);
        let mut other = votes;
        if !other.is_empty() {
            let middle = shuffle.index(other.len());
            other.rotate_left(middle);
            let copies: Vec<Vote> = other.iter().take(middle).cloned().collect();
            other.extend(copies);
            other.reverse();
        }
        prop_assert_eq!(resolve(&terms, &other, now), expected);
    }

    /// Once approved by votes in time, no time that passes and no further vote undoes it.
    #[test]
    fn what_votes_have_approved_stays_approved(
        steps in proptest::collection::vec(1..3u8, 0..3),
        votes in proptest::collection::vec(vote(), 0..14),
        more in proptest::collection::vec(vote(), 0..4),
        hours in 0..120u64,
    ) {
        let terms = terms(&steps);
        if resolve(&terms, &votes, at(hours)) == Resolution::Approved {
            let votes = [votes, more].concat();
            prop_assert_eq!(resolve(&terms, &votes, at(hours + 1000)), Resolution::Approved);
        }
    }

    /// Bands that are cut at any places, in any order: each amount has exactly one, an edge belongs to the higher.
    #[test]
    fn every_amount_has_one_band_and_an_edge_belongs_to_the_higher(
        cuts in proptest::collection::btree_set(1..1000i64, 0..6),
        probe in 0..1100i64,
        turn in any::<prop::sample::Index>(),
    ) {
        let edges: Vec<i64> = std::iter::once(0).chain(cuts).collect();
        let rules = cut_at(&edges, turn.index(edges.len()));
        prop_assert_eq!(policy::validate(&rules), Ok(()));
        for minor in edges.iter().copied().chain([probe]) {
            let below = edges.iter().filter(|edge| **edge <= minor).count() - 1;
            let matching: Vec<&Band> = expenses(&rules).filter(|band| band.contains(amount(minor))).collect();
            prop_assert_eq!(matching.len(), 1, "P1");
            prop_assert_eq!(matching[0].min_amount, amount(edges[below]), "P2");
            let terms = in_force(rules.clone()).terms(TransactionType::Expense, amount(minor), String::new(), at(0));
            prop_assert_eq!(terms.unwrap().required_level, matching[0].required_level);
        }
    }

    /// A band that is taken out leaves a hole: refused, never approved. One that is widened overlaps: the rules are refused.
    #[test]
    fn a_hole_refuses_the_submission_and_an_overlap_the_rules(
        cuts in proptest::collection::btree_set(1..1000i64, 1..6),
        which in any::<prop::sample::Index>(),
    ) {
        let edges: Vec<i64> = std::iter::once(0).chain(cuts).collect();
        let out = which.index(edges.len());
        let mut holed = cut_at(&edges, 0);
        holed.bands.retain(|band| {
            band.transaction_type != TransactionType::Expense || band.min_amount != amount(edges[out])
        });
        let terms = in_force(holed).terms(TransactionType::Expense, amount(edges[out]), String::new(), at(0));
        prop_assert_eq!(terms.unwrap_err().code, ErrorCode::NoPolicy);

        let mut wide = cut_at(&edges, 0);
        let last = edges.len() - 1;
        let lower = which.index(last);
        for band in &mut wide.bands {
            if band.transaction_type == TransactionType::Expense && band.min_amount == amount(edges[lower]) {
                band.max_amount = Some(amount(edges[lower + 1] + 1));
            }
        }
        prop_assert!(policy::validate(&wide).is_err());
    }

    /// Whatever rules somebody asks for: valid ones never let a change of rules or roles through without a vote of an
    /// office holder.
    #[test]
    fn valid_rules_always_ask_an_office_holder_about_rules_and_roles(
        levels in proptest::collection::vec((0..4usize, proptest::collection::vec((0..128u8, 0..3u8), 0..3)), 0..4),
        bands in proptest::collection::vec((8..10usize, 0..4usize, 0..3i64, 0..4i64), 0..4),
    ) {
        let rules = drawn(&levels, &bands);
        if policy::validate(&rules).is_err() {
            return Ok(());
        }
        for kind in [TransactionType::PolicyChange, TransactionType::RoleChange] {
            let terms = in_force(rules.clone()).terms(kind, Amount::ZERO, String::new(), at(0)).unwrap();
            prop_assert!(!terms.policy.steps.is_empty(), "{kind}");
            prop_assert!(matches!(resolve(&terms, &[], at(0)), Resolution::Open { .. }), "{kind}");
            for step in &terms.policy.steps {
                prop_assert!(!step.roles.is_empty() && step.roles.is_subset_of(RoleSet::VOTING));
                prop_assert!(step.min_approvals > 0);
            }
        }
    }

    /// Days may be swept one by one, or none for months: stocks and flows come out the same, each flow in its own month.
    #[test]
    fn figures_roll_over_months_whenever_somebody_looks(
        facts in proptest::collection::vec((0..75i32, 1..500i64, any::<bool>()), 1..20),
        looks in proptest::collection::vec(0..75i32, 0..10),
    ) {
        let begins = Date::new(2026, 1, 20).unwrap();
        let (mut rare, mut often) = (Figures::new(Currency::XOF, begins), Figures::new(Currency::XOF, begins));
        let mut day = begins;
        let mut executed: BTreeMap<Date, i64> = BTreeMap::new();
        let mut joined: BTreeMap<Date, u32> = BTreeMap::new();
        for (n, (days, minor, joins)) in facts.into_iter().enumerate() {
            let next = day.plus_days(days);
            if let Some(look) = looks.get(n) {
                often.roll_to(day.plus_days((*look).min(days)));
            }
            let event = if joins { somebody_joins(next) } else { money_is_spent(minor) };
            rare.apply(&event, next);
            often.apply(&event, next);
            let month = next.first_of_month();
            if joins {
                *joined.entry(month).or_default() += 1;
            } else {
                *executed.entry(month).or_default() += minor;
            }
            day = next;
        }
        prop_assert_eq!(&rare, &often);
        let kpis = rare.kpis(View::Officers, false);
        let months = (0..12).rev().map(|back| day.first_of_month().plus_months(-back));
        let flows: Vec<i64> = months.clone().map(|month| executed.get(&month).copied().unwrap_or(0)).collect();
        let told = kpis.approvals.executed_this_month.unwrap();
        prop_assert_eq!(told.iter().map(|amount| amount.minor_units()).collect::<Vec<_>>(), flows);
        let came: Vec<u32> = months.map(|month| joined.get(&month).copied().unwrap_or(0)).collect();
        prop_assert_eq!(&kpis.members.new_this_month, &came);
        prop_assert_eq!(kpis.members.active[11], joined.values().sum::<u32>(), "stocks stay");
    }
}

/// The default rules, with expenses cut at these amounts; the bands turned so that their order is another one.
fn cut_at(edges: &[i64], turn: usize) -> PolicyRules {
    let mut rules = policy::demo_rules();
    rules.bands.retain(|band| band.transaction_type != TransactionType::Expense);
    let mut bands: Vec<Band> = edges
        .iter()
        .enumerate()
        .map(|(i, min)| Band {
            transaction_type: TransactionType::Expense,
            min_amount: amount(*min),
            max_amount: edges.get(i + 1).map(|max| amount(*max)),
            required_level: [Level::Level1, Level::Level2, Level::Level3][i % 3],
        })
        .collect();
    bands.rotate_left(turn);
    rules.bands.extend(bands);
    rules
}

fn expenses(rules: &PolicyRules) -> impl Iterator<Item = &Band> {
    rules.bands.iter().filter(|band| band.transaction_type == TransactionType::Expense)
}

fn in_force(rules: PolicyRules) -> Policy {
    Policy { version: 1, rules, since: at(0), approval_id: None }
}

fn drawn(levels: &[(usize, Vec<(u8, u8)>)], bands: &[(usize, usize, i64, i64)]) -> PolicyRules {
    let level = |n: usize| [Level::None, Level::Level1, Level::Level2, Level::Level3][n];
    let steps = |steps: &Vec<(u8, u8)>| {
        let step = |(bits, min): &(u8, u8)| Step { roles: RoleSet::from_bits(*bits), min_approvals: *min };
        LevelRules::of(steps.iter().map(step).collect())
    };
    let mut rules = policy::default_rules(false);
    rules.levels.extend(levels.iter().map(|(n, drawn)| (level(*n), steps(drawn))));
    if !bands.is_empty() {
        rules.bands.retain(|band| !band.transaction_type.is_governance());
        rules.bands.extend(bands.iter().map(|(kind, n, min, width)| Band {
            transaction_type: TransactionType::ALL[*kind],
            min_amount: amount(*min),
            max_amount: (*width < 3).then(|| amount(min + width)),
            required_level: level(*n),
        }));
    }
    rules
}

fn somebody_joins(day: Date) -> Event {
    let status = MemberStatus::Active;
    MemberCreated { id: member(1), member_number: "1".into(), status, joined_on: day }.into()
}

fn money_is_spent(minor: i64) -> Event {
    ApprovalExecuted {
        id: ApprovalId::from_uuid(Uuid::nil()),
        transaction_type: TransactionType::Expense,
        amount: amount(minor),
        currency: Currency::XOF,
        executed_by: None,
        entry_id: None,
    }
    .into()
}

#[test]
fn the_roles_that_rules_may_name_are_the_four_that_vote() {
    let named = [Role::President, Role::Treasurer, Role::Secretary, Role::BoardMember];
    assert_eq!(RoleSet::VOTING, RoleSet::of(&named));
}
