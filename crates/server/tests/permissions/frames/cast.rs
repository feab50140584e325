//! Two organisations, who sits on a socket where, and what each of them can show and say.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use unionflow_auth::access::Holder;
use unionflow_protocol::{
    Role, RoleSet,
    id::{MemberId, OrganizationId, SignInId},
};
use unionflow_testkit::{Person, Socket, World};

use super::table::{After, Credential, Say, UpTo, Where, Who};

/// An id that nothing has.
pub(super) const NOTHING: &str = "0199c5d2-7f00-7abc-8def-0123456789ab";
/// Events of each organisation before anybody connects: more than the buffers between a server and a client that does not read.
const HISTORY: [usize; 2] = [800, 700];

/// The world, and everybody who has a socket in it.
pub(super) struct Cast {
    pub(super) world: World,
    pub(super) seats: Vec<Seat>,
    treasurers: [Person; 2],
}

/// Somebody, where they sit, and what they can show.
pub(super) struct Seat {
    pub(super) who: Who,
    pub(super) person: Person,
    /// Where they sit first, then the other organisation.
    pub(super) places: [OrganizationId; 2],
    /// The member they are there, where they are one.
    member_there: Option<MemberId>,
    credentials: HashMap<Credential, String>,
}

impl Cast {
    pub(super) async fn assemble() -> Self {
        // The least that a queue may hold, so that a replay soon waits for a client that does not read.
        let world = World::start_with(|settings| settings.queue_bytes = 128 * 1024).await;
        let treasurers = [world.espoir(Role::Treasurer).await, world.solidarite(Role::Treasurer).await];
        let mut seats = Vec::new();
        for who in Who::all() {
            let (person, member_there) = person(&world, who).await;
            seats.push(Seat::take(&world, who, person, member_there).await);
        }
        for (troupe, count) in [&world.espoir, &world.solidarite].into_iter().zip(HISTORY) {
            world.announcements_at_once(troupe, count).await;
        }
        Self { world, seats, treasurers }
    }

    /// Something for everyone and something for officers happens in both organisations.
    pub(super) async fn something_happens(&self) {
        for treasurer in &self.treasurers {
            treasurer.submit(73_520).await;
        }
        for troupe in [&self.world.espoir, &self.world.solidarite] {
            self.world.announcements_at_once(troupe, 1).await;
        }
    }
}

async fn person(world: &World, who: Who) -> (Person, Option<MemberId>) {
    let in_all = |troupe: &unionflow_testkit::Troupe| troupe.in_all().clone();
    match who {
        Who::Holder(role) => (world.espoir(role).await, None),
        Who::InBoth => {
            let person = world.sign_in(&world.espoir, &in_all(&world.espoir)).await;
            (person, Some(in_all(&world.solidarite).member_id))
        }
        Who::InBothThere => {
            let person = world.sign_in(&world.solidarite, &in_all(&world.solidarite)).await;
            (person, Some(in_all(&world.espoir).member_id))
        }
        Who::SuspendedThere => (was_there(world, "suspend").await, None),
        Who::LeftThere => (was_there(world, "leave").await, None),
        Who::Stranger => (world.solidarite(Role::President).await, None),
    }
}

/// A plain member of the first organisation who was one of the second too, until this happened.
async fn was_there(world: &World, verb: &str) -> Person {
    let person = world.newcomer(&format!("{verb}@mutuelleespoir.test")).await;
    let secretary = world.solidarite(Role::Secretary).await;
    let member = secretary.add_member("Simple", "Membre").await;
    let code = secretary.invite(&member).await;
    person.post("/auth/activate", &json!({"code": code})).await.expect(204);
    let path = format!("/members/{}/{verb}", member["id"].as_str().unwrap());
    secretary.post(&path, &json!({})).await.expect(200);
    person
}

impl Seat {
    pub(super) async fn take(
        world: &World,
        who: Who,
        person: Person,
        member_there: Option<MemberId>,
    ) -> Self {
        let [first, second] = [world.espoir.id, world.solidarite.id];
        let places = if person.organization == first { [first, second] } else { [second, first] };
        let mut credentials = HashMap::new();
        let colleague = match (who, person.organization == first) {
            (Who::Holder(Role::Secretary), _) => world.espoir(Role::Auditor).await,
            (_, true) => world.espoir(Role::Secretary).await,
            (_, false) => world.solidarite(Role::Secretary).await,
        };
        let foreigner = if person.organization == first {
            world.solidarite(Role::Treasurer).await
        } else {
            world.espoir(Role::Treasurer).await
        };
        let signed_out = person.another_device().await;
        signed_out.post("/auth/logout", &json!({})).await.expect(204);
        let text = |answer: Value, key: &str| answer[key].as_str().unwrap().to_owned();
        let ticket = person.post("/realtime/tickets", &json!({})).await.expect(201);
        let body = json!({"refreshToken": person.refresh_token});
        let refreshed = person.signed_out().post("/auth/refresh", &body).await.expect(200);
        credentials.insert(Credential::Same, person.token.clone());
        credentials.insert(Credential::Refresh, text(refreshed.clone(), "refreshToken"));
        credentials.insert(Credential::Refreshed, text(refreshed, "accessToken"));
        credentials.insert(Credential::OtherDevice, person.another_device().await.token);
        credentials.insert(Credential::Forged, forged(&person.token, &colleague.token));
        credentials.insert(Credential::Colleague, colleague.token);
        credentials.insert(Credential::Foreigner, foreigner.token);
        credentials.insert(Credential::Expired, expired(world, &person));
        credentials.insert(Credential::SignedOut, signed_out.token);
        credentials.insert(Credential::Ticket, text(ticket, "ticket"));
        credentials.insert(Credential::Garbage, "n’importe quoi".to_owned());
        credentials.insert(Credential::Empty, String::new());
        Self { who, person, places, member_there, credentials }
    }

    /// Who they are in an organisation; `None` where nothing may reach them.
    pub(super) fn member_of(&self, organization: OrganizationId) -> Option<(MemberId, RoleSet)> {
        if organization == self.places[0] {
            Some((self.person.account.member_id, self.person.account.roles()))
        } else {
            self.member_there.map(|member| (member, RoleSet::of(&[Role::Member])))
        }
    }

    /// What goes over the wire; `heads` are the newest events of their two places.
    pub(super) fn messages(&self, say: Say, socket: &Socket, heads: [u64; 2]) -> Vec<Message> {
        let text = |value: Value| vec![Message::text(value.to_string())];
        match say {
            Say::Ping => text(json!({"type": "ping"})),
            Say::BarePing => vec![Message::text("ping")],
            Say::WirePing => vec![Message::Ping(Bytes::from_static(b"?"))],
            Say::BareSwitch => text(json!({"type": "switch"})),
            Say::Ack(UpTo::Behind) => {
                let [held, less] = [socket.cursor, socket.cursor - 1];
                [held, less].map(|seq| Message::text(json!({"type": "ack", "seq": seq}).to_string())).into()
            }
            Say::Ack(up_to) => {
                let seq = match up_to {
                    UpTo::Held | UpTo::Behind => socket.cursor.to_string(),
                    UpTo::Zero => "0".to_owned(),
                    UpTo::Beyond => (heads[0] + 1000).to_string(),
                    UpTo::Huge => "9007199254740991".to_owned(),
                    UpTo::Endless => "99999999999999999999999".to_owned(),
                    UpTo::Negative => "-1".to_owned(),
                };
                vec![Message::text(format!(r#"{{"type":"ack","seq":{seq}}}"#))]
            }
            Say::Authenticate(credential) => {
                text(json!({"type": "authenticate", "token": self.credentials[&credential]}))
            }
            Say::Switch(to, after) => {
                let (organization, head) = match to {
                    Where::Here => (self.places[0].to_string(), heads[0]),
                    Where::There => (self.places[1].to_string(), heads[1]),
                    Where::Nowhere => (NOTHING.to_owned(), 0),
                };
                let mut frame = json!({"type": "switch", "organizationId": organization});
                let mut begin = |after: u64, epoch: Option<&str>| {
                    frame["after"] = json!(after);
                    if let Some(epoch) = epoch {
                        frame["epoch"] = json!(epoch);
                    }
                };
                match after {
                    After::Nothing => {}
                    After::Zero => begin(0, None),
                    After::Held => begin(socket.cursor, Some(&socket.epoch)),
                    After::NewestHere => begin(heads[0], Some(&socket.epoch)),
                    After::Beyond => begin(head + 1000, Some(&socket.epoch)),
                    After::OtherEpoch => begin(1, Some(NOTHING)),
                    After::NoEpoch => begin(1, None),
                }
                text(frame)
            }
        }
    }
}

/// The claims of one token under the signature of another.
fn forged(token: &str, other: &str) -> String {
    let (claims, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    format!("{claims}.{signature}")
}

fn expired(world: &World, person: &Person) -> String {
    let sign_in_id = SignInId::from_uuid(uuid::Uuid::nil());
    let holder = Holder { person_id: person.account.person_id, sign_in_id, language: None };
    let hour = Duration::from_secs(3600);
    let now = unionflow_storage::Clock::now(&*world.clock).as_millis();
    let before = unionflow_protocol::Timestamp::from_millis(now - i64::try_from(hour.as_millis()).unwrap());
    world.server().service().authenticator().issue(holder, before).0
}
