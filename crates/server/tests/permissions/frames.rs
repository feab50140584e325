//! Every frame that a client can send, by everybody, in every state of a session: what is answered, and what never comes.

mod cast;
mod journal;
mod outside;
mod table;
mod talk;

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use unionflow_protocol::id::OrganizationId;

use self::{
    cast::Cast,
    journal::Journals,
    table::{Answer, Say, State, Where},
    talk::{Chapter, Talk},
};
use crate::Tally;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_frame_is_answered_as_the_contract_says_and_moves_nobody_to_where_they_may_not_be() {
    let cast = Cast::assemble().await;
    let mut journals = Journals::of(&cast.world);
    let mut tally = Tally::default();
    let (mut said, mut replaying, mut in_time, mut frames) = (0, 0, 0, 0);
    for say in Say::all() {
        let mut farewells = HashSet::new();
        for state in [State::Live, State::Replaying, State::Leaving] {
            let talks = everybody(&cast, say, state).await;
            journals.read_on(&cast.world).await;
            said += talks.len();
            for talk in &talks {
                judge(talk, &journals, &mut tally);
                farewells.extend(farewell(talk));
                frames += talk.frames.len();
                replaying += usize::from(state == State::Replaying);
                in_time += usize::from(state == State::Replaying && was_answered_while_replaying(talk));
            }
        }
        tally.wrong_unless(farewells.len() <= 1, || format!("{say:?} tells more than no: {farewells:?}"));
    }
    println!(
        "{said} frames said, {in_time} of {replaying} answered in the middle of a replay; {frames} came"
    );
    assert!(in_time * 10 > replaying * 9, "the state that is meant is the state that it is");
    tally.print_and_check("client frames by role, organisation and state");
}

/// All of them at once, so that those of one organisation are witnesses of what happens while the others look away.
async fn everybody(cast: &Cast, say: Say, state: State) -> Vec<Talk<'_>> {
    let [first, second] = cast.world.heads().await.map(|head| head.0);
    let here = |organization: OrganizationId, [first, second]: [u64; 2]| {
        if organization == cast.world.espoir.id { [first, second] } else { [second, first] }
    };
    let begin = cast
        .seats
        .iter()
        .map(|seat| Talk::begin(seat, state, say, here(seat.person.organization, [first, second])));
    let mut talks = join_all(begin).await;
    cast.something_happens().await;
    let heads = cast.world.heads().await.map(|head| head.0);
    join_all(talks.iter_mut().map(|talk| talk.settle(here(talk.seat.person.organization, heads)))).await;
    join_all(talks.iter_mut().map(Talk::end)).await;
    talks
}

fn judge(talk: &Talk<'_>, journals: &Journals, tally: &mut Tally) {
    let chapters = talk.chapters();
    let said = said(talk);
    tally.wrong_unless(said == expected(talk), || {
        format!("{}: {said:?} instead of {:?}", talk.told(), expected(talk))
    });
    let last = chapters.last().expect("a socket begins with its welcome");
    let place = talk.seat.places[talk.place()];
    tally.wrong_unless(last.organization == place, || format!("{}: not where it belongs", talk.told()));
    if let Answer::Welcome(_) = talk.answer() {
        let begun = (last.welcome.data()["resumedFrom"].as_u64(), resync(last));
        let (from, reason) = talk.begins();
        tally.wrong_unless(begun == (from, reason.map(str::to_owned)), || {
            format!("{}: begins with {begun:?} instead of {:?}", talk.told(), (from, reason))
        });
    }
    for (at, chapter) in chapters.iter().enumerate() {
        let is_last = at + 1 == chapters.len();
        let faults = faults(talk, chapter, is_last, journals);
        tally.wrong_unless(faults.is_empty(), || format!("{}: {}", talk.told(), faults.join("; ")));
        tally.crossed += chapter
            .frames
            .iter()
            .map(|frame| journals.crossed(chapter.organization, &frame.text))
            .sum::<usize>();
    }
}

/// What the server said about the session since then, welcomes and replays aside: pongs beside those that the test asked for,
/// pongs of the WebSocket's own, errors, and the close.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    pongs: usize,
    wire_pongs: usize,
    errors: Vec<String>,
    other: Vec<String>,
    closed: Option<u16>,
}

fn said(talk: &Talk<'_>) -> Said {
    let since = &talk.frames[talk.before..];
    let of = |kind: &str| since.iter().filter(|frame| frame.event_type() == kind).collect::<Vec<_>>();
    let code = |data: &Value| data["code"].as_str().unwrap_or_default().to_owned();
    let known =
        ["SYSTEM_WELCOME", "SYSTEM_CAUGHT_UP", "SYSTEM_RESYNC_REQUIRED", "SYSTEM_PONG", "SYSTEM_ERROR"];
    let other = since.iter().filter(|frame| !frame.is_event() && !known.contains(&frame.event_type()));
    Said {
        pongs: of("SYSTEM_PONG").len() - talk.pings,
        wire_pongs: talk.wire_pongs(),
        errors: of("SYSTEM_ERROR").iter().map(|frame| code(frame.data())).collect(),
        other: other.map(|frame| frame.text.clone()).collect(),
        closed: talk.closed.map(|closed| closed.code),
    }
}

fn expected(talk: &Talk<'_>) -> Said {
    let answer = talk.answer();
    let refused = match answer {
        Answer::Refused(code) => Some(code),
        _ => None,
    };
    Said {
        pongs: usize::from(answer == Answer::Pong),
        wire_pongs: usize::from(answer == Answer::WirePong),
        // The last is how the test ends every talk that the frame itself has not ended.
        errors: refused.into_iter().chain(["NOT_FOUND"]).map(str::to_owned).collect(),
        other: Vec::new(),
        closed: Some(4300),
    }
}

fn resync(chapter: &Chapter<'_>) -> Option<String> {
    let mut frames = chapter.frames.iter();
    let resync = frames.find(|frame| frame.event_type() == "SYSTEM_RESYNC_REQUIRED")?;
    resync.data()["reason"].as_str().map(str::to_owned)
}

/// A session follows one organisation from its welcome on: as a member there, each event that it may see once and in order,
/// none left out before what a control frame promises, and none of anything else.
fn faults(talk: &Talk<'_>, chapter: &Chapter<'_>, is_last: bool, journals: &Journals) -> Vec<String> {
    let mut faults = Vec::new();
    let organization = json!(chapter.organization);
    let Some((member, roles)) = talk.seat.member_of(chapter.organization) else {
        return vec![format!("nothing of {organization} is theirs")];
    };
    let welcome = chapter.welcome.data();
    if (&welcome["memberId"], &welcome["roles"]) != (&json!(member), &json!(roles)) {
        faults.push(format!("welcomed as {welcome}"));
    }
    let strange = chapter.frames.iter().find(|frame| frame.value["organizationId"] != organization);
    faults.extend(strange.map(|frame| format!("a frame of elsewhere: {}", frame.text)));

    let after = welcome["resumedFrom"].as_u64().or(welcome["headSeq"].as_u64()).unwrap();
    let due = journals.due(chapter.organization, (member, roles), after, u64::MAX);
    let mut seen = 0;
    let mut caught_up = 0;
    for frame in chapter.frames {
        if frame.seq().is_some() && frame.is_event() {
            if due.get(seen) != Some(&frame.text.as_str()) {
                faults.push(format!("{} is not what comes next", frame.text));
                break;
            }
            seen += 1;
        }
        if ["SYSTEM_PONG", "SYSTEM_CAUGHT_UP"].contains(&frame.event_type()) {
            let up_to = frame.data()["seq"].as_u64().unwrap();
            let promised = journals.due(chapter.organization, (member, roles), after, up_to).len();
            if promised != seen {
                faults.push(format!("{seen} came and {promised} were promised by {}", frame.text));
            }
        }
        caught_up += usize::from(frame.event_type() == "SYSTEM_CAUGHT_UP");
    }
    let away = is_last && talk.answer() == Answer::TurnedAway;
    let may = if is_last && !away { 1..=1 } else { 0..=1 };
    if !may.contains(&caught_up) {
        faults.push(format!("caught up {caught_up} times"));
    }
    faults
}

/// The error that turns somebody away, without what differs by nature.
fn farewell(talk: &Talk<'_>) -> Option<String> {
    let mut error = talk.frames.last().filter(|_| talk.answer() == Answer::TurnedAway)?.value.clone();
    let fields = error.as_object_mut().expect("a frame is an object");
    fields.retain(|name, _| !["timestamp", "organizationId"].contains(&name.as_str()));
    Some(error.to_string())
}

/// Whether the session had not caught up when it answered, or when it would have been answered.
fn was_answered_while_replaying(talk: &Talk<'_>) -> bool {
    let since = talk.frames[talk.before..].iter().map(|frame| frame.event_type());
    let first = since.filter(|kind| kind.starts_with("SYSTEM_")).find(|kind| {
        !matches!(talk.answer(), Answer::Silence | Answer::WirePong) || *kind == "SYSTEM_CAUGHT_UP"
    });
    match talk.answer() {
        Answer::Silence | Answer::WirePong => first.is_some(),
        Answer::Welcome(Where::Here | Where::There | Where::Nowhere) => first == Some("SYSTEM_WELCOME"),
        Answer::Pong => first == Some("SYSTEM_PONG"),
        Answer::Refused(_) | Answer::TurnedAway => first == Some("SYSTEM_ERROR"),
    }
}
