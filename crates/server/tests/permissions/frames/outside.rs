//! Those who get no socket, whatever they show, and those who had one: nothing of what happens later reaches them.

use futures_util::future::join_all;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use unionflow_protocol::{Role, id::OrganizationId};
use unionflow_testkit::{Frame, Person, Refused, Socket, World};

use super::{
    cast::{NOTHING, Seat},
    table::{Credential, Say, Where, Who},
};
use crate::{Tally, stage};

/// How somebody shows who they are.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Header,
    SubProtocol,
    Ticket,
}

async fn knock(person: &Person, organization: &str, shown: Shown, more: &str) -> Result<Socket, Refused> {
    let mut url = format!("ws://{}/ws/dashboard?organizationId={organization}{more}", person.address);
    let (bearer, offered) =
        (format!("Bearer {}", person.token), format!("bearer.{}, unionflow.v1", person.token));
    let headers = match shown {
        Shown::Header => vec![("authorization", bearer.as_str())],
        Shown::SubProtocol => vec![("sec-websocket-protocol", offered.as_str())],
        Shown::Ticket => {
            let answer = person.post("/realtime/tickets", &json!({})).await;
            url.push_str("&ticket=");
            url.push_str(answer.body["ticket"].as_str().unwrap_or("none"));
            Vec::new()
        }
    };
    Socket::connect(&url, &headers).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_without_a_place_get_no_socket_whatever_they_show() {
    let stage = stage::Stage::set().await;
    let world = &stage.world;
    let signed_out = world.newcomer("sortie@espoir.test").await;
    signed_out.post("/auth/logout", &json!({})).await.expect(204);
    let outside = [
        (stage.person(stage::Who::Suspended), 404),
        (stage.person(stage::Who::Left), 404),
        (stage.person(stage::Who::Stranger), 404),
        (stage.person(stage::Who::Nobody), 401),
        (&signed_out, 401),
    ];
    let mut tally = Tally::default();
    for (person, status) in outside {
        for shown in [Shown::Header, Shown::SubProtocol, Shown::Ticket] {
            for more in ["", "&after=0", "&after=1"] {
                let foreign = knock(person, &world.espoir.id.to_string(), shown, more).await.err();
                let missing = knock(person, NOTHING, shown, more).await.err();
                let told = || format!("{} by {shown:?}{more}: {foreign:?}", person.account.login);
                tally.wrong_unless(foreign.as_ref().is_some_and(|refused| refused.status == status), told);
                tally.wrong_unless(foreign == missing, || format!("{} but {missing:?}", told()));
                tally.crossed += foreign.map_or(0, |refused| stage.crossed(&refused.problem.to_string()));
            }
        }
    }
    tally.print_and_check("sockets refused");
}

/// What ends somebody's place while their sockets are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Suspended,
    Left,
    SignedOut,
}

impl Ending {
    async fn happen(self, world: &World, person: &Person) {
        let member = person.account.member_id;
        match self {
            Self::Suspended => {
                let secretary = world.espoir(Role::Secretary).await;
                let path = format!("/members/{member}/suspend");
                secretary.post(&path, &json!({})).await.expect(200);
            }
            Self::Left => {
                person.post(&format!("/members/{member}/leave"), &json!({})).await.expect(200);
            }
            Self::SignedOut => {
                person.post("/auth/logout", &json!({})).await.expect(204);
            }
        }
    }

    /// The last event that they see, and the code that their sockets are closed with.
    fn last(self) -> (Option<&'static str>, u16) {
        match self {
            Self::Suspended => (Some("MEMBER_SUSPENDED"), 4302),
            Self::Left => (Some("MEMBER_LEFT"), 4302),
            Self::SignedOut => (None, 4201),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_out_hears_why_and_then_nothing_whatever_they_say() {
    let world = World::start().await;
    let mut tally = Tally::default();
    for ending in [Ending::Suspended, Ending::Left, Ending::SignedOut] {
        let person = world.newcomer(&format!("{ending:?}@espoir.test").to_lowercase()).await;
        let seat = Seat::take(&world, Who::Holder(Role::Member), person, None).await;
        // Of a device that stays signed in; whoever shows it goes on as that device.
        let says = Say::all()
            .into_iter()
            .filter(|say| ending != Ending::SignedOut || *say != Say::Authenticate(Credential::OtherDevice));
        let mut talks = Vec::new();
        for say in says {
            talks.push((say, world.socket(&seat.person).await));
        }
        ending.happen(&world, &seat.person).await;
        world.announcements_at_once(&world.espoir, 1).await;
        let heads = world.heads().await.map(|head| head.0);
        let spoken = talks.into_iter().map(|(say, mut socket)| {
            let messages = seat.messages(say, &socket, heads);
            async move {
                let (frames, code) = speak(&mut socket, ending, messages).await;
                (say, frames, code)
            }
        });
        for (say, frames, code) in join_all(spoken).await {
            judge(&mut tally, ending, say, &frames, code, world.solidarite.id);
        }
    }
    tally.print_and_check("frames of those who are out");
}

/// Hears the end, where an event tells it; says it; and hears the rest. What came since the sockets were open.
async fn speak(socket: &mut Socket, ending: Ending, messages: Vec<Message>) -> (Vec<Frame>, u16) {
    let mut frames = Vec::new();
    if let (Some(last), _) = ending.last() {
        frames = socket.until(last).await;
    }
    for message in messages {
        socket.send(message).await;
    }
    let (rest, closed) = socket.closes().await;
    frames.extend(rest);
    (frames, closed.code)
}

fn judge(tally: &mut Tally, ending: Ending, say: Say, frames: &[Frame], code: u16, foreign: OrganizationId) {
    let (last, expected) = ending.last();
    // A device that was signed out is closed within a second; until then it may be turned away by a switch of its own.
    let turned_away = last.is_none() && matches!(say, Say::Switch(Where::There | Where::Nowhere, _));
    tally.wrong_unless(code == expected || (turned_away && code == 4300), || {
        format!("{say:?}, {ending:?}: closed with {code} instead of {expected}")
    });
    let kinds: Vec<&str> = frames.iter().map(Frame::event_type).collect();
    let ends = last.is_none() || kinds.last() == last.as_ref();
    tally.wrong_unless(ends, || format!("{say:?}, {ending:?}: after the end came {kinds:?}"));
    let strange = frames.iter().find(|frame| frame.value["organizationId"] == foreign.to_string());
    tally.wrong_unless(strange.is_none(), || format!("{say:?}, {ending:?}: {strange:?}"));
}
