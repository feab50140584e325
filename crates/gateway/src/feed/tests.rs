//! What a feed promises, one fact each.

use proptest::prelude::*;

use super::*;
use crate::samples::{fact, fact_of, kpis_of, live, member, organization, read_of, stats, suspended_of};

/// A feed with what it gave on, in words: `1 2 s2`.
struct Given {
    feed: Feed,
    out: Vec<Arc<Live>>,
}

impl Given {
    fn after(head: u64) -> Self {
        Self { feed: Feed::starting_after(Seq(head)), out: Vec::new() }
    }

    fn take(&mut self, live: Arc<Live>) -> String {
        self.feed.take(live, &mut self.out);
        in_words(self.out.drain(..))
    }

    fn facts(&mut self, seqs: impl IntoIterator<Item = u64>) -> String {
        for seq in seqs {
            self.feed.take(fact(seq), &mut self.out);
        }
        in_words(self.out.drain(..))
    }

    /// The ring's events after a cursor, up to where, and whether that is all.
    fn ring(&self, cursor: u64, limit: usize) -> Option<(String, u64, bool)> {
        let replay = self.feed.after(Seq(cursor), limit)?;
        Some((in_words(replay.events), replay.up_to.0, replay.complete))
    }
}

fn in_words(given: impl IntoIterator<Item = Arc<Live>>) -> String {
    let word = |live: Arc<Live>| match live.position {
        Position::Fact(seq) => seq.to_string(),
        Position::State { as_of_seq, .. } => format!("s{as_of_seq}"),
    };
    given.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

fn bulk(seq: u64) -> Arc<Live> {
    live(&fact_of(organization(1), seq, Audience::none()))
}

#[test]
fn events_that_overtook_each_other_are_put_in_order() {
    let mut given = Given::after(0);
    assert_eq!(given.facts([2, 4, 3]), "");
    assert_eq!(given.facts([1]), "1 2 3 4");
}

#[test]
fn a_duplicate_is_given_on_once() {
    let mut given = Given::after(5);
    assert_eq!(given.facts([5, 6, 6, 8, 8, 7, 7, 8]), "6 7 8");
}

#[test]
fn a_hole_is_named_until_it_is_filled() {
    let mut given = Given::after(5);
    assert_eq!(given.feed.hole(), None);
    given.facts([6, 9, 12]);
    assert_eq!(given.feed.hole(), Some(Hole { after: Seq(6), up_to: Seq(12) }));
    given.facts([7, 8]);
    assert_eq!(given.feed.hole(), Some(Hole { after: Seq(9), up_to: Seq(12) }));
    given.facts([10, 11]);
    assert_eq!(given.feed.hole(), None);
}

#[test]
fn more_than_may_wait_is_dropped_but_the_end_of_the_hole_stays_known() {
    let mut given = Given::after(0);
    let last = WAITING_MAX as u64 + 100;
    assert_eq!(given.facts(2..=last), "");
    assert_eq!(given.feed.hole(), Some(Hole { after: Seq(0), up_to: Seq(last) }));
    given.facts([1]);
    assert!(given.feed.head() < Seq(last), "some were dropped");
    let hole = given.feed.hole().expect("and are named");
    given.facts(hole.after.0 + 1..=hole.up_to.0);
    assert_eq!((given.feed.head(), given.feed.hole()), (Seq(last), None));
}

#[test]
fn a_state_is_held_until_everything_it_includes_was_given_on() {
    let mut given = Given::after(5);
    assert_eq!(given.take(stats(7, View::Members)), "");
    assert_eq!(given.feed.state_waits_for(), Some(Seq(7)));
    assert_eq!(given.facts([6]), "6");
    assert_eq!(given.facts([7]), "7 s7");
    assert_eq!(given.feed.state_waits_for(), None);
    assert_eq!(given.take(stats(7, View::Members)), "s7", "as of another day, perhaps");
}

#[test]
fn an_older_state_of_a_key_is_not_given_on_after_a_newer() {
    let mut given = Given::after(9);
    assert_eq!(given.take(stats(8, View::Members)), "s8");
    assert_eq!(given.take(stats(7, View::Members)), "");
    assert_eq!(given.take(stats(7, View::Officers)), "s7", "the other view is another key");
}

#[test]
fn of_held_states_only_the_newest_of_each_key_is_kept() {
    let mut given = Given::after(5);
    for as_of in [6, 7, 8] {
        given.take(stats(as_of, View::Members));
        given.take(stats(as_of, View::Officers));
    }
    assert_eq!(given.facts([6, 7, 8]), "6 7 8 s8 s8");
}

#[test]
fn an_older_state_does_not_replace_a_newer_that_is_held() {
    let mut given = Given::after(5);
    given.take(stats(8, View::Members));
    given.take(stats(7, View::Members));
    assert_eq!(given.facts([6, 7, 8]), "6 7 8 s8");
}

#[test]
fn the_newest_figures_of_each_view_and_the_newest_mark_of_each_member_are_remembered() {
    let mut given = Given::after(9);
    given.take(stats(7, View::Members));
    given.take(stats(9, View::Members));
    given.take(stats(8, View::Officers));
    for as_of in [6, 5] {
        given.take(live(&read_of(organization(1), as_of, member(1), Seq(as_of))));
    }
    let newest = |view, n| in_words(given.feed.newest(Whose { view, member_id: member(n) }).cloned());
    assert_eq!(newest(View::Members, 1), "s9 s6");
    assert_eq!(newest(View::Officers, 2), "s8");
    assert!(!given.feed.has_figures(View::Officers), "no series have come");
    given.take(live(&kpis_of(organization(1), 8, View::Officers)));
    assert!(given.feed.has_figures(View::Officers));
}

#[test]
fn of_many_marks_the_oldest_are_forgotten() {
    let mut given = Given::after(9);
    for n in 0..=MARKS_MAX as u128 {
        given.take(live(&read_of(organization(1), 9, member(n), Seq(9))));
    }
    let marks = |n| given.feed.newest(Whose { view: View::Members, member_id: member(n) }).count();
    assert_eq!((marks(0), marks(1), given.feed.marks.len()), (0, 1, MARKS_MAX));
}

#[test]
fn the_ring_answers_what_came_after_a_cursor() {
    let mut given = Given::after(5);
    given.facts(6..=10);
    assert_eq!(given.ring(10, 9), Some((String::new(), 10, true)));
    assert_eq!(given.ring(7, 9), Some(("8 9 10".into(), 10, true)));
    assert_eq!(given.ring(5, 9), Some(("6 7 8 9 10".into(), 10, true)));
    assert_eq!(given.ring(5, 2), Some(("6 7".into(), 7, false)));
    assert_eq!(given.ring(4, 9), None, "that goes further back than the ring");
    assert_eq!(given.ring(12, 9), Some((String::new(), 12, true)), "a cursor ahead of the bus stays");
}

#[test]
fn bulk_facts_are_given_on_and_take_no_room_in_the_ring() {
    let mut given = Given::after(0);
    given.facts([1]);
    assert_eq!(given.take(bulk(2)), "2");
    assert_eq!(given.take(bulk(3)), "3");
    assert_eq!(given.feed.ring_bytes(), fact(1).bytes());
    assert_eq!(given.ring(1, 9), Some((String::new(), 3, true)));
}

#[test]
fn a_fact_that_is_shown_to_nobody_and_ends_a_membership_is_kept_for_resumes() {
    let mut given = Given::after(0);
    let mut suspended = suspended_of(organization(1), 1, member(1));
    suspended.audience = Audience::none();
    given.take(live(&suspended));
    assert_eq!(given.ring(0, 9), Some(("1".into(), 1, true)));
}

#[test]
fn forgetting_frees_the_oldest_and_moves_where_the_ring_begins() {
    let mut given = Given::after(0);
    given.facts(1..=3);
    let all = given.feed.ring_bytes();
    assert_eq!(given.feed.forget_oldest(), Some(fact(1).bytes()));
    assert_eq!(given.feed.ring_bytes(), all - fact(1).bytes());
    assert_eq!(given.ring(0, 9), None);
    assert_eq!(given.ring(1, 9), Some(("2 3".into(), 3, true)));
    given.feed.forget_oldest();
    given.feed.forget_oldest();
    assert_eq!((given.feed.forget_oldest(), given.feed.ring_bytes()), (None, 0));
    assert_eq!(given.ring(2, 9), None);
    assert_eq!(given.ring(3, 9), Some((String::new(), 3, true)));
}

proptest! {
    /// However the bus repeats and reorders, each event is given on once and in order, and states never too early.
    #[test]
    fn any_arrival_order_gives_every_event_once(
        arrivals in proptest::collection::vec((1u64..40, any::<bool>()), 0..200),
    ) {
        let mut given = Given::after(0);
        let mut facts = Vec::new();
        let all = (1u64..40).map(|seq| (seq, false));
        for (seq, is_state) in arrivals.into_iter().chain(all) {
            given.feed.take(if is_state { stats(seq, View::Members) } else { fact(seq) }, &mut given.out);
            for live in given.out.drain(..) {
                match live.position {
                    Position::Fact(seq) => facts.push(seq.0),
                    Position::State { as_of_seq, .. } => {
                        prop_assert!(facts.last().is_some_and(|last| as_of_seq.0 <= *last));
                    }
                }
            }
        }
        prop_assert_eq!(facts, (1u64..40).collect::<Vec<_>>());
        prop_assert_eq!(given.feed.hole(), None);
    }
}
