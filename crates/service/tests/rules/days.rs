//! A new day reaches everybody.

use unionflow_domain::policy;
use unionflow_protocol::{Role, rest::organization::UpdateOrganization};
use unionflow_service::organization::update::update;

use super::scene::Town;

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
