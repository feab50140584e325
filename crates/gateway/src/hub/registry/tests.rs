//! What a hub decides, one fact each.

use parking_lot::Mutex;
use unionflow_protocol::{Audience, Role, View, id::MemberId};

use super::*;
use crate::samples::{fact, fact_of, granted_of, kpis_of, live, member, noon, organization, stats};

const OFFICER: Whose = Whose { view: View::Officers, member_id: MemberId::from_uuid(uuid::Uuid::nil()) };

/// A session that writes down what it is handed, and wants officers' figures after each change of rights.
#[derive(Clone)]
struct Listener(Arc<(Mutex<Vec<String>>, AtomicUsize)>);

impl Follower for Listener {
    fn deliver(&self, live: &Live) -> FollowUp {
        self.0.0.lock().push(match live.position {
            Position::Fact(seq) => seq.to_string(),
            Position::State { as_of_seq, .. } => format!("s{as_of_seq}"),
        });
        if live.rights.is_some() { FollowUp::Newest(OFFICER) } else { FollowUp::Nothing }
    }

    fn attach(&self, events: &[Arc<Live>], up_to: Seq, _passed: Arc<AtomicU64>, _now: Now) -> FollowUp {
        for live in events {
            self.deliver(live);
        }
        self.0.0.lock().push(format!("live at {up_to}"));
        FollowUp::Newest(OFFICER)
    }

    fn slot(&self) -> &AtomicUsize {
        &self.0.1
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Listener {
    fn new() -> Self {
        Self(Arc::new((Mutex::default(), AtomicUsize::new(usize::MAX))))
    }

    fn heard(&self) -> String {
        self.0.0.lock().drain(..).collect::<Vec<_>>().join(" ")
    }
}

/// A registry and its clock.
struct Desk {
    registry: Registry<Listener>,
    now: Now,
}

impl Desk {
    fn new(ring_bytes: usize) -> Self {
        Self { registry: Registry::new(ring_bytes), now: Now { steady: Instant::now(), wall: noon() } }
    }

    fn record(&mut self, live: Arc<Live>) {
        self.registry.handle_record(self.now.steady, live);
    }

    fn attach(&mut self, listener: &Listener, after: u64, joined_at: u64) -> &'static str {
        let cursor = Cursor { after: Seq(after), joined_at: Seq(joined_at) };
        match self.registry.handle_attach(self.now, organization(1), listener, cursor) {
            Attached::Live => "live",
            Attached::Ring(_) => "ring",
            Attached::BeyondRing => "beyond the ring",
        }
    }

    fn look_ups(&mut self) -> Vec<LookUp> {
        std::iter::from_fn(|| self.registry.poll_look_up()).collect()
    }

    fn wait(&mut self, duration: std::time::Duration) {
        self.now.steady += duration;
        if self.registry.next_deadline().is_some_and(|at| at <= self.now.steady) {
            self.registry.handle_deadline(self.now.steady);
        }
    }

    fn figures(&mut self, as_of: u64) {
        let series = live(&kpis_of(organization(1), as_of, View::Officers));
        let figures = Some(vec![stats(as_of, View::Officers), series]);
        self.registry.handle_figures(self.now.steady, organization(1), figures);
    }

    fn filled(&mut self, events: Vec<Arc<Live>>, figures: Vec<Arc<Live>>, complete: bool) {
        self.registry.handle_filled(self.now.steady, organization(1), Filled { events, figures, complete });
    }
}

fn hole_after(seq: u64) -> Vec<LookUp> {
    vec![LookUp::Hole { organization: organization(1), after: Seq(seq) }]
}

/// A desk with a listener that is live at 5.
fn live_at_5() -> (Desk, Listener) {
    let (mut desk, listener) = (Desk::new(1 << 20), Listener::new());
    desk.record(fact(5));
    assert_eq!(desk.attach(&listener, 5, 5), "live");
    assert_eq!(
        (desk.look_ups(), listener.heard()),
        (vec![LookUp::Figures(organization(1))], "live at 5".to_owned())
    );
    desk.figures(5);
    assert_eq!(listener.heard(), "s5 s5");
    (desk, listener)
}

#[test]
fn a_session_is_attached_with_the_rest_of_its_replay_in_one_step() {
    let (mut desk, listener) = (Desk::new(1 << 20), Listener::new());
    (5..=8).for_each(|seq| desk.record(fact(seq)));
    assert_eq!(desk.attach(&listener, 6, 7), "live");
    desk.record(fact(9));
    assert_eq!(listener.heard(), "7 8 live at 8 9");
    assert_eq!(desk.attach(&Listener::new(), 3, 8), "beyond the ring");
}

#[test]
fn a_long_replay_is_handed_over_in_pages_before_the_session_is_live() {
    let (mut desk, listener) = (Desk::new(1 << 20), Listener::new());
    (1..=200).for_each(|seq| desk.record(fact(seq)));
    assert_eq!(desk.attach(&listener, 0, 200), "ring");
    assert_eq!(desk.attach(&listener, 199 - ATTACH_EVENTS as u64, 200), "ring");
    assert_eq!((listener.heard(), desk.registry.followers()), (String::new(), 0));
    assert_eq!(desk.attach(&listener, 200 - ATTACH_EVENTS as u64, 200), "live");
}

#[test]
fn a_welcome_ahead_of_the_bus_asks_for_the_head_and_replays_from_the_journal() {
    let (mut desk, listener) = live_at_5();
    let late = Listener::new();
    assert_eq!(desk.attach(&late, 5, 7), "beyond the ring");
    assert_eq!(desk.look_ups(), [LookUp::Heads(vec![organization(1)])]);
    desk.registry.handle_head(organization(1), Seq(7));
    assert_eq!(desk.look_ups(), hole_after(5));
    assert_eq!(desk.attach(&late, 7, 7), "live", "it has read the journal itself meanwhile");
    desk.filled(vec![fact(6), fact(7)], Vec::new(), true);
    assert_eq!(listener.heard(), "6 7");
}

#[test]
fn a_hole_is_read_only_if_it_lasts_and_again_if_it_could_not_be_read() {
    let (mut desk, listener) = live_at_5();
    desk.record(fact(7));
    desk.record(fact(6));
    desk.wait(HOLE_LASTS);
    assert_eq!(desk.look_ups(), [], "filled by the bus");
    desk.record(fact(9));
    assert_eq!(desk.look_ups(), []);
    desk.wait(HOLE_LASTS);
    assert_eq!(desk.look_ups(), hole_after(7));
    desk.filled(Vec::new(), Vec::new(), false);
    desk.wait(HOLE_LASTS);
    assert_eq!(desk.look_ups(), [], "not at once");
    desk.wait(HEADS_EVERY);
    assert_eq!(desk.look_ups(), hole_after(7));
    desk.filled(vec![fact(8), fact(9), fact(10)], Vec::new(), true);
    assert_eq!(listener.heard(), "6 7 8 9 10");
}

#[test]
fn heads_are_watched_of_organisations_that_somebody_follows() {
    let (mut desk, listener) = live_at_5();
    desk.record(live(&fact_of(organization(2), 1, Audience::everyone())));
    desk.registry.watch_heads();
    assert_eq!(desk.look_ups(), [LookUp::Heads(vec![organization(1)])]);
    desk.registry.handle_detach(organization(1), &listener);
    desk.registry.watch_heads();
    assert_eq!(desk.look_ups(), []);
    desk.record(fact(6));
    assert_eq!(listener.heard(), "", "nothing reaches a session that has left");
}

#[test]
fn what_other_processes_wrote_is_read_at_once_unless_the_bus_was_quicker() {
    let (mut desk, listener) = live_at_5();
    let wakes = |id, seq| HashMap::from([(organization(id), Seq(seq))]);
    desk.registry.handle_woken(&wakes(2, 1));
    assert_eq!(desk.look_ups(), [], "nobody follows it");
    desk.record(fact(6));
    desk.registry.handle_woken(&wakes(1, 6));
    assert_eq!(desk.look_ups(), [], "it is here");
    desk.registry.handle_woken(&wakes(1, 8));
    assert_eq!(desk.look_ups(), hole_after(6));
    desk.registry.handle_woken(&wakes(1, 9));
    assert_eq!(desk.look_ups(), [], "it is being read");
    desk.filled(vec![fact(7), fact(8)], Vec::new(), true);
    assert_eq!(desk.look_ups(), hole_after(8), "what came meanwhile");
    desk.registry.handle_woken(&wakes(1, 0));
    assert_eq!(desk.look_ups(), [LookUp::Heads(vec![organization(1)])], "nobody knows how far");
    assert_eq!(listener.heard(), "6 7 8");
}

#[test]
fn figures_for_a_new_view_come_behind_all_that_became_ready_with_the_change() {
    let (mut desk, listener) = live_at_5();
    desk.record(live(&granted_of(organization(1), 7, member(1), Role::Treasurer)));
    desk.record(fact(8));
    desk.record(stats(6, View::Officers));
    desk.filled(vec![fact(6)], vec![stats(8, View::Officers)], true);
    assert_eq!(listener.heard(), "6 7 8 s6 s8 s5 s8", "neither before 8 nor before s6");
}

#[test]
fn rings_together_keep_to_their_budget_and_forget_the_oldest_first() {
    let size = fact(1).bytes();
    let mut desk = Desk::new(3 * size);
    desk.record(fact(1));
    desk.record(live(&fact_of(organization(2), 1, Audience::everyone())));
    (2..=3).for_each(|seq| desk.record(fact(seq)));
    assert_eq!(desk.registry.ring_bytes(), (3 * size, 3 * size));
    assert_eq!(desk.attach(&Listener::new(), 0, 3), "beyond the ring");
    assert_eq!(desk.attach(&Listener::new(), 1, 3), "live");
    (4..=9).for_each(|seq| desk.record(fact(seq)));
    assert_eq!(desk.registry.ring_bytes(), (3 * size, 3 * size));
    assert_eq!(
        desk.registry.organizations.len(),
        1,
        "one that nobody follows is forgotten with its last event"
    );
}

#[test]
fn whoever_leaves_first_everybody_else_is_still_found() {
    let (mut desk, first) = live_at_5();
    let others: Vec<Listener> = (0..4).map(|_| Listener::new()).collect();
    for listener in &others {
        assert_eq!(desk.attach(listener, 5, 5), "live");
    }
    desk.registry.handle_detach(organization(1), &first);
    desk.registry.handle_detach(organization(1), &others[3]);
    desk.registry.handle_detach(organization(1), &others[3]);
    desk.record(fact(6));
    let heard: Vec<String> = others.iter().map(Listener::heard).collect();
    assert_eq!(heard, ["live at 5 s5 s5 6", "live at 5 s5 s5 6", "live at 5 s5 s5 6", "live at 5 s5 s5"]);
    others.iter().for_each(|listener| desk.registry.handle_detach(organization(1), listener));
    assert_eq!(desk.registry.followers(), 0);
}

#[test]
fn a_session_that_becomes_live_is_handed_the_figures_published_while_it_replayed() {
    let (mut desk, _) = live_at_5();
    desk.record(fact(6));
    desk.record(stats(6, View::Officers));
    let late = Listener::new();
    assert_eq!(desk.attach(&late, 5, 5), "live");
    assert_eq!((late.heard(), desk.look_ups()), ("6 live at 6 s5 s6".to_owned(), vec![]));
}

#[test]
fn figures_that_a_session_lacks_are_read_once_and_again_if_they_could_not_be() {
    let (mut desk, listener) = (Desk::new(1 << 20), Listener::new());
    desk.record(fact(5));
    assert_eq!(desk.attach(&listener, 5, 5), "live");
    assert_eq!(desk.attach(&Listener::new(), 5, 5), "live");
    assert_eq!(desk.look_ups(), [LookUp::Figures(organization(1))], "once for both");
    desk.registry.handle_figures(desk.now.steady, organization(1), None);
    desk.registry.watch_heads();
    assert!(desk.look_ups().contains(&LookUp::Figures(organization(1))));
    desk.figures(5);
    assert_eq!(listener.heard(), "live at 5 s5 s5");
    desk.registry.watch_heads();
    assert_eq!(desk.look_ups(), [LookUp::Heads(vec![organization(1)])]);
}

#[test]
fn what_was_missed_while_the_bus_was_away_is_read_for_whoever_comes_next_too() {
    let (mut desk, listener) = live_at_5();
    desk.registry.handle_followed_anew();
    assert!(desk.look_ups().contains(&LookUp::Figures(organization(1))));
    desk.registry.handle_followed_anew();
    desk.figures(5);
    assert_eq!(listener.heard(), "", "that may have been read before it was missed");
    assert!(desk.look_ups().contains(&LookUp::Figures(organization(1))));
    desk.figures(6);
    desk.registry.handle_detach(organization(1), &listener);
    desk.registry.handle_followed_anew();
    assert_eq!(desk.look_ups(), [], "nobody is there");
    assert_eq!(desk.attach(&listener, 5, 5), "live");
    assert_eq!(desk.look_ups(), [LookUp::Figures(organization(1))]);
}
