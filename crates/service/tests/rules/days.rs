//! A new day reaches everybody.

use unionflow_domain::policy;
use unionflow_protocol::Role;

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
