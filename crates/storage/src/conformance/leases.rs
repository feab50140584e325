//! Leases: one holder, by the store's clock.

use super::*;

const TERM: std::time::Duration = std::time::Duration::from_secs(10);

async fn take(store: &Store, holder: u128) -> bool {
    let holder = uuid::Uuid::from_u128(holder);
    store.write(Scope::Server, move |tx| Ok(tx.take_lease("relay-1", holder, TERM)?)).await.expect("written")
}

async fn renew(store: &Store, holder: u128) -> bool {
    let holder = uuid::Uuid::from_u128(holder);
    store.write(Scope::Server, move |tx| Ok(tx.renew_lease("relay-1", holder, TERM)?)).await.expect("written")
}

/// Many ask for one lease: one gets it, and the next once it is given back.
pub async fn a_lease_has_one_holder_until_it_ends(store: Store, _: Clock) {
    let mut running = tokio::task::JoinSet::new();
    for holder in 1..=20 {
        let store = store.clone();
        running.spawn(async move { (holder, take(&store, holder).await) });
    }
    let held: Vec<u128> =
        running.join_all().await.into_iter().filter(|(_, held)| *held).map(|(holder, _)| holder).collect();
    let &[holder] = held.as_slice() else { panic!("one holder, not {held:?}") };
    assert!(renew(&store, holder).await && take(&store, holder).await, "its holder goes on with it");
    let other = holder + 100;
    assert!(!renew(&store, other).await && !take(&store, other).await);
    for (releasing, freed) in [(other, false), (holder, true)] {
        let id = uuid::Uuid::from_u128(releasing);
        let released = store.write(Scope::Server, move |tx| Ok(tx.release_lease("relay-1", id)?));
        released.await.expect("written");
        assert_eq!(
            take(&store, other).await,
            freed,
            "only its holder gives it back, and then it is free at once"
        );
    }
}

/// By the store's clock.
pub async fn a_lease_that_ran_out_is_anybodys_and_no_longer_its_holders(store: Store, clock: Clock) {
    let begun: Timestamp = "2026-06-01T12:00:00Z".parse().expect("a time");
    clock.set(begun);
    assert!(take(&store, 1).await);
    clock.set(begun.plus(TERM).minus(std::time::Duration::from_millis(1)));
    assert!(!take(&store, 2).await, "not yet");
    clock.set(begun.plus(TERM));
    assert!(!renew(&store, 1).await, "too late, even where nobody else has it");
    assert!(take(&store, 2).await);
    assert!(!renew(&store, 1).await && !take(&store, 1).await);
}
