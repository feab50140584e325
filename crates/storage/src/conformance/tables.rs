//! What the tables promise beyond their rows.

use super::*;

async fn person(store: &Store) -> (PersonId, SignInId) {
    let made = store.write(Scope::Server, |tx| {
        let (id, sign_in_id, now) =
            (PersonId::from_uuid(tx.new_uuid()), SignInId::from_uuid(tx.new_uuid()), tx.now());
        let password_hash = "x".to_owned();
        tx.insert_person(&Person { id, password_hash, language: None, created_at: now, disabled_at: None })?;
        tx.insert_sign_in(&SignIn {
            id: sign_in_id,
            person_id: id,
            generation: 1,
            device: "phone".into(),
            created_at: now,
            last_used_at: now,
            ended_at: None,
        })?;
        Ok((id, sign_in_id))
    });
    made.await.expect("made")
}

/// Two processes redeem one ticket: one gets it.
pub async fn a_ticket_is_taken_once(store: Store, _: Clock) {
    let (person_id, sign_in_id) = person(&store).await;
    store
        .write(Scope::Server, move |tx| {
            let now = tx.now();
            Ok(tx.insert_ticket(
                &[7; 32],
                &Ticket { person_id, sign_in_id, access_expires_at: now, expires_at: now },
            )?)
        })
        .await
        .expect("kept");
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        running.spawn(async move { store.write(Scope::Server, |tx| Ok(tx.take_ticket(&[7; 32])?)).await });
    }
    let taken = running
        .join_all()
        .await
        .into_iter()
        .filter(|taken| taken.as_ref().is_ok_and(Option::is_some))
        .count();
    assert_eq!(taken, 1);
}

/// Search ignores accents and case, wildcards are taken literally, pages neither skip nor repeat.
pub async fn members_are_found_by_folded_parts_and_paged_in_order(store: Store, _: Clock) {
    let organization = found(&store).await;
    let names =
        [("Éloïse", "N'Guessan"), ("Awa", "Koné"), ("Awa", "Koné"), ("100%", "Zadi_B"), ("Moussa", "Diallo")];
    store
        .write(Scope::Organization(organization), move |tx| {
            for (given, family) in names {
                let number = tx.next_member_number()?;
                let (id, updated_at, joined_on) = (MemberId::from_uuid(tx.new_uuid()), tx.now(), tx.today()?);
                tx.insert_member(&Member {
                    id,
                    organization_id: organization,
                    version: 1,
                    number,
                    person_id: None,
                    status: MemberStatus::Active,
                    roles: RoleSet::of(&[Role::Member]),
                    name: Name { given: given.into(), family: family.into() },
                    phone: None,
                    email: None,
                    joined_on,
                    left_on: None,
                    code_givers: Vec::new(),
                    updated_at,
                })?;
            }
            Ok(())
        })
        .await
        .expect("kept");
    let find = |text: &'static str| {
        let store = store.clone();
        async move {
            let filter = MemberFilter {
                search: Some(text.to_owned()),
                in_contacts: true,
                statuses: vec![MemberStatus::Active],
            };
            store
                .read(move |reader| Ok(reader.load_members(organization, &filter, None, 10)?.len()))
                .await
                .expect("read")
        }
    };
    assert_eq!((find("guessan").await, find("kone awa").await, find("0004").await), (1, 2, 1));
    assert_eq!((find("%").await, find("_").await), (0, 0), "wildcards are characters like others");
    let mut seen = Vec::new();
    let mut after: Option<MemberCursor> = None;
    loop {
        let cursor = after.clone();
        let page = store
            .read(move |reader| {
                Ok(reader.load_members(organization, &MemberFilter::default(), cursor.as_ref(), 2)?)
            })
            .await
            .expect("read");
        let Some(last) = page.last() else { break };
        after = Some(MemberCursor { sort_key: last.name.sort_key(), id: last.id });
        seen.extend(page.into_iter().map(|member| member.name.family));
    }
    assert_eq!(seen, ["Diallo", "Koné", "Koné", "N'Guessan", "Zadi_B"]);
    let by_number = store
        .read(move |reader| Ok(reader.load_member_by_number(organization, &MemberNumber::numbered(5))?))
        .await
        .expect("read");
    assert_eq!(by_number.expect("there").name.given, "Moussa");
}

/// The newest words count; the salt comes back with them.
pub async fn a_text_is_replaced_and_its_salt_kept_beside_it(store: Store, _: Clock) {
    let organization = found(&store).await;
    let owner_id = organization.into();
    for (body, salt) in [("premier", [1; 16]), ("second", [2; 16])] {
        let text = Text { owner_id, kind: TextKind::Purpose, n: 0, author_id: None, salt, body: body.into() };
        store
            .write(Scope::Organization(organization), move |tx| Ok(tx.save_text(organization, &text)?))
            .await
            .expect("kept");
    }
    let read = store
        .read(move |reader| Ok(reader.load_salted_text(owner_id, TextKind::Purpose, 0)?))
        .await
        .expect("read");
    assert_eq!(read, Some(([2; 16], "second".to_owned())));
    let none =
        store.read(move |reader| Ok(reader.load_text(owner_id, TextKind::Reason, 0)?)).await.expect("read");
    assert_eq!(none, None);
}

/// The figures are those of the committed events.
pub async fn figures_change_with_their_events_or_not_at_all(store: Store, _: Clock) {
    let organization = found(&store).await;
    for n in 0..6 {
        let _ = store
            .write(Scope::Organization(organization), move |tx| {
                let event = joined(tx);
                append(tx, event)?;
                if n % 2 == 0 { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
            })
            .await;
    }
    let figures =
        store.read(move |reader| Ok(reader.load_figures(organization)?)).await.expect("read").expect("there");
    assert_eq!(figures.stats(unionflow_protocol::View::Officers, false).members.active, 3);
}

/// Whoever watches sees which sign-ins ended.
pub async fn ended_sign_ins_can_be_watched(store: Store, _: Clock) {
    let (person_id, sign_in_id) = person(&store).await;
    let before = store.read(|reader| Ok(reader.now())).await.expect("read");
    let ended = store.write(Scope::Server, move |tx| Ok(tx.end_sign_ins(person_id, None)?)).await;
    assert_eq!(ended, Ok(1));
    let watched = store.read(move |reader| Ok(reader.load_ended_sign_ins(before)?)).await.expect("read");
    assert_eq!(watched, [sign_in_id]);
    let again = store.write(Scope::Server, move |tx| Ok(tx.end_sign_in(sign_in_id)?)).await;
    assert_eq!(again, Ok(false), "ended once");
}

/// Units that belong to no organisation do not trample on each other.
pub async fn one_refresh_wins_and_failures_add_up(store: Store, _: Clock) {
    let (_, sign_in_id) = person(&store).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        running.spawn(async move {
            let refreshed = store.write(Scope::Server, move |tx| {
                tx.count_failure(&[1; 32], Timestamp::from_millis(0))?;
                Ok(tx.save_generation(sign_in_id, 1, 2)?)
            });
            refreshed.await.expect("written")
        });
    }
    assert_eq!(running.join_all().await.into_iter().filter(|won| *won).count(), 1);
    let counted = store.read(|reader| Ok(reader.load_failures(&[1; 32])?)).await.expect("read");
    assert_eq!(counted.map(|(failures, _)| failures), Some(20));
}
