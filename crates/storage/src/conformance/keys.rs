//! Idempotency keys: one effect, one answer.

use super::*;

/// The same command a hundred times at once.
pub async fn one_key_has_one_effect_and_a_hundred_equal_answers(store: Store, _: Clock) {
    let organization = found(&store).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let store = store.clone();
        running.spawn(async move { keyed_join(&store, organization, key("twins-all", 1)).await });
    }
    let answers = running.join_all().await;
    assert!(answers.iter().all(|keyed| keyed.as_ref().is_ok_and(|keyed| keyed.answer == Ok(2))));
    assert_eq!(answers.iter().filter(|keyed| !keyed.as_ref().is_ok_and(|keyed| keyed.replayed)).count(), 1);
    assert_eq!(head(&store, organization).await, Seq(2));
}

/// Another body, another route, another person.
pub async fn a_key_belongs_to_one_command(store: Store, _: Clock) {
    let organization = found(&store).await;
    let first = keyed_join(&store, organization, key("one-key-1", 1)).await.expect("written");
    assert_eq!((first.answer, first.replayed), (Ok(2), false));
    let other_body = keyed_join(&store, organization, key("one-key-1", 2)).await.expect("answered");
    assert_eq!(other_body.answer.expect_err("a refusal").code, ErrorCode::IdempotencyKeyReused);
    let other_route = Key { route: "POST /other".to_owned(), ..key("one-key-1", 2) };
    assert_eq!(keyed_join(&store, organization, other_route).await.expect("written").answer, Ok(3));
    let other_person =
        Key { principal: PersonId::from_uuid(uuid::Uuid::from_u128(8)), ..key("one-key-1", 2) };
    assert_eq!(keyed_join(&store, organization, other_person).await.expect("written").answer, Ok(4));
}

/// Business refusals are final for a key; faults of the store are not.
pub async fn a_refusal_is_kept_and_a_fault_frees_the_key(store: Store, _: Clock) {
    let organization = found(&store).await;
    let run = |name: &'static str, end: fn() -> Undo| {
        let store = store.clone();
        async move {
            store
                .write_keyed(
                    Scope::Organization(organization),
                    Some(key(name, 1)),
                    |_| Ok(()),
                    |_| Ok(()),
                    move |tx| {
                        let event = joined(tx);
                        append(tx, event)?;
                        Err::<u64, _>(end())
                    },
                )
                .await
        }
    };
    let refused = run("refusal-1", || ErrorCode::Forbidden.into()).await.expect("answered");
    assert_eq!(
        (refused.answer.expect_err("a refusal").code, refused.replayed),
        (ErrorCode::Forbidden, false)
    );
    let again = keyed_join(&store, organization, key("refusal-1", 1)).await.expect("answered");
    assert_eq!((again.answer.expect_err("a refusal").code, again.replayed), (ErrorCode::Forbidden, true));
    assert!(run("fault-001", || StoreFault::Full.into()).await.is_err());
    let after = keyed_join(&store, organization, key("fault-001", 1)).await.expect("written");
    assert_eq!((after.answer, after.replayed), (Ok(2), false));
}

/// An answer with a secret is kept without it.
pub async fn a_secret_is_shown_once(store: Store, _: Clock) {
    let organization = found(&store).await;
    let secret = Key { secret: true, ..key("secret-1", 1) };
    let run = || {
        store.write_keyed(
            Scope::Organization(organization),
            Some(secret.clone()),
            |_| Ok(()),
            |_| Ok(()),
            |_| Ok("s3cret".to_owned()),
        )
    };
    assert_eq!(run().await.expect("written").answer, Ok("s3cret".to_owned()));
    assert_eq!(
        run().await.expect("answered").answer.expect_err("a refusal").code,
        ErrorCode::SecretAlreadyShown
    );
}
