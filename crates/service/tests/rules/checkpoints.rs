//! Heads are signed when they have moved, and a journal is held against them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use unionflow_bus::{InProcessBus, OutletInMemory, RawRecord};
use unionflow_domain::policy::demo_rules;
use unionflow_protocol::{
    Role, Seq, Topic,
    checkpoint::Checkpoint,
    id::{Epoch, OrganizationId},
};
use unionflow_service::checkpoints::{Gone, Held, OtherEpoch, Signing};

use super::scene::{Club, Town, Wanted};

fn signing() -> (Arc<OutletInMemory>, Signing) {
    let outlet = Arc::new(OutletInMemory::default());
    let (bus, every) = (Arc::new(InProcessBus::default()), Duration::from_secs(3600));
    (outlet.clone(), Signing { bus, outlet, every })
}

async fn club(town: &Town) -> Club {
    town.found(demo_rules(), &[&[Role::President], &[Role::Treasurer]]).await
}

fn read(record: &RawRecord) -> Checkpoint {
    assert_eq!(record.topic, Topic::Checkpoints);
    let checkpoint: Checkpoint =
        serde_json::from_slice(record.value.as_ref().expect("a value")).expect("JSON");
    assert_eq!(record.key.as_ref().expect("a key"), checkpoint.organization_id.to_string().as_bytes());
    checkpoint
}

#[tokio::test]
async fn only_heads_that_moved_are_signed_again_and_the_journal_holds_them() {
    let town = Town::open().await;
    let (here, there) = (club(&town).await, club(&town).await);
    let ((outlet, signing), mut signed) = (signing(), HashMap::new());
    assert_eq!(town.service.sign_heads(&signing, &mut signed).await, Ok(2));
    let mut records = outlet.take();
    assert_eq!(town.service.sign_heads(&signing, &mut signed).await, Ok(0));
    town.submit(&here, here.people[1], Wanted::expense(75_000)).await.unwrap();
    assert_eq!(town.service.sign_heads(&signing, &mut signed).await, Ok(1));
    let moved = outlet.take();
    let newest = read(&moved[0]);
    assert_eq!((newest.organization_id, newest.seq), (here.id, town.head(&here).await));
    records.extend(moved);

    let mut heads = town.service.signed().await.unwrap();
    records.iter().for_each(|record| heads.hear(record));
    assert_eq!(town.service.held(&heads, here.id).await, Ok(Held::Holds(newest.seq)));
    // Another hash at a place that was signed, and a place that the journal never reached.
    for (seq, hash) in [(Seq(2), "00".repeat(32)), (newest.seq.next(), newest.hash.clone())] {
        let keys = town.service.checkpoint_keys().await.unwrap();
        let other = keys.sign(Checkpoint { seq, hash, ..newest.clone() });
        let mut heads = town.service.signed().await.unwrap();
        heads.hear(&RawRecord {
            value: Some(serde_json::to_vec(&other).unwrap().into()),
            ..records[0].clone()
        });
        assert_eq!(town.service.held(&heads, here.id).await, Ok(Held::Contradicts(seq)));
        assert_eq!(town.service.held(&heads, there.id).await, Ok(Held::Unsigned));
    }
}

#[tokio::test]
async fn what_is_not_signed_by_this_store_counts_as_forged_and_another_store_not_at_all() {
    let (town, stranger) = (Town::open().await, Town::seeded(8).await);
    let club = club(&town).await;
    let (outlet, signing) = signing();
    town.service.sign_heads(&signing, &mut HashMap::new()).await.unwrap();
    let mut genuine = outlet.take().remove(0);
    let checkpoint = read(&genuine);
    let mut heads = stranger.service.signed().await.unwrap();
    heads.hear(&genuine);
    assert_eq!(
        (heads.forged(club.id), stranger.service.held(&heads, club.id).await),
        (0, Ok(Held::Unsigned))
    );
    assert_eq!(stranger.service.gone(&heads).await, Ok(Vec::new()));

    let mut heads = town.service.signed().await.unwrap();
    let forged = Checkpoint { hash: "00".repeat(32), ..checkpoint };
    for value in [serde_json::to_vec(&forged).unwrap(), b"nonsense".to_vec(), Vec::new()] {
        genuine.value = Some(value.into());
        heads.hear(&genuine);
    }
    assert_eq!((heads.forged(club.id), town.service.held(&heads, club.id).await), (1, Ok(Held::Unsigned)));
}

#[tokio::test]
async fn heads_of_another_epoch_are_told_with_what_the_journal_still_holds_of_them() {
    let town = Town::open().await;
    let club = club(&town).await;
    let (outlet, signing) = signing();
    town.service.sign_heads(&signing, &mut HashMap::new()).await.unwrap();
    let genuine = outlet.take().remove(0);
    let now = read(&genuine);
    let before = Epoch::from_uuid(uuid::Uuid::from_u128(7));
    let keys = town.service.checkpoint_keys().await.unwrap();
    let held = keys.sign(Checkpoint { epoch: before, ..now.clone() });
    let undone = keys.sign(Checkpoint { seq: now.seq.next(), ..held.clone() });
    let forged = Checkpoint { hash: "00".repeat(32), ..held.clone() };
    let mut heads = town.service.signed().await.unwrap();
    for checkpoint in [&held, &undone, &forged] {
        let value = Some(serde_json::to_vec(checkpoint).unwrap().into());
        heads.hear(&RawRecord { value, ..genuine.clone() });
    }
    assert_eq!((heads.forged(club.id), town.service.held(&heads, club.id).await), (0, Ok(Held::Unsigned)));
    let told =
        OtherEpoch { epoch: before, signed: 2, forged: 1, holds: Some(now.seq), lacks: Some(undone.seq) };
    assert_eq!(town.service.of_other_epochs(&heads, club.id).await, Ok(vec![told]));
    assert_eq!(town.service.gone(&heads).await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_organisation_that_has_heads_and_no_row_is_gone() {
    let town = Town::open().await;
    let _there = club(&town).await;
    let (outlet, signing) = signing();
    town.service.sign_heads(&signing, &mut HashMap::new()).await.unwrap();
    let genuine = outlet.take().remove(0);
    let now = read(&genuine);
    let keys = town.service.checkpoint_keys().await.unwrap();
    let deleted = |n| OrganizationId::from_uuid(uuid::Uuid::from_u128(n));
    let before = Epoch::from_uuid(uuid::Uuid::from_u128(7));
    let signed = keys.sign(Checkpoint { organization_id: deleted(1), ..now.clone() });
    let of_before = keys.sign(Checkpoint { organization_id: deleted(2), epoch: before, ..now.clone() });
    // The keys were replaced, too; and what another store wrote is no concern of this one.
    let unknown = Checkpoint { organization_id: deleted(3), ..now.clone() };
    let of_others = Checkpoint { organization_id: deleted(4), epoch: before, ..now.clone() };
    let mut heads = town.service.signed().await.unwrap();
    for checkpoint in [&now, &signed, &of_before, &unknown, &of_others] {
        let value = Some(serde_json::to_vec(checkpoint).unwrap().into());
        heads.hear(&RawRecord { value, ..genuine.clone() });
    }
    let gone = |n, epoch| Gone { organization: deleted(n), epoch, head: now.seq };
    assert_eq!(
        town.service.gone(&heads).await,
        Ok(vec![gone(1, now.epoch), gone(2, before), gone(3, now.epoch)])
    );
}

#[tokio::test]
async fn heads_are_signed_once_more_when_a_server_stops() {
    let town = Town::open().await;
    let club = club(&town).await;
    let (outlet, signing) = signing();
    let stop = CancellationToken::new();
    let (service, told) = (town.service.clone(), stop.clone());
    let running = tokio::spawn(async move { service.run_checkpoints(signing, told).await });
    let mut look = tokio::time::interval(Duration::from_millis(5));
    let mut first = Vec::new();
    while first.is_empty() {
        look.tick().await;
        first = outlet.take();
    }
    town.submit(&club, club.people[1], Wanted::expense(75_000)).await.unwrap();
    stop.cancel();
    running.await.unwrap();
    let last = outlet.take();
    assert_eq!((first.len(), last.len()), (1, 1));
    assert_eq!(read(&last[0]).seq, town.head(&club).await);
}
