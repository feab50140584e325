//! Random commands of random people in two organisations, and afterwards everything computed again from the journal alone.
//!
//! `UNIONFLOW_MODEL_SEED=5` repeats one run; `UNIONFLOW_MODEL_SEEDS=200` makes as many, `UNIONFLOW_MODEL_STEPS=5000` long ones.

mod chance;
mod retold;

use std::{collections::BTreeMap, str::FromStr};

use chance::{DEEDS, World};
use retold::Retold;

const SEEDS: u64 = 4;
const STEPS: u32 = 800;
/// Every so many steps the journal is compared with the state.
const COMPARE_EVERY: u32 = 200;

const REFUSALS: &[&str] = &[
    "CODE_GIVER_MAY_NOT_VOTE",
    "MAKER_MAY_NOT_VOTE",
    "NOT_AN_APPROVER",
    "ALREADY_VOTED",
    "WRONG_APPROVAL_STATUS",
    "CONTENT_CHANGED",
    "DECISION_TOO_LATE",
    "NOT_THE_CREATOR",
    "NOT_EDITABLE",
    "MEMBERSHIP_SUSPENDED",
    "DUPLICATE_REQUEST",
    "NOT_FOUND",
    "FORBIDDEN",
];
const FACTS: &[&str] = &[
    "APPROVAL_PENDING",
    "APPROVAL_UPDATED",
    "APPROVAL_VOTE_RECORDED",
    "APPROVAL_VOTE_WITHDRAWN",
    "APPROVAL_BLOCKED",
    "APPROVAL_UNBLOCKED",
    "APPROVAL_APPROVED",
    "APPROVAL_REJECTED",
    "APPROVAL_CANCELLED",
    "APPROVAL_EXPIRED",
    "APPROVAL_LAPSED",
    "APPROVAL_EXECUTED",
    "APPROVAL_EXECUTION_FAILED",
    "POLICY_CHANGED",
    "LEDGER_ENTRY_POSTED",
    "MEMBER_CREATED",
    "MEMBER_ADMITTED",
    "MEMBER_REFUSED",
    "MEMBER_SUSPENDED",
    "MEMBER_REINSTATED",
    "MEMBER_LEFT",
    "MEMBER_RESET_ISSUED",
    "ROLE_GRANTED",
    "ROLE_REVOKED",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_people_try_the_journal_alone_tells_the_state() {
    let steps = set("UNIONFLOW_MODEL_STEPS").unwrap_or(STEPS);
    let seeds = match set("UNIONFLOW_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..set("UNIONFLOW_MODEL_SEEDS").unwrap_or(SEEDS) + 1,
    };
    let mut runs = tokio::task::JoinSet::new();
    let mut seen = BTreeMap::new();
    let count = |run: BTreeMap<String, u32>, seen: &mut BTreeMap<String, u32>| {
        for (what, often) in run {
            *seen.entry(what).or_default() += often;
        }
    };
    for seed in seeds {
        while runs.len() >= 2 {
            count(runs.join_next().await.expect("there are some").expect("the run holds"), &mut seen);
        }
        runs.spawn(run(seed, steps));
    }
    while let Some(run) = runs.join_next().await {
        count(run.expect("the run holds"), &mut seen);
    }
    println!("{seen:?}");
    if set::<u64>("UNIONFLOW_MODEL_SEED").is_none() {
        is_enough(&seen);
    }
}

/// Runs in which little comes about prove little.
fn is_enough(seen: &BTreeMap<String, u32>) {
    let deeds = DEEDS.iter().map(|(deed, _)| *deed);
    for what in deeds.chain(REFUSALS.iter().copied()).chain(FACTS.iter().copied()) {
        assert!(seen.contains_key(what), "`{what}` never came about: {seen:?}");
    }
}

async fn run(seed: u64, steps: u32) -> BTreeMap<String, u32> {
    let _told = Replay(seed);
    let mut world = World::new(seed).await;
    for step in 1..=steps {
        world.step().await;
        if step % COMPARE_EVERY == 0 || step == steps {
            let told = compare(&world).await;
            if step == steps {
                world.seen.extend(told);
            }
        }
    }
    world.seen
}

/// Compares both organisations; how often each type of event was told.
async fn compare(world: &World) -> BTreeMap<String, u32> {
    let mut types = BTreeMap::new();
    for scene in &world.scenes {
        let mut retold = Retold::new(scene.club.id);
        for told in world.town.told_after(&scene.club, unionflow_protocol::Seq(0)).await {
            retold.hear(&told);
            *types.entry(told.envelope.event.type_name().to_owned()).or_default() += 1;
        }
        retold.is_what_is_stored(&world.town, &scene.club).await;
    }
    types
}

fn set<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// Says how to repeat a run that failed.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat this run with UNIONFLOW_MODEL_SEED={}", self.0);
        }
    }
}
