//! A gateway: the real registry and the real connections, driven as their shells drive them, but one random step at a time.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::time::Instant;
use unionflow_protocol::{
    Record, Seq,
    close::CloseCode,
    frame::Token,
    id::{OrganizationId, SessionId, SignInId},
    limits,
    problem::ErrorCode,
};
use uuid::Uuid;

use super::{
    journal::{Store, id_of, member_of},
    socket::Socket,
    stream::{Asked, Violation},
    world::World,
};
use crate::{
    config::{GOOD_BYE, HEADS_EVERY, HOLE_EVENTS, PAGE_EVENTS},
    connection::{Connection, Done, FrameReader, Task},
    feed::Live,
    hub::{
        Attached, Cursor,
        registry::{Filled, LookUp, Registry},
    },
    samples::{day, live, noon, person},
    session::{Identity, Joined, Session, Start, Wanted},
};

type Follower = Arc<Connection<Socket>>;

pub(super) struct Gateway {
    registry: Registry<Follower>,
    /// The bus, by topic: in order within one, in no order between them.
    topics: [VecDeque<Record>; 5],
    stalled_until: [u64; 5],
    look_ups: Vec<(LookUp, Option<Answer>)>,
    arrivals: Vec<Arrival>,
    talks: Vec<Talk>,
    next_heads: u64,
    /// Crashed, and back then.
    back_at: Option<u64>,
    draining: bool,
    /// The bus broke off: what it carried is lost until it is followed anew.
    broke_off: bool,
}

enum Answer {
    Filled(Filled),
    Heads(Vec<(usize, Seq)>),
    Figures(Option<Vec<Arc<Live>>>),
}

struct Arrival {
    client: usize,
    socket: Socket,
    joined: Joined,
    token_ends: u64,
}

/// A connection with what its task is at.
struct Talk {
    client: usize,
    connection: Follower,
    reader: FrameReader,
    socket: Socket,
    step: Option<Step>,
    heard_at: u64,
    token_ends: u64,
    leaves_at: Option<u64>,
}

enum Step {
    Replay(OrganizationId, Cursor),
    Page(OrganizationId, Seq),
    Verify(Token),
    Leave(OrganizationId, Wanted),
    Join(Wanted),
    Finish(Done),
}

impl Gateway {
    pub(super) fn new(ring_bytes: usize) -> Self {
        Self {
            registry: Registry::new(ring_bytes),
            topics: Default::default(),
            stalled_until: [0; 5],
            look_ups: Vec::new(),
            arrivals: Vec::new(),
            talks: Vec::new(),
            next_heads: 0,
            back_at: None,
            draining: false,
            broke_off: false,
        }
    }

    pub(super) fn accepts(&self) -> bool {
        self.back_at.is_none() && !self.draining
    }

    pub(super) fn is_up(&self) -> bool {
        self.back_at.is_none()
    }

    pub(super) fn arrives(&mut self, client: usize, socket: Socket, joined: Joined, token_ends: u64) {
        self.arrivals.push(Arrival { client, socket, joined, token_ends });
    }

    pub(super) fn publish(&mut self, topic: usize, record: Record) {
        self.topics[topic].push_back(record);
    }

    pub(super) fn break_off(&mut self) {
        self.broke_off = true;
    }

    /// Follows the bus anew if it broke off.
    pub(super) fn follow_anew(&mut self) {
        if std::mem::take(&mut self.broke_off) {
            self.registry.handle_followed_anew();
            self.settle();
        }
    }

    pub(super) fn stall(&mut self, topic: usize, until: u64) {
        self.stalled_until[topic] = until;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.topics.iter().all(VecDeque::is_empty) && self.look_ups.is_empty() && self.arrivals.is_empty()
    }

    /// Followers that the registry has; none when nobody is connected.
    pub(super) fn followers(&self) -> usize {
        self.registry.followers()
    }

    /// The rings keep their budget, and nobody loses count.
    pub(super) fn keeps_budget(&self, budget: usize) -> bool {
        let (counted, held) = self.registry.ring_bytes();
        counted == held && counted <= budget
    }

    fn settle(&mut self) {
        while let Some(look_up) = self.registry.poll_look_up() {
            self.look_ups.push((look_up, None));
        }
    }
}

impl World {
    /// Everything in the gateway's memory is gone, and its sockets with it.
    pub(super) fn crash(&mut self, g: usize, with_all_bytes: bool) {
        let gateway = &mut self.gateways[g];
        let sockets = gateway.talks.drain(..).map(|talk| talk.socket);
        for socket in sockets.chain(gateway.arrivals.drain(..).map(|arrival| arrival.socket)) {
            let wire = &mut *socket.wire();
            let left = if with_all_bytes { 0 } else { self.random.below(wire.to_client.len() + 1) };
            wire.to_client.truncate(left);
            wire.ended = true;
        }
        let back_at = self.now + self.random.between(5, 3_000);
        *gateway = Gateway { back_at: Some(back_at), ..Gateway::new(self.settings.ring_bytes) };
    }

    /// The gateway tells everybody to go, and stops soon.
    pub(super) fn drain(&mut self, g: usize) {
        let now = self.clock();
        self.gateways[g].draining = true;
        for (i, talk) in self.gateways[g].talks.iter().enumerate() {
            talk.socket.excuse(CloseCode::Restarting);
            let leave_in = Duration::from_millis(20 * i as u64);
            talk.connection.drain_at(now, Duration::from_millis(250), leave_in);
        }
    }

    pub(super) fn end_sign_ins(&mut self, g: usize) {
        if let Some(talk) = self.gateways[g].talks.first() {
            talk.socket.excuse(CloseCode::SessionsEnded);
            talk.connection.end_if(|_| true);
        }
    }

    /// Hands a few records of one topic over.
    pub(super) fn bus_delivers(&mut self, g: usize) {
        let now = self.clock().steady;
        let gateway = &mut self.gateways[g];
        let ready: Vec<usize> = (0..5)
            .filter(|t| {
                !gateway.topics[*t].is_empty() && (gateway.stalled_until[*t] <= self.now || self.is_quiet)
            })
            .collect();
        if ready.is_empty() || !gateway.is_up() {
            return;
        }
        let topic = self.random.pick(&ready);
        let some = if self.is_quiet { usize::MAX } else { self.random.between(1, 6) as usize };
        let queue = &mut gateway.topics[topic];
        for record in queue.drain(..some.min(queue.len())) {
            gateway.registry.handle_record(now, live(&record));
        }
        gateway.settle();
    }

    /// Reads the store for the registry, or hands in what was read.
    pub(super) fn look_up(&mut self, g: usize) {
        let (now, readable) = (self.clock().steady, self.is_quiet || !self.random.one_in(25));
        let gateway = &mut self.gateways[g];
        if gateway.look_ups.is_empty() {
            return;
        }
        let i = self.random.below(gateway.look_ups.len());
        let (look_up, answer) = &mut gateway.look_ups[i];
        let Some(answer) = answer.take() else {
            *answer = Some(answer_to(look_up, &self.store, readable));
            if !readable {
                self.count("look-ups that failed");
            }
            return;
        };
        match (gateway.look_ups.swap_remove(i).0, answer) {
            (LookUp::Hole { organization, .. }, Answer::Filled(filled)) => {
                let from_journal = !filled.events.is_empty();
                gateway.registry.handle_filled(now, organization, filled);
                gateway.settle();
                if from_journal {
                    self.count("holes read from the journal");
                }
            }
            (_, Answer::Heads(heads)) => {
                for (index, head) in heads {
                    gateway.registry.handle_head(id_of(index), head);
                }
                gateway.settle();
            }
            (LookUp::Figures(organization), Answer::Figures(figures)) => {
                gateway.registry.handle_figures(now, organization, figures);
                gateway.settle();
                self.count("figures read from the store");
            }
            (_, Answer::Filled(_) | Answer::Figures(_)) => unreachable!("answered by its kind"),
        }
    }

    /// Time went on: timers of the gateway and of its sessions.
    pub(super) fn timers(&mut self, g: usize) {
        let now = self.clock();
        let gateway = &mut self.gateways[g];
        if gateway.back_at.is_some_and(|at| at <= self.now) {
            gateway.back_at = None;
        }
        if gateway.registry.next_deadline().is_some_and(|at| at <= now.steady) {
            gateway.registry.handle_deadline(now.steady);
        }
        if gateway.next_heads <= self.now {
            gateway.next_heads = self.now + HEADS_EVERY.as_millis() as u64;
            gateway.registry.watch_heads();
        }
        gateway.settle();
        for talk in &mut gateway.talks {
            if talk.connection.standing().deadline.is_some_and(|at| at <= now.steady) {
                if talk.heard_at + limits::SILENCE.as_millis() as u64 <= self.now {
                    talk.socket.excuse(CloseCode::Silent);
                }
                if talk.token_ends <= self.now {
                    talk.socket.excuse(CloseCode::TokenEnded);
                }
                talk.connection.reach_deadline(now);
            }
        }
    }

    /// One step of one connection: it arrives, hears, writes, looks something up, or ends.
    pub(super) fn connection_steps(&mut self, g: usize) -> Result<(), Violation> {
        if !self.gateways[g].arrivals.is_empty() && (self.is_quiet || self.random.one_in(2)) {
            self.accept(g);
            return Ok(());
        }
        let count = self.gateways[g].talks.len();
        if count > 0 {
            let talk = self.random.below(count);
            self.talk_steps(g, talk)?;
        }
        Ok(())
    }

    pub(super) fn every_connection_steps(&mut self, g: usize) -> Result<(), Violation> {
        while !self.gateways[g].arrivals.is_empty() {
            self.accept(g);
        }
        for talk in (0..self.gateways[g].talks.len()).rev() {
            self.talk_steps(g, talk)?;
        }
        Ok(())
    }

    fn accept(&mut self, g: usize) {
        let now = self.clock();
        let Arrival { client, socket, joined, token_ends } = self.gateways[g].arrivals.remove(0);
        self.sessions += 1;
        let id = SessionId::from_uuid(Uuid::from_u128(u128::from(self.sessions)));
        let identity = self.identity(self.person_of(client), token_ends);
        let session = Session::new(id, identity, joined, now);
        let sign_in = SignInId::from_uuid(Uuid::from_u128(client as u128));
        let connection = Connection::new(socket.clone(), session, sign_in, self.settings.queue_bytes);
        connection.begin();
        let reader = FrameReader::new();
        let heard_at = self.now;
        self.gateways[g].talks.push(Talk {
            client,
            connection,
            reader,
            socket,
            step: None,
            heard_at,
            token_ends,
            leaves_at: None,
        });
    }

    fn talk_steps(&mut self, g: usize, t: usize) -> Result<(), Violation> {
        let now = self.clock();
        let talk = &mut self.gateways[g].talks[t];
        let standing = talk.connection.standing();
        if standing.closing && talk.leaves_at.is_none() {
            talk.leaves_at = Some(self.now + GOOD_BYE.as_millis() as u64);
        }
        let (cut, heard, whole) = {
            let wire = &mut *talk.socket.wire();
            let some = if self.is_quiet {
                wire.to_server.len()
            } else {
                self.random.below(wire.to_server.len() + 1)
            };
            let heard: Vec<u8> = wire.to_server.drain(..some).collect();
            (wire.cut, heard, wire.to_server.is_empty())
        };
        let gone = cut && (self.is_quiet || self.random.one_in(3));
        if standing.done || gone || talk.leaves_at.is_some_and(|at| at <= self.now) {
            self.leave(g, t);
            return Ok(());
        }
        if !heard.is_empty() {
            // Part of a frame is no sign of life yet.
            if whole {
                talk.heard_at = self.now;
            }
            talk.reader.take(&talk.connection, now, &heard);
        }
        if standing.waits {
            talk.connection.flush();
        }
        self.task_steps(g, t)
    }

    fn leave(&mut self, g: usize, t: usize) {
        let (now, gateway) = (self.clock(), &mut self.gateways[g]);
        let talk = gateway.talks.swap_remove(t);
        if let Some(Step::Replay(organization, cursor)) = talk.step
            && self.random.one_in(2)
        {
            // Its wish to be attached was on the way already.
            gateway.registry.handle_attach(now, organization, &talk.connection, cursor);
        }
        let organization = talk.connection.leave();
        gateway.registry.handle_detach(organization, &talk.connection);
        gateway.settle();
        talk.socket.wire().ended = true;
    }

    fn task_steps(&mut self, g: usize, t: usize) -> Result<(), Violation> {
        let now = self.clock();
        let readable = self.is_quiet || !self.random.one_in(60);
        let step = self.gateways[g].talks[t].step.take();
        let next = match step {
            None => self.gateways[g].talks[t].connection.next_task().map(Step::from),
            Some(Step::Replay(organization, cursor)) => {
                let gateway = &mut self.gateways[g];
                let connection = &gateway.talks[t].connection;
                let attached = gateway.registry.handle_attach(now, organization, connection, cursor);
                gateway.settle();
                Some(match attached {
                    Attached::Live => Step::Finish(Done::Attached),
                    Attached::Ring(replay) => Step::Finish(Done::Page(replay.events, replay.up_to)),
                    Attached::BeyondRing => Step::Page(organization, cursor.after),
                })
            }
            Some(Step::Page(_, _)) if !readable => {
                self.count("pages that could not be read");
                self.gateways[g].talks[t].socket.excuse(CloseCode::TryLater);
                Some(Step::Finish(Done::Unavailable))
            }
            Some(Step::Page(organization, after)) => {
                let page = framed(self.store.page(index_of(organization), after, PAGE_EVENTS));
                let Some(up_to) = page.last().map(|live| live.position.seq()) else {
                    return Err(format!("nothing is after {after} in the journal, and yet it is to be read"));
                };
                self.count("pages read from the journal");
                Some(Step::Finish(Done::Page(page, up_to)))
            }
            Some(Step::Verify(token)) => Some(Step::Finish(Done::Verified(self.verify(&token)))),
            Some(Step::Leave(organization, wanted)) => {
                let gateway = &mut self.gateways[g];
                gateway.registry.handle_detach(organization, &gateway.talks[t].connection);
                Some(Step::Join(wanted))
            }
            Some(Step::Join(wanted)) => {
                let (client, socket) = {
                    let talk = &self.gateways[g].talks[t];
                    (talk.client, talk.socket.clone())
                };
                let organization = index_of(wanted.organization_id.expect("a switch names one"));
                let asked = Asked { organization, after: wanted.after, epoch: wanted.epoch };
                let joined = self.store_joins(self.person_of(client), asked);
                if joined.is_none() {
                    socket.excuse(CloseCode::SwitchRefused);
                }
                Some(Step::Finish(Done::Joined(joined.ok_or(ErrorCode::NotFound))))
            }
            Some(Step::Finish(done)) => {
                let who = self.person_of(self.gateways[g].talks[t].client);
                let talk = &mut self.gateways[g].talks[t];
                if let Done::Verified(Ok((identity, _))) = &done
                    && identity.person_id == person(who as u128)
                {
                    talk.token_ends = identity.token_ends.since(noon()).as_millis() as u64;
                }
                talk.connection.finish(now, done);
                None
            }
        };
        self.gateways[g].talks[t].step = next;
        Ok(())
    }

    /// A token is the number of its person and when it ends.
    fn verify(&self, token: &Token) -> Result<(Identity, SignInId), ErrorCode> {
        let (who, ends) = token.0.split_once(' ').ok_or(ErrorCode::Unauthenticated)?;
        let who: usize = who.parse().map_err(|_| ErrorCode::Unauthenticated)?;
        let ends: u64 = ends.parse().map_err(|_| ErrorCode::Unauthenticated)?;
        Ok((self.identity(who, ends), SignInId::from_uuid(Uuid::from_u128(who as u128))))
    }

    fn identity(&self, who: usize, ends: u64) -> Identity {
        let token_ends = noon().plus(Duration::from_millis(ends));
        Identity { person_id: person(who as u128), token_ends }
    }

    /// What the store says when somebody connects, or switches; `None` for who is no active member.
    pub(super) fn store_joins(&self, who: usize, asked: Asked) -> Option<Joined> {
        let organization = &self.store.organizations[asked.organization];
        let head = organization.head();
        let (roles, active) = organization.standing(who, head);
        let organization_id = id_of(asked.organization);
        let wanted =
            Wanted { organization_id: Some(organization_id), after: asked.after, epoch: asked.epoch };
        let start = Start::of(wanted, head, self.store.epoch);
        active.then(|| Joined {
            organization_id,
            member_id: member_of(asked.organization, who),
            roles,
            head,
            epoch: self.store.epoch,
            stats: figures_of_welcome(),
            mark: Some(self.store.mark(asked.organization, who))
                .filter(|_| matches!(start, Start::After(_)))
                .and_then(|record| live(&record).frame.clone()),
            start,
        })
    }
}

impl From<Task> for Step {
    fn from(task: Task) -> Self {
        match task {
            Task::Replay(organization, cursor) => Self::Replay(organization, cursor),
            Task::Verify(token) => Self::Verify(token),
            Task::Join(organization, _, wanted) => Self::Leave(organization, wanted),
        }
    }
}

fn answer_to(look_up: &LookUp, store: &Store, readable: bool) -> Answer {
    match look_up {
        LookUp::Hole { .. } if !readable => {
            Answer::Filled(Filled { events: Vec::new(), figures: Vec::new(), complete: false })
        }
        LookUp::Hole { organization, after } => {
            let index = index_of(*organization);
            let events = framed(store.page(index, *after, HOLE_EVENTS));
            Answer::Filled(Filled { events, figures: framed(&store.all_figures(index)), complete: true })
        }
        LookUp::Figures(organization) => {
            Answer::Figures(readable.then(|| framed(&store.all_figures(index_of(*organization)))))
        }
        LookUp::Heads(_) if !readable => Answer::Heads(Vec::new()),
        LookUp::Heads(organizations) => {
            let head = |id: &OrganizationId| (index_of(*id), store.organizations[index_of(*id)].head());
            Answer::Heads(organizations.iter().map(head).collect())
        }
    }
}

/// What it says is not looked at.
fn figures_of_welcome() -> Option<(unionflow_protocol::Date, Box<RawValue>)> {
    RawValue::from_string("{}".to_owned()).ok().map(|figures| (day(), figures))
}

fn framed(records: &[Record]) -> Vec<Arc<Live>> {
    records.iter().map(live).collect()
}

fn index_of(organization: OrganizationId) -> usize {
    usize::from(organization.as_bytes()[15])
}

/// When the simulation began; every time in it is so much later.
pub(super) fn beginning() -> Instant {
    Instant::now()
}
