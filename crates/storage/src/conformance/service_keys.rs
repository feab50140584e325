//! Keys of other systems.

use std::time::Duration;

use unionflow_domain::service_key::{Scopes, ServiceKey};
use unionflow_protocol::{event::members::KeyScope, id::ServiceKeyId};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A key with `hash` everywhere in the hash of its secret.
async fn given(store: &Store, organization: OrganizationId, hash: u8) -> ServiceKey {
    let made = store.write(Scope::Organization(organization), move |tx| {
        let types = vec![EventType::ContributionPaid];
        let asked = [KeyScope::ReadMembers, KeyScope::Inbound(types)];
        let key = ServiceKey {
            id: ServiceKeyId::from_uuid(tx.new_uuid()),
            organization_id: organization,
            version: 1,
            name: format!("Système {hash}"),
            scopes: Scopes::parse(&asked).expect("scopes"),
            created_by: (hash > 1).then(|| MemberId::from_uuid(tx.new_uuid())),
            created_at: tx.now(),
            last_used_at: None,
            revoked_at: None,
        };
        tx.insert_service_key(&key, &[hash; 32])?;
        Ok(key)
    });
    made.await.expect("kept")
}

async fn kept(store: &Store, id: ServiceKeyId) -> Option<(ServiceKey, [u8; 32])> {
    store.read(move |reader| Ok(reader.load_service_key(id)?)).await.expect("read")
}

/// What was written is read; pages neither skip nor repeat; what was revoked is listed and not counted.
pub async fn a_service_key_is_found_by_its_id_and_listed_newest_first(store: Store, _: Clock) {
    let (organization, other) = (found(&store).await, found(&store).await);
    let mut keys = Vec::new();
    for hash in 1..=3 {
        keys.push(given(&store, organization, hash).await);
    }
    given(&store, other, 9).await;
    for (key, hash) in keys.iter().zip(1..) {
        assert_eq!(kept(&store, key.id).await, Some((key.clone(), [hash; 32])));
    }
    assert_eq!(kept(&store, ServiceKeyId::from_uuid(uuid::Uuid::from_u128(1))).await, None);
    let mut revoked = keys[1].clone();
    let now = store.read(|reader| Ok(reader.now())).await.expect("read");
    assert!(revoked.revoke(now));
    revoked.version = 2;
    let ended = revoked.clone();
    store
        .write(Scope::Organization(organization), move |tx| Ok(tx.save_service_key(&ended)?))
        .await
        .expect("saved");
    keys.sort_by_key(|key| std::cmp::Reverse(key.id));
    let listed = store.read(move |reader| {
        let first = reader.load_service_keys(organization, None, 2)?;
        let rest = reader.load_service_keys(organization, first.last().map(|key| key.id), 2)?;
        Ok(([first, rest].concat(), reader.count_service_keys(organization)?))
    });
    let (listed, count) = listed.await.expect("read");
    let ids = |keys: &[ServiceKey]| keys.iter().map(|key| key.id).collect::<Vec<_>>();
    assert_eq!((ids(&listed), count), (ids(&keys), 2));
    assert_eq!(listed.iter().find(|key| key.id == revoked.id), Some(&revoked));
}

/// Many requests of a minute write one change, and a revocation is not undone by one.
pub async fn that_a_service_key_was_used_is_noted_once_a_minute_and_changes_nothing_else(
    store: Store,
    clock: Clock,
) {
    let organization = found(&store).await;
    let key = given(&store, organization, 1).await;
    let id = key.id;
    let use_it = || {
        store.write(Scope::Server, move |tx| {
            let before = tx.now().minus(MINUTE);
            Ok(tx.note_service_key(id, before)?)
        })
    };
    let noted = async || kept(&store, id).await.expect("there").0.last_used_at;
    use_it().await.expect("noted");
    let first = noted().await.expect("noted");
    clock.set(first.plus(MINUTE / 2));
    use_it().await.expect("nothing to note");
    assert_eq!(noted().await, Some(first));
    clock.set(first.plus(MINUTE));
    use_it().await.expect("noted");
    let second = noted().await;
    assert!(second >= Some(first.plus(MINUTE)), "{second:?}");
    assert_eq!(kept(&store, id).await.expect("there").0, ServiceKey { last_used_at: second, ..key });
}
