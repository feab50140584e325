//! What a session promises, one fact each.

use std::sync::Arc;

use serde_json::Value;
use unionflow_protocol::{Audience, Record};
use uuid::Uuid;

use super::*;
use crate::samples::{
    epoch, fact, fact_of, granted_of, kpis_of, live, member, noon, organization, person, read_of, revoked_of,
    stats, stats_of, suspended_of,
};

const PLAIN: &[Role] = &[Role::Member];
const TREASURER: &[Role] = &[Role::Member, Role::Treasurer];
const MINUTE: Duration = Duration::from_secs(60);

/// A session of member 1 in organisation 1, and the clock beside it.
struct Talk {
    session: Session,
    now: Now,
}

fn joined(head: u64, roles: &[Role], start: Start) -> Joined {
    Joined {
        organization_id: organization(1),
        member_id: member(1),
        roles: RoleSet::of(roles),
        head: Seq(head),
        epoch: epoch(1),
        stats: None,
        mark: None,
        start,
    }
}

fn identity(n: u128, lasts: Duration) -> Identity {
    Identity { person_id: person(n), token_ends: noon().plus(lasts) }
}

impl Talk {
    /// Joined at 10, its welcome not yet taken.
    fn begin(joined: Joined) -> Self {
        let now = Now { steady: Instant::now(), wall: noon() };
        let id = SessionId::from_uuid(Uuid::from_u128(7));
        Self { session: Session::new(id, identity(1, MINUTE * 15), joined, now), now }
    }

    /// Live, everything said so far forgotten.
    fn live_at(head: u64, roles: &[Role]) -> Self {
        let mut talk = Self::begin(joined(head, roles, Start::Now));
        talk.session.handle_caught_up(talk.now);
        talk.told();
        talk
    }

    fn wait(&mut self, duration: Duration) {
        self.now.steady += duration;
        self.now.wall = self.now.wall.plus(duration);
    }

    fn hears(&mut self, text: &str) -> Vec<String> {
        self.session.handle_text(self.now, text);
        self.told()
    }

    /// What the client, or the shell, is told because of a live event.
    fn event(&mut self, record: &Record) -> Vec<String> {
        self.live(&live(record))
    }

    fn live(&mut self, live: &Arc<Live>) -> Vec<String> {
        let seen = self.session.handle_live(live) == Sees::Yes;
        let mut told: Vec<String> =
            live.frame.iter().filter(|_| seen).map(|frame| in_words(frame.payload())).collect();
        told.extend(self.told());
        told
    }

    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(output) = self.session.poll_output() {
            told.push(match output {
                Output::Send(frame) => in_words(frame.payload()),
                Output::Replay { after, .. } => format!("replay after {after}"),
                Output::Verify(token) => format!("verify {}", token.0),
                Output::Join(wanted) => {
                    let organization = wanted.organization_id.map_or("any".to_owned(), |id| id.to_string());
                    format!("join {organization} after {:?}", wanted.after)
                }
                Output::Newest(whose) => format!("newest {}", whose.view),
                Output::Acknowledged { behind } => format!("acknowledged, {behind} behind"),
                Output::Close(code) => format!("close {}", code.number()),
            });
        }
        told
    }

    fn deadline(&mut self) -> Vec<String> {
        self.session.handle_deadline(self.now);
        self.told()
    }
}

/// A frame, short: `WELCOME 10`, `fact 11`, `state 11`.
fn in_words(payload: &[u8]) -> String {
    let frame: Value = serde_json::from_slice(payload).expect("a frame is JSON");
    let data = &frame["data"];
    let text = |key: &str| match &data[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match frame["eventType"].as_str().expect("a frame has a type") {
        "SYSTEM_WELCOME" => format!("WELCOME {} from {}", text("headSeq"), text("resumedFrom")),
        "SYSTEM_CAUGHT_UP" => format!("CAUGHT_UP {}", text("seq")),
        "SYSTEM_PONG" => format!("PONG {}", text("seq")),
        "SYSTEM_RIGHTS_CHANGED" => format!("RIGHTS {} at {}", text("roles"), text("seq")),
        "SYSTEM_RESYNC_REQUIRED" => format!("RESYNC {} to {}", text("reason"), text("headSeq")),
        "SYSTEM_GO_AWAY" => format!("GO_AWAY {} ms", text("retryAfterMs")),
        "SYSTEM_ERROR" => format!("ERROR {}", text("code")),
        _ if frame["seq"].is_u64() => format!("fact {}", frame["seq"]),
        _ => format!("state {}", frame["asOfSeq"]),
    }
}

fn officers_fact(seq: u64) -> Record {
    fact_of(organization(1), seq, Audience::roles(RoleSet::OFFICERS))
}

fn nothing() -> Vec<String> {
    Vec::new()
}

// The beginning.

#[test]
fn without_a_cursor_a_session_is_welcomed_and_caught_up_at_the_head() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::Now));
    assert_eq!(talk.told(), ["WELCOME 10 from null", "replay after 10"]);
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), ["CAUGHT_UP 10", "newest members"]);
}

#[test]
fn a_resume_is_replayed_between_the_welcome_and_one_caught_up() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(7))));
    assert_eq!(talk.told(), ["WELCOME 10 from 7", "replay after 7"]);
    talk.session.handle_replay(&[fact(8), fact(9)], Seq(9));
    talk.session.handle_replay(&[fact(10)], Seq(10));
    talk.session.handle_caught_up(talk.now);
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), ["fact 8", "fact 9", "fact 10", "CAUGHT_UP 10", "newest members"]);
}

#[test]
fn an_empty_replay_is_caught_up_too() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(10))));
    talk.session.handle_replay(&[], Seq(10));
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), ["WELCOME 10 from 10", "replay after 10", "CAUGHT_UP 10", "newest members"]);
}

#[test]
fn after_a_resync_a_session_is_caught_up_at_the_head() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::Resync(ResyncReason::BeyondHead)));
    talk.session.handle_caught_up(talk.now);
    assert_eq!(
        talk.told(),
        [
            "WELCOME 10 from null",
            "RESYNC BEYOND_HEAD to 10",
            "replay after 10",
            "CAUGHT_UP 10",
            "newest members"
        ]
    );
}

#[test]
fn a_cursor_is_resumed_from_unless_epoch_head_or_age_forbid_it() {
    let start = |after: Option<u64>, of: Option<u128>, head: u64| {
        let wanted = Wanted { organization_id: None, after: after.map(Seq), epoch: of.map(epoch) };
        Start::of(wanted, Seq(head), epoch(1))
    };
    let resync = Start::Resync;
    assert_eq!(start(None, None, 10), Start::Now);
    assert_eq!(start(None, Some(2), 10), Start::Now);
    assert_eq!(start(Some(5), Some(1), 10), Start::After(Seq(5)));
    assert_eq!(start(Some(10), Some(1), 10), Start::After(Seq(10)));
    assert_eq!(start(Some(0), None, 10), Start::After(Seq(0)), "the very beginning needs no epoch");
    assert_eq!(start(Some(5), Some(2), 10), resync(ResyncReason::OtherEpoch));
    assert_eq!(start(Some(5), None, 10), resync(ResyncReason::OtherEpoch));
    assert_eq!(start(Some(11), Some(1), 10), resync(ResyncReason::BeyondHead));
    assert_eq!(start(Some(1), Some(1), 10_001), Start::After(Seq(1)));
    assert_eq!(start(Some(0), Some(1), 10_001), resync(ResyncReason::TooFarBehind));
}

// The order of events.

#[test]
fn a_replay_shows_only_what_the_rights_held_now_admit() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(7))));
    talk.told();
    let own = live(&fact_of(organization(1), 10, Audience::member(member(1))));
    talk.session.handle_replay(&[fact(8), live(&officers_fact(9)), own], Seq(10));
    assert_eq!(talk.told(), ["fact 8", "fact 10"]);
}

#[test]
fn events_of_another_organisation_are_never_seen() {
    let elsewhere = fact_of(organization(2), 11, Audience::everyone());
    let mut talk = Talk::live_at(10, TREASURER);
    assert_eq!(talk.event(&elsewhere), nothing());
    assert_eq!(talk.session.cursor(), Seq(10), "nor do they move the cursor");
    assert_eq!(Talk::live_at(10, TREASURER).event(&stats_of(organization(2), 11, View::Officers)), nothing());
    let mut replaying = Talk::begin(joined(10, TREASURER, Start::After(Seq(7))));
    replaying.told();
    replaying.session.handle_replay(&[live(&fact_of(organization(2), 8, Audience::everyone()))], Seq(8));
    assert_eq!(replaying.told(), nothing());
}

#[test]
fn duplicates_and_old_events_are_ignored() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.live(&fact(10)), nothing());
    assert_eq!(talk.live(&fact(11)), ["fact 11"]);
    assert_eq!(talk.live(&fact(11)), nothing());
    assert_eq!(talk.live(&fact(9)), nothing());
    assert_eq!(talk.session.cursor(), Seq(11));
}

#[test]
fn a_replayed_event_is_not_seen_again_live_nor_on_a_later_page() {
    let mut talk = Talk::begin(joined(9, PLAIN, Start::After(Seq(7))));
    talk.told();
    talk.session.handle_replay(&[fact(8), fact(9)], Seq(9));
    talk.session.handle_replay(&[fact(9), fact(10)], Seq(10));
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), ["fact 8", "fact 9", "fact 10", "CAUGHT_UP 10", "newest members"]);
    assert_eq!(talk.live(&fact(10)), nothing());
}

#[test]
fn nothing_live_overtakes_a_replay() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(7))));
    talk.told();
    assert_eq!(talk.live(&fact(11)), nothing());
    assert_eq!(talk.session.cursor(), Seq(7));
}

#[test]
fn a_bulk_fact_moves_the_cursor_and_is_seen_by_nobody() {
    let mut talk = Talk::live_at(10, TREASURER);
    assert_eq!(talk.event(&fact_of(organization(1), 11, Audience::none())), nothing());
    assert_eq!(talk.hears("ping"), ["PONG 11"]);
}

#[test]
fn states_of_before_the_welcome_are_not_repeated() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.live(&stats(9, View::Members)), nothing());
    assert_eq!(talk.live(&stats(10, View::Members)), ["state 10"]);
    assert_eq!(talk.live(&stats(12, View::Members)), ["state 12"]);
    assert_eq!(talk.session.cursor(), Seq(10), "a state moves no cursor");
}

#[test]
fn a_session_has_exactly_one_view_and_only_its_own_marks() {
    let mut plain = Talk::live_at(10, PLAIN);
    assert_eq!(plain.live(&stats(11, View::Officers)), nothing());
    assert_eq!(plain.live(&stats(11, View::Members)), ["state 11"]);
    assert_eq!(plain.event(&read_of(organization(1), 11, member(1), Seq(11))), ["state 11"]);
    assert_eq!(plain.event(&read_of(organization(1), 11, member(2), Seq(11))), nothing());
    let mut treasurer = Talk::live_at(10, TREASURER);
    assert_eq!(treasurer.live(&stats(11, View::Officers)), ["state 11"]);
    assert_eq!(treasurer.live(&stats(11, View::Members)), nothing());
}

#[test]
fn who_resumes_is_told_how_far_it_had_read_and_gets_the_series_and_only_newer_figures() {
    let mark = live(&read_of(organization(1), 10, member(1), Seq(4))).frame.clone();
    let mut talk = Talk::begin(Joined { mark, ..joined(10, PLAIN, Start::After(Seq(8))) });
    talk.told();
    talk.session.handle_replay(&[], Seq(11));
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), ["CAUGHT_UP 11", "state 10", "newest members"]);
    let kpis = live(&kpis_of(organization(1), 7, View::Members));
    assert_eq!(talk.live(&kpis), ["state 7"], "its cursor says nothing about figures");
    assert_eq!(talk.live(&kpis), nothing(), "once");
    assert_eq!(talk.live(&stats(9, View::Members)), nothing(), "the welcome brought newer ones");
    assert_eq!(talk.live(&stats(11, View::Members)), ["state 11"]);
}

#[test]
fn at_midnight_figures_change_without_an_event() {
    let noon = stats(10, View::Members);
    let Position::State { as_of_date: today, .. } = noon.position else { unreachable!("a state") };
    let yesterday = today.plus_days(-1);
    let stats = RawValue::from_string("{}".to_owned()).ok().map(|stats| (yesterday, stats));
    let mut talk = Talk::begin(Joined { stats, ..joined(10, PLAIN, Start::Now) });
    talk.session.handle_caught_up(talk.now);
    talk.told();
    assert_eq!(talk.live(&noon), ["state 10"]);
    assert_eq!(talk.live(&noon), nothing());
}

// What the client says.

#[test]
fn a_ping_in_any_form_keeps_the_session_and_a_text_one_is_answered() {
    for text in ["ping", r#"{"type":"ping"}"#, r#"{"type":"ping","n":1}"#] {
        let mut talk = Talk::live_at(10, PLAIN);
        talk.wait(MINUTE);
        assert_eq!(talk.hears(text), ["PONG 10"], "{text}");
        talk.wait(MINUTE);
        assert_eq!(talk.deadline(), nothing(), "{text}");
    }
    let mut talk = Talk::live_at(10, PLAIN);
    talk.wait(MINUTE);
    talk.session.handle_ping(talk.now);
    talk.wait(MINUTE);
    assert_eq!(talk.deadline(), nothing(), "the transport answers pings of the WebSocket's own");
}

#[test]
fn a_pong_moves_the_cursor_past_what_the_session_may_not_see() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.event(&officers_fact(11)), nothing());
    assert_eq!(talk.hears("ping"), ["PONG 11"]);
    talk.session.passed(Seq(14));
    assert_eq!(talk.hears("ping"), ["PONG 14"]);
    talk.session.passed(Seq(12));
    assert_eq!(talk.hears("ping"), ["PONG 14"]);
}

#[test]
fn a_pong_during_a_replay_promises_no_more_than_was_sent() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(7))));
    talk.session.handle_replay(&[fact(8)], Seq(8));
    talk.session.passed(Seq(10));
    talk.told();
    assert_eq!(talk.hears("ping"), ["PONG 8"]);
}

#[test]
fn seventy_five_seconds_of_silence_close_with_4001() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.session.next_deadline(), Some(talk.now.steady + Duration::from_secs(75)));
    talk.wait(Duration::from_millis(74_999));
    assert_eq!(talk.deadline(), nothing());
    talk.wait(Duration::from_millis(1));
    assert_eq!(talk.deadline(), ["close 4001"]);
    assert!(talk.session.is_closed());
    assert_eq!(talk.session.next_deadline(), None);
}

#[test]
fn events_sent_are_no_sign_of_life() {
    let mut talk = Talk::live_at(10, PLAIN);
    talk.wait(MINUTE);
    talk.live(&fact(11));
    talk.wait(Duration::from_secs(15));
    assert_eq!(talk.deadline(), ["close 4001"]);
}

#[test]
fn the_end_of_the_token_closes_with_4200() {
    let mut talk = Talk::live_at(10, PLAIN);
    for _ in 0..14 {
        talk.wait(MINUTE);
        assert_eq!(talk.hears("ping").len(), 1);
    }
    assert_eq!(talk.session.next_deadline(), Some(talk.now.steady + MINUTE));
    talk.wait(MINUTE);
    assert_eq!(talk.deadline(), ["close 4200"]);
}

#[test]
fn a_new_token_of_the_same_person_moves_the_deadline_and_is_answered_with_a_pong() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.hears(r#"{"type":"authenticate","token":"next"}"#), ["verify next"]);
    talk.session.handle_verified(talk.now, Ok(identity(1, MINUTE * 30)));
    assert_eq!(talk.told(), ["PONG 10"]);
    for _ in 0..29 {
        talk.wait(MINUTE);
        talk.hears("ping");
        assert_eq!(talk.deadline(), nothing());
    }
    talk.wait(MINUTE);
    assert_eq!(talk.deadline(), ["close 4200"]);
}

#[test]
fn another_persons_token_is_refused_and_the_old_one_stays() {
    let mut talk = Talk::live_at(10, PLAIN);
    talk.session.handle_verified(talk.now, Ok(identity(2, MINUTE * 60)));
    assert_eq!(talk.told(), ["ERROR OTHER_PERSON"]);
    assert_eq!(talk.session.identity(), identity(1, MINUTE * 15));
    assert_eq!(talk.live(&fact(11)), ["fact 11"]);
    talk.wait(MINUTE * 15);
    talk.hears("ping");
    assert_eq!(talk.deadline(), ["close 4200"]);
}

#[test]
fn a_token_that_is_not_good_is_refused_and_the_old_one_stays() {
    let mut talk = Talk::live_at(10, PLAIN);
    talk.session.handle_verified(talk.now, Err(ErrorCode::TokenExpired));
    assert_eq!(talk.told(), ["ERROR TOKEN_EXPIRED"]);
    assert_eq!(talk.session.identity(), identity(1, MINUTE * 15));
    assert!(!talk.session.is_closed());
}

#[test]
fn an_ack_says_how_far_behind_and_one_beyond_the_cursor_is_refused() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.hears(r#"{"type":"ack","seq":8}"#), ["acknowledged, 2 behind"]);
    assert_eq!(talk.hears(r#"{"type":"ack","seq":7}"#), nothing(), "acks are cumulative");
    assert_eq!(talk.hears(r#"{"type":"ack","seq":10}"#), ["acknowledged, 0 behind"]);
    assert_eq!(talk.hears(r#"{"type":"ack","seq":11}"#), ["ERROR INVALID_FRAME"]);
}

#[test]
fn a_bad_frame_is_refused_and_the_session_goes_on() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.hears("{"), ["ERROR INVALID_JSON"]);
    assert_eq!(talk.hears(r#"{"type":"shout"}"#), ["ERROR INVALID_FRAME"]);
    assert_eq!(talk.live(&fact(11)), ["fact 11"]);
}

#[test]
fn too_many_frames_in_a_window_end_the_session() {
    let mut talk = Talk::live_at(10, PLAIN);
    for _ in 0..FRAMES_PER_WINDOW {
        assert_eq!(talk.hears("ping"), ["PONG 10"]);
    }
    assert_eq!(talk.hears("ping"), ["ERROR RATE_LIMITED", "close 1013"]);
    assert_eq!(talk.hears("ping"), nothing());
}

#[test]
fn as_many_frames_over_two_windows_are_fine() {
    let mut talk = Talk::live_at(10, PLAIN);
    for _ in 0..2 {
        for _ in 0..FRAMES_PER_WINDOW {
            assert_eq!(talk.hears("ping"), ["PONG 10"]);
        }
        talk.wait(FRAMES_WINDOW);
    }
}

// Another organisation.

fn switch(n: u128) -> String {
    format!(r#"{{"type":"switch","organizationId":"{}"}}"#, organization(n))
}

fn joined_elsewhere(n: u128, head: u64) -> Joined {
    Joined { organization_id: organization(n), member_id: member(10 + n), ..joined(head, PLAIN, Start::Now) }
}

#[test]
fn a_switch_leaves_the_old_organisation_at_once() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.hears(&switch(2)), [format!("join {} after None", organization(2))]);
    assert_eq!(talk.live(&fact(11)), nothing());
    assert_eq!(talk.live(&stats(11, View::Members)), nothing());
    talk.session.handle_joined(talk.now, Ok(joined_elsewhere(2, 4)));
    assert_eq!(talk.told(), ["WELCOME 4 from null", "replay after 4"]);
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), ["CAUGHT_UP 4", "newest members"]);
    assert_eq!(talk.live(&fact(11)), nothing(), "the old organisation's");
    assert_eq!(talk.event(&fact_of(organization(2), 5, Audience::everyone())), ["fact 5"]);
}

#[test]
fn a_switch_in_a_replay_ends_it() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(7))));
    talk.told();
    talk.hears(&switch(2));
    talk.session.handle_replay(&[fact(8)], Seq(8));
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), nothing());
}

#[test]
fn of_two_switches_in_a_row_only_the_last_is_answered() {
    let mut talk = Talk::live_at(500, PLAIN);
    talk.hears(&switch(2));
    talk.hears(&switch(3));
    talk.session.handle_joined(talk.now, Ok(joined_elsewhere(2, 700)));
    assert_eq!(talk.told(), nothing(), "its replay would run in the organisation after it");
    talk.session.handle_joined(talk.now, Ok(joined_elsewhere(3, 4)));
    assert_eq!(talk.told(), ["WELCOME 4 from null", "replay after 4"]);
}

#[test]
fn a_refused_switch_closes_with_4300() {
    let mut talk = Talk::live_at(10, PLAIN);
    talk.hears(&switch(2));
    talk.session.handle_joined(talk.now, Err(ErrorCode::NotFound));
    assert_eq!(talk.told(), ["ERROR NOT_FOUND", "close 4300"]);
    assert!(talk.session.is_closed());
}

// Rights.

#[test]
fn a_granted_role_is_told_at_its_seq_and_sees_what_follows() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.event(&officers_fact(11)), nothing());
    assert_eq!(
        talk.event(&granted_of(organization(1), 12, member(1), Role::Treasurer)),
        ["fact 12", r#"RIGHTS ["TREASURER","MEMBER"] at 12"#, "newest officers"]
    );
    assert_eq!(talk.event(&officers_fact(13)), ["fact 13"]);
}

#[test]
fn figures_of_a_new_view_are_brought_even_if_they_are_older_than_the_welcome() {
    let mut talk = Talk::live_at(10, PLAIN);
    talk.event(&granted_of(organization(1), 11, member(1), Role::Treasurer));
    assert_eq!(talk.live(&stats(9, View::Officers)), ["state 9"]);
    talk.event(&revoked_of(organization(1), 12, member(1), Role::Treasurer));
    assert_eq!(talk.live(&stats(9, View::Members)), ["state 9"], "others were on the screen since");
}

#[test]
fn a_revoked_role_is_told_at_its_seq_and_sees_nothing_that_follows() {
    let mut talk = Talk::live_at(10, TREASURER);
    assert_eq!(talk.event(&officers_fact(11)), ["fact 11"]);
    assert_eq!(
        talk.event(&revoked_of(organization(1), 12, member(1), Role::Treasurer)),
        ["fact 12", r#"RIGHTS ["MEMBER"] at 12"#, "newest members"]
    );
    assert_eq!(talk.event(&officers_fact(13)), nothing());
    assert_eq!(talk.live(&stats(13, View::Officers)), nothing());
}

#[test]
fn roles_of_others_and_changes_held_at_the_welcome_already_change_nothing() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.event(&granted_of(organization(1), 11, member(2), Role::Treasurer)), ["fact 11"]);
    assert_eq!(talk.event(&officers_fact(12)), nothing());
    let mut replayed = Talk::begin(joined(10, PLAIN, Start::After(Seq(7))));
    replayed.told();
    // Granted at 8 and revoked at 9: the welcome said what holds at 10.
    let change = granted_of(organization(1), 8, member(1), Role::Treasurer);
    replayed.session.handle_replay(&[live(&change), live(&officers_fact(9))], Seq(9));
    assert_eq!(replayed.told(), ["fact 8"]);
}

#[test]
fn a_change_of_roles_within_a_view_brings_no_figures() {
    let mut talk = Talk::live_at(10, TREASURER);
    assert_eq!(
        talk.event(&granted_of(organization(1), 11, member(1), Role::Auditor)),
        ["fact 11", r#"RIGHTS ["TREASURER","AUDITOR","MEMBER"] at 11"#]
    );
}

#[test]
fn rights_that_change_while_a_replay_runs_are_followed_in_it() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(10))));
    talk.told();
    let grant = live(&granted_of(organization(1), 11, member(1), Role::Treasurer));
    talk.session.handle_replay(&[grant, live(&officers_fact(12))], Seq(12));
    assert_eq!(talk.told(), ["fact 11", r#"RIGHTS ["TREASURER","MEMBER"] at 11"#, "fact 12"]);
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), ["CAUGHT_UP 12", "newest officers"], "now there is somebody to hand them in");
}

#[test]
fn a_suspended_member_gets_the_event_first_then_4302() {
    let mut talk = Talk::live_at(10, PLAIN);
    assert_eq!(talk.event(&suspended_of(organization(1), 11, member(1))), ["fact 11", "close 4302"]);
    assert_eq!(talk.live(&fact(12)), nothing());
}

#[test]
fn a_suspension_in_a_replay_ends_it_behind_its_event() {
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(10))));
    talk.told();
    let suspended = live(&suspended_of(organization(1), 11, member(1)));
    talk.session.handle_replay(&[suspended, fact(12)], Seq(12));
    talk.session.handle_caught_up(talk.now);
    assert_eq!(talk.told(), ["fact 11", "close 4302"]);
}

#[test]
fn facts_of_other_systems_change_no_right() {
    let mut record = granted_of(organization(1), 11, member(1), Role::Treasurer);
    record.inbound = true;
    assert_eq!(Talk::live_at(10, PLAIN).event(&record), ["fact 11"]);
    let mut record = suspended_of(organization(1), 11, member(1));
    record.inbound = true;
    assert_eq!(Talk::live_at(10, PLAIN).event(&record), ["fact 11"]);
}

// The end.

#[test]
fn a_drained_session_is_told_when_to_return_and_closed_later() {
    let mut talk = Talk::live_at(10, PLAIN);
    talk.session.handle_drain(talk.now, Duration::from_millis(700), Duration::from_secs(2));
    assert_eq!(talk.told(), ["GO_AWAY 700 ms"]);
    talk.session.handle_drain(talk.now, Duration::from_millis(900), Duration::from_secs(9));
    assert_eq!(talk.told(), nothing(), "once is enough");
    assert_eq!(talk.live(&fact(11)), ["fact 11"], "what happens meanwhile is still seen");
    assert_eq!(talk.session.next_deadline(), Some(talk.now.steady + Duration::from_secs(2)));
    talk.wait(Duration::from_secs(2));
    assert_eq!(talk.deadline(), ["close 1012"]);
}

#[test]
fn an_ended_sign_in_closes_with_4201_and_an_unreadable_store_with_1013() {
    let mut talk = Talk::live_at(10, PLAIN);
    talk.session.handle_sign_in_ended();
    assert_eq!(talk.told(), ["close 4201"]);
    talk.session.handle_unavailable();
    assert_eq!(talk.told(), nothing(), "it is closed once");
    let mut talk = Talk::begin(joined(10, PLAIN, Start::After(Seq(7))));
    talk.told();
    talk.session.handle_unavailable();
    assert_eq!(talk.told(), ["close 1013"]);
}

#[test]
fn a_slow_client_is_told_nothing_more() {
    let mut talk = Talk::live_at(10, PLAIN);
    talk.session.handle_text(talk.now, "ping");
    talk.session.handle_gone();
    assert_eq!(talk.told(), nothing());
    assert_eq!(talk.live(&fact(11)), nothing());
    assert_eq!(talk.deadline(), nothing());
}
