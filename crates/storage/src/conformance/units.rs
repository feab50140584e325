//! Units of work: whole or not at all, one after the other within an organisation, announced in order.

use super::*;

/// Many units at once on several organisations: each journal is 1, 2, 3 … and every link holds.
pub async fn seq_has_no_gaps_and_the_chain_verifies(store: Store, _: Clock) {
    let organizations = [found(&store).await, found(&store).await, found(&store).await];
    let mut running = tokio::task::JoinSet::new();
    for n in 0..300 {
        let (store, organization) = (store.clone(), organizations[n % 3]);
        running.spawn(async move { join(&store, organization).await });
    }
    running.join_all().await.into_iter().for_each(|result| assert!(result.is_ok()));
    for organization in organizations {
        let journal = store
            .read(move |reader| Ok(reader.journal_after(organization, Seq::ZERO, 1000)?))
            .await
            .expect("read");
        let seqs: Vec<u64> = journal.iter().map(|record| record.position.seq().0).collect();
        assert_eq!(seqs, (1..=101).collect::<Vec<_>>());
        let verdict = store.read(move |reader| Ok(reader.verify_journal(organization)?)).await.expect("read");
        assert_eq!(verdict, Ok(101));
    }
}

/// A refusal undoes state and events.
pub async fn a_refused_unit_leaves_nothing(store: Store, _: Clock) {
    let organization = found(&store).await;
    let refused = store.write(Scope::Organization(organization), |tx| {
        let event = joined(tx);
        append(tx, event)?;
        Err::<(), _>(ErrorCode::Forbidden.into())
    });
    assert_eq!(refused.await.expect_err("a refusal").code(), ErrorCode::Forbidden);
    assert_eq!(head(&store, organization).await, Seq(1));
    assert_eq!(join(&store, organization).await, Ok(Seq(2)));
}

/// An event over the limit undoes its unit: nobody below has to cope with it.
pub async fn an_event_that_no_bus_would_carry_is_refused(store: Store, _: Clock) {
    let organization = found(&store).await;
    let before = head(&store, organization).await;
    let refused = store
        .write(Scope::Organization(organization), |tx| {
            let event = joined_as(tx, "9".repeat(limits::EVENT_BYTES));
            append(tx, event).map(|_| ())
        })
        .await;
    assert_eq!(refused.map_err(|undo| undo.code()), Err(ErrorCode::BodyTooLarge));
    assert_eq!(head(&store, organization).await, before);
}

/// What another system tells has its id, is chained as ours are, and is found by its id; twice it is a fault of the store.
pub async fn a_fact_of_another_system_is_journaled_once_and_counts_for_nothing(store: Store, _: Clock) {
    let organization = found(&store).await;
    let event_id = EventId::from_uuid(uuid::Uuid::from_u128(77));
    let tell = || {
        store.write(Scope::Organization(organization), move |tx| {
            let event_type = EventType::MemberCreated;
            let data = serde_json::value::to_raw_value(&serde_json::json!({})).expect("JSON");
            let event = Event::Unknown(UnknownEvent { event_type: event_type.to_string(), data });
            let audience = Audience::roles(RoleSet::KEEPERS);
            let new = NewEvent {
                aggregate_id: organization.into(),
                version: None,
                audience,
                causation_id: None,
                event,
            };
            tx.append_foreign(event_id, event_type, new)
        })
    };
    let read = || {
        store.read(move |reader| {
            let figures = reader.load_figures(organization)?;
            let known = reader.has_event(organization, event_id)?;
            Ok((
                figures,
                known,
                reader.journal_after(organization, Seq(1), 10)?,
                reader.verify_journal(organization)?,
            ))
        })
    };
    let before = read().await.expect("read");
    assert!(!before.1);
    assert_eq!(tell().await.map(|appended| (appended.event_id, appended.seq)), Ok((event_id, Seq(2))));
    assert!(matches!(tell().await, Err(Undo::Fault(_))), "an id stands once in a journal");
    let (figures, known, journal, verdict) = read().await.expect("read");
    assert_eq!((figures, known, verdict), (before.0, true, Ok(2)));
    let [record] = journal.as_slice() else { panic!("{journal:?}") };
    assert!(record.inbound && record.event_id == event_id);
    assert_eq!(join(&store, organization).await, Ok(Seq(3)));
}

/// A fault or a panic undoes its unit; units of the same group commit are kept.
pub async fn a_faulty_or_panicking_unit_leaves_nothing_and_harms_nobody_else(store: Store, _: Clock) {
    let organization = found(&store).await;
    let mut running = tokio::task::JoinSet::new();
    for n in 0..60 {
        let store = store.clone();
        running.spawn(async move {
            let written = store.write(Scope::Organization(organization), move |tx| {
                let event = joined(tx);
                append(tx, event)?;
                match n % 3 {
                    0 => Ok(()),
                    1 => Err(StoreFault::Malformed("on purpose".into()).into()),
                    _ => panic!("on purpose"),
                }
            });
            (n, written.await)
        });
    }
    for (n, written) in running.join_all().await {
        assert_eq!(written.is_ok(), n % 3 == 0, "{n}: {written:?}");
    }
    assert_eq!(head(&store, organization).await, Seq(21));
}

/// Followers see the events of kept units only, in `seq` order.
pub async fn commits_are_announced_once_in_order_and_only_when_kept(store: Store, _: Clock) {
    let organization = found(&store).await;
    let mut commits = store.commits();
    for n in 0..20 {
        let _ = store
            .write(Scope::Organization(organization), move |tx| {
                for _ in 0..2 {
                    let event = joined(tx);
                    append(tx, event)?;
                }
                if n % 2 == 0 { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
            })
            .await;
    }
    let mut seen = Vec::new();
    while let Some(records) = commits.try_next() {
        seen.extend(records.iter().map(|record| record.position.seq().0));
    }
    assert_eq!(seen, (2..=21).collect::<Vec<_>>());
}

/// Many callers at once: finishing is in commit order, also where several connections write.
pub async fn concurrent_commits_are_announced_in_the_order_of_seq(store: Store, _: Clock) {
    let organizations = [found(&store).await, found(&store).await];
    let mut commits = store.commits();
    let mut running = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (store, organization) = (store.clone(), organizations[n % 2]);
        running.spawn(async move { join(&store, organization).await });
    }
    running.join_all().await.into_iter().for_each(|result| assert!(result.is_ok()));
    let mut newest: BTreeMap<OrganizationId, u64> = BTreeMap::new();
    while let Some(records) = commits.try_next() {
        for record in records.iter() {
            let before = newest.insert(record.organization_id, record.position.seq().0).unwrap_or(1);
            assert_eq!(record.position.seq().0, before + 1);
        }
    }
    assert_eq!(newest.into_values().collect::<Vec<_>>(), [101, 101]);
}

/// Some databases would commit the rest, others nothing: here it is always nothing.
pub async fn a_statement_that_failed_undoes_its_unit_whatever_the_unit_makes_of_it(store: Store, _: Clock) {
    let organization = found(&store).await;
    let swallowed = store.write(Scope::Organization(organization), move |tx| {
        let event = joined(tx);
        append(tx, event)?;
        let again = tx.load_organization(organization)?.expect("there");
        let _ = tx.insert_organization(again);
        Ok(())
    });
    assert_eq!(swallowed.await.expect_err("a refusal").code(), ErrorCode::Internal);
    assert_eq!(head(&store, organization).await, Seq(1));
    // A refusal on top of it may be wrong: it is no answer, and does not bind the key.
    let scope = Scope::Organization(organization);
    let refused = store.write_keyed(
        scope,
        Some(key("swallow-1", 1)),
        |_| Ok(()),
        |_| Ok(()),
        move |tx| {
            let again = tx.load_organization(organization)?.expect("there");
            let _ = tx.insert_organization(again);
            Err::<u64, Undo>(ErrorCode::Forbidden.into())
        },
    );
    assert!(refused.await.is_err());
    let after = keyed_join(&store, organization, key("swallow-1", 1)).await.expect("written");
    assert_eq!((after.answer, after.replayed), (Ok(2), false));
}

/// A load that was foreseen answers as if it had not been: before it was answered, after, and when the unit began anew.
pub async fn what_was_foreseen_shows_what_the_unit_has_written(store: Store, _: Clock) {
    let organization = found(&store).await;
    let owner_id = organization.into();
    let save = move |tx: &mut Tx<'_>, body: &str| {
        let (salt, body) = ([1; 16], body.to_owned());
        let text = Text { owner_id, kind: TextKind::Purpose, n: 0, author_id: None, salt, body };
        tx.save_text(organization, &text)
    };
    let load = move |reader: &mut Reader<'_>| reader.load_text(owner_id, TextKind::Purpose, 0);
    let foresee = move |tx: &mut Tx<'_>| tx.foresee(|reader| load(reader).map(drop));
    let unit = move |tx: &mut Tx<'_>| {
        foresee(tx)?;
        let mut seen = vec![load(tx)?, load(tx)?];
        foresee(tx)?;
        save(tx, "premier")?;
        seen.push(load(tx)?);
        save(tx, "second")?;
        foresee(tx)?;
        seen.push(load(tx)?);
        let event = joined(tx);
        append(tx, event)?;
        seen.push(load(tx)?);
        tx.undo()?;
        seen.push(load(tx)?);
        Ok(seen)
    };
    let seen = store.write(Scope::Organization(organization), unit).await.expect("written");
    let [first, second] = ["premier", "second"].map(|body| Some(body.to_owned()));
    assert_eq!(seen, [None, None, first, second.clone(), second, None]);
}

/// What is committed while a reader reads does not show in its answers.
pub async fn readers_see_one_moment(store: Store, _: Clock) {
    let organization = found(&store).await;
    let (began, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(std::sync::Barrier::new(2)));
    let reading = {
        let (store, began, go_on) = (store.clone(), began.clone(), go_on.clone());
        tokio::spawn(async move {
            store
                .read(move |reader| {
                    let before = reader.as_of(organization)?.as_of_seq;
                    began.notify_one();
                    go_on.wait();
                    Ok((before, reader.as_of(organization)?.as_of_seq))
                })
                .await
        })
    };
    began.notified().await;
    join(&store, organization).await.expect("joined");
    tokio::task::spawn_blocking(move || go_on.wait()).await.expect("waited");
    assert_eq!(reading.await.expect("ran").expect("read"), (Seq(1), Seq(1)));
    assert_eq!(head(&store, organization).await, Seq(2));
}

/// A clock that jumps back does not put events before those already there.
pub async fn time_does_not_run_backwards(store: Store, clock: Clock) {
    let later: Timestamp = "2026-06-01T12:00:00Z".parse().expect("a time");
    clock.set(later);
    let organization = found(&store).await;
    clock.set("2026-05-01T12:00:00Z".parse().expect("a time"));
    join(&store, organization).await.expect("joined");
    let journal =
        store.read(move |reader| Ok(reader.journal_after(organization, Seq::ZERO, 10)?)).await.expect("read");
    let times: BTreeMap<u64, Timestamp> = journal.iter().map(|r| (r.position.seq().0, r.timestamp)).collect();
    assert_eq!(times[&2], later);
}

/// What one organisation has journaled holds back no other: its history may begin long before.
pub async fn each_organisation_has_a_time_of_its_own(store: Store, clock: Clock) {
    let earlier: Timestamp = "2024-06-01T12:00:00Z".parse().expect("a time");
    clock.set("2026-06-01T12:00:00Z".parse().expect("a time"));
    found(&store).await;
    clock.set(earlier);
    let organization = found(&store).await;
    let journal =
        store.read(move |reader| Ok(reader.journal_after(organization, Seq::ZERO, 10)?)).await.expect("read");
    assert_eq!(journal.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [earlier]);
}

/// A unit that waited for another one of its organisation does not carry the time at which it began to wait.
pub async fn the_time_of_a_unit_is_read_when_its_turn_has_come(store: Store, clock: Clock) {
    clock.set("2026-06-01T12:00:00Z".parse().expect("a time"));
    let organization = found(&store).await;
    let (began, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(std::sync::Barrier::new(2)));
    let first = {
        let (store, began, go_on) = (store.clone(), began.clone(), go_on.clone());
        tokio::spawn(async move {
            store
                .write(Scope::Organization(organization), move |_| {
                    began.notify_one();
                    go_on.wait();
                    Ok(())
                })
                .await
        })
    };
    began.notified().await;
    let second = store.write(Scope::Organization(organization), |tx| Ok(tx.now()));
    let mut second = std::pin::pin!(second);
    // Polled once: from here on it waits for its turn.
    let waits = std::future::poll_fn(|context| std::task::Poll::Ready(second.as_mut().poll(context))).await;
    assert!(waits.is_pending(), "units of one organisation do not overlap");
    let later: Timestamp = "2026-06-01T12:00:01Z".parse().expect("a time");
    clock.set(later);
    tokio::task::spawn_blocking(move || go_on.wait()).await.expect("waited");
    assert_eq!(second.await, Ok(later));
    first.await.expect("ran").expect("kept");
}
