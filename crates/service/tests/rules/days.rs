//! A new day reaches everybody.

use unionflow_domain::policy;
use unionflow_protocol::{Role, rest::organization::UpdateOrganization};
use unionflow_service::{Call, approval::submit::submit, organization::update::update};
use unionflow_storage::{StoreFault, Tx};

use super::scene::{Town, Wanted};

#[tokio::test]
async fn an_organisation_whose_figures_cannot_be_read_keeps_no_other_in_yesterday() {
    let town = Town::open().await;
    let roles: &[&[Role]] = &[&[Role::President]];
    let mut clubs = Vec::new();
    for _ in 0..3 {
        clubs.push(town.found(policy::default_rules(false), roles).await);
    }
    let yesterday = town.figures_as_of(&clubs[1]).await;
    town.spoil_figures(&clubs[0]);
    town.wait(24);
    town.sweep().await;
    for club in &clubs[1..] {
        assert_eq!(town.figures_as_of(club).await, yesterday.plus_days(1));
    }
}

#[tokio::test]
async fn a_day_ends_at_midnight_of_the_time_zone_that_was_set_last() {
    let town = Town::open().await;
    let club = town.found(policy::default_rules(false), &[&[Role::President]]).await;
    let yesterday = town.figures_as_of(&club).await;
    // It is eight in the evening; there, nine.
    let zone = Some("Africa/Douala".parse().expect("a time zone"));
    let moved = UpdateOrganization { time_zone: zone, ..UpdateOrganization::default() };
    let president = club.people[0];
    town.act(&club, president, move |tx, call| update(tx, call, &moved)).await.expect("the president may");
    town.wait(2);
    town.sweep().await;
    assert_eq!(town.figures_as_of(&club).await, yesterday);
    town.wait(1);
    town.sweep().await;
    assert_eq!(town.figures_as_of(&club).await, yesterday.plus_days(1));
}

#[tokio::test]
async fn what_is_not_there_though_it_must_be_is_a_fault_that_frees_the_key_and_names_its_place() {
    let town = Town::open().await;
    let club = town.found(policy::default_rules(false), &[&[Role::President]]).await;
    let body = Wanted::expense(5_000).of(club.id);
    let submit = || {
        let body = body.clone();
        move |tx: &mut Tx<'_>, call: &Call| submit(tx, call, &body)
    };
    let figures = town.take_figures_away(&club);
    let Err(fault) = town.act_keyed(&club, club.people[0], "a-first-try", submit()).await else {
        panic!("it cannot be done");
    };
    let StoreFault::Malformed(what) = &fault else { panic!("{fault:?}") };
    assert!(what.contains("tx.rs:"), "{what}");
    town.bring_figures_back(&club, figures);
    let again = town.act_keyed(&club, club.people[0], "a-first-try", submit()).await.expect("it is mended");
    assert!(!again.replayed && again.answer.is_ok(), "a repeat is a new try");
}
