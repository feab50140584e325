//! A commit in one process wakes the others; what they cannot have heard of, they are told to look for.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::timeout;
use unionflow_components::Postgres;
use unionflow_protocol::{Seq, id::OrganizationId};
use unionflow_storage::{
    Wake, Wakes,
    conformance::{found, join},
};

use super::open;

const PATIENCE: Duration = Duration::from_secs(30);
/// Ends the connection that listens.
const DEAFEN: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
                      AND query LIKE 'LISTEN%'";

async fn next(wakes: &mut Wakes) -> Wake {
    timeout(PATIENCE, wakes.next()).await.expect("a wake comes")
}

/// Until everything is to be looked at. News of before may come first.
async fn is_told_to_look(wakes: &mut Wakes) {
    while next(wakes).await != Wake::Everything {}
}

/// Until this journal is among what is told.
async fn hears_of(wakes: &mut Wakes, organization: OrganizationId) {
    loop {
        match next(wakes).await {
            Wake::Journals(journals) if journals.contains_key(&organization) => return,
            Wake::Journals(_) => {}
            Wake::Everything => panic!("nothing was lost"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_wakes_the_other_process_and_not_its_own() {
    let database = Postgres::database().unwrap();
    let (one, other) = (open(database.url()).unwrap(), open(database.url()).unwrap());
    let (mut here, mut there) = (one.wakes(), other.wakes());
    is_told_to_look(&mut here).await;
    is_told_to_look(&mut there).await;
    let organization = found(&one).await;
    hears_of(&mut there, organization).await;
    let answered = found(&other).await;
    let first = next(&mut here).await;
    assert_eq!(
        first,
        Wake::Journals(HashMap::from([(answered, Seq(1))])),
        "the other's is the first it hears"
    );
    join(&other, organization).await.unwrap();
    hears_of(&mut here, organization).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_could_not_hear_is_told_to_look_at_everything_and_hears_again() {
    let database = Postgres::database().unwrap();
    let (one, other) = (open(database.url()).unwrap(), open(database.url()).unwrap());
    let mut wakes = other.wakes();
    is_told_to_look(&mut wakes).await;
    assert_eq!(database.psql(DEAFEN).unwrap().trim(), "1");
    is_told_to_look(&mut wakes).await;
    let organization = found(&one).await;
    hears_of(&mut wakes, organization).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commits_of_many_organisations_are_told_together() {
    let database = Postgres::database().unwrap();
    let (one, other) = (open(database.url()).unwrap(), open(database.url()).unwrap());
    let mut wakes = other.wakes();
    is_told_to_look(&mut wakes).await;
    let mut missing = HashSet::new();
    for _ in 0..250 {
        missing.insert(found(&one).await);
    }
    while !missing.is_empty() {
        let Wake::Journals(told) = next(&mut wakes).await else { panic!("nothing was lost") };
        missing.retain(|organization| !told.contains_key(organization));
    }
}
