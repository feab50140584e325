//! One run: a store, a relay, gateways and clients; what happens next is drawn from the seed.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;
use unionflow_protocol::{Record, Seq, Topic};

use super::{
    client::Client,
    gateway::Gateway,
    journal::{KPIS, PERSONS, STATS, Store},
    random::Random,
    sdk::Sdk,
    stream::{Violation, ensure},
};
use crate::{samples::noon, session::Now};

pub(super) type Faults = BTreeMap<&'static str, u64>;

pub(super) struct World {
    pub(super) random: Random,
    pub(super) store: Store,
    pub(super) gateways: Vec<Gateway>,
    pub(super) clients: Vec<Client>,
    /// Clients on the SDK's session. To gateways they are numbered after the others.
    pub(super) sdks: Vec<Sdk>,
    /// Milliseconds since the beginning.
    pub(super) now: u64,
    pub(super) settings: Settings,
    /// No more faults: everything must come to its end.
    pub(super) is_quiet: bool,
    pub(super) sessions: u64,
    pub(super) frames: u64,
    beginning: Instant,
    published: Vec<Seq>,
    marked: Vec<Seq>,
    /// The changes of figures that were sent, of each kind.
    sent: Vec<[Option<Seq>; 2]>,
    faults: Faults,
    is_logging: bool,
    pub(super) told: Vec<String>,
}

pub(super) struct Settings {
    pub(super) ring_bytes: usize,
    pub(super) queue_bytes: usize,
    /// One record in so many is lost on the way to a gateway.
    loses_one_in: usize,
}

/// Steps with faults, then rounds without.
const STEPS: usize = 1_200;
const ROUNDS: usize = 600;

impl World {
    pub(super) fn new(seed: u64, is_logging: bool) -> Self {
        let mut random = Random::seeded(seed);
        let organizations = random.between(1, 3) as usize;
        let settings = Settings {
            ring_bytes: random.pick(&[1_500, 20_000, 1 << 20]),
            queue_bytes: random.pick(&[8_000, 64_000, 256_000]),
            loses_one_in: random.pick(&[10, 60, 1_000_000]),
        };
        let store = Store::founded(&mut random, organizations);
        let gateways = (0..random.between(1, 2)).map(|_| Gateway::new(settings.ring_bytes)).collect();
        let clients = (0..random.between(2, 7) as usize)
            .map(|i| Client::new(i, i % organizations, organizations))
            .collect();
        let sdks =
            (0..random.between(1, 3) as usize).map(|i| Sdk::new(&mut random, i, organizations)).collect();
        Self {
            random,
            store,
            gateways,
            clients,
            sdks,
            now: 0,
            settings,
            is_quiet: false,
            sessions: 0,
            frames: 0,
            beginning: super::gateway::beginning(),
            published: vec![Seq::ZERO; organizations],
            marked: vec![Seq::ZERO; organizations],
            sent: vec![[None; 2]; organizations],
            faults: Faults::new(),
            is_logging,
            told: Vec::new(),
        }
    }

    pub(super) fn run(&mut self) -> Result<(), Violation> {
        for _ in 0..STEPS {
            self.step()?;
        }
        self.come_to_rest()?;
        self.all_leave()
    }

    pub(super) fn faults(self) -> Faults {
        self.faults
    }

    pub(super) fn count(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_insert(0) += 1;
    }

    pub(super) fn log(&mut self, line: impl FnOnce() -> String) {
        if self.is_logging {
            self.told.push(format!("{:>7} ms  {}", self.now, line()));
        }
    }

    pub(super) fn clock(&self) -> Now {
        let since = Duration::from_millis(self.now);
        Now { steady: self.beginning + since, wall: noon().plus(since) }
    }

    fn step(&mut self) -> Result<(), Violation> {
        let organization = self.random.below(self.store.organizations.len());
        let g = self.random.below(self.gateways.len());
        let i = self.random.below(self.clients.len());
        match self.random.below(100) {
            0..10 => self.store.commit(&mut self.random, organization),
            10..20 => self.relay(organization),
            20..22 => self.publish_figures(organization),
            22..24 => self.read_on(organization),
            24 => self.gateways[g].follow_anew(),
            25..42 => self.bus_delivers(g),
            42..50 => self.look_up(g),
            50..72 => self.connection_steps(g)?,
            72..84 => self.client_reads(i)?,
            84..94 => self.client_acts(i),
            94..99 => self.time_goes_on(),
            _ => self.something_breaks(g, organization),
        }
        let s = self.random.below(self.sdks.len());
        self.sdk_steps(s)?;
        if self.random.one_in(4) {
            self.advance(1);
        }
        ensure!(
            self.gateways[g].keeps_budget(self.settings.ring_bytes),
            "the rings of gateway {g} are over budget"
        );
        Ok(())
    }

    fn time_goes_on(&mut self) {
        let by = match self.random.below(40) {
            0..3 => self.random.between(2_000, 40_000),
            3..8 => self.random.between(200, 2_000),
            _ => self.random.between(1, 50),
        };
        self.advance(by);
    }

    fn advance(&mut self, by: u64) {
        self.now += by;
        for g in 0..self.gateways.len() {
            self.timers(g);
        }
    }

    /// The outbox goes to the bus, some of it: to every gateway that is up, and not always all of it.
    fn relay(&mut self, organization: usize) {
        let most = if self.is_quiet { 100_000 } else { self.random.between(1, 12) as u32 };
        let page = self.store.page(organization, self.published[organization], most).to_vec();
        self.published[organization].0 += page.len() as u64;
        for record in page {
            self.send(record, self.settings.loses_one_in);
        }
        if self.random.one_in(3) {
            self.marked[organization] = self.published[organization];
        }
    }

    fn send(&mut self, record: Record, loses_one_in: usize) {
        let topic = Topic::BUSINESS.iter().position(|topic| *topic == record.topic).unwrap_or(0);
        for g in 0..self.gateways.len() {
            if !self.gateways[g].is_up() {
                continue;
            }
            if !self.is_quiet && self.random.one_in(loses_one_in) {
                self.count("records lost on the bus");
                self.gateways[g].break_off();
                continue;
            }
            self.gateways[g].publish(topic, record.clone());
            if !self.is_quiet && self.random.one_in(30) {
                self.count("records doubled on the bus");
                self.gateways[g].publish(topic, record.clone());
            }
        }
    }

    /// Figures are sent where they have changed, and not again.
    fn publish_figures(&mut self, organization: usize) {
        for kind in [STATS, KPIS] {
            let changed = Some(self.store.organizations[organization].figures_changed[kind]);
            if std::mem::replace(&mut self.sent[organization][kind], changed) != changed {
                for record in self.store.figures(organization, kind) {
                    self.send(record, self.settings.loses_one_in);
                }
            }
        }
    }

    /// Somebody reads on another device. Of marks that a bus lost nobody tells, so it loses none here.
    fn read_on(&mut self, organization: usize) {
        let person = self.random.below(PERSONS);
        self.store.organizations[organization].marks[person].0 += 1;
        let mark = self.store.mark(organization, person);
        self.send(mark, usize::MAX);
    }

    fn something_breaks(&mut self, g: usize, organization: usize) {
        match self.random.below(30) {
            0..5 => {
                self.count("gateways crashed");
                self.log(|| format!("gateway {g} crashes"));
                self.crash(g, false);
            }
            5..8 if self.gateways[g].accepts() => {
                self.count("gateways drained");
                self.log(|| format!("gateway {g} drains"));
                self.drain(g);
            }
            8..14 => {
                self.count("relay crashed: publishes again");
                self.published.clone_from(&self.marked);
                self.sent.fill([None; 2]);
            }
            14..20 => {
                self.count("topics stalled");
                let (topic, until) = (self.random.below(5), self.now + self.random.between(10, 4_000));
                self.gateways[g].stall(topic, until);
            }
            20..23 => {
                self.count("sign-ins ended");
                self.end_sign_ins(g);
            }
            23..26 => {
                self.count("imports");
                let rows = self.random.between(5, 200);
                self.store.import(&mut self.random, organization, rows);
            }
            26 if self.random.one_in(12) => {
                self.count("imports of over 10,000 rows");
                self.store.import_much(&mut self.random, organization);
            }
            27 | 28 => self.restore(),
            _ => {}
        }
    }

    /// The server is stopped, a backup is restored under a new epoch, the server starts.
    fn restore(&mut self) {
        self.count("restores from a backup");
        for g in 0..self.gateways.len() {
            self.crash(g, true);
        }
        for i in 0..self.clients.len() {
            self.cut(i);
        }
        for s in 0..self.sdks.len() {
            self.sdk_cut(s);
        }
        self.store.restore(&mut self.random);
        for (index, organization) in self.store.organizations.iter().enumerate() {
            self.published[index] = self.published[index].min(organization.head());
            self.marked[index] = self.marked[index].min(organization.head());
        }
        self.sent.fill([None; 2]);
        self.log(|| "a backup is restored".to_owned());
    }

    /// No more faults: every client comes back and becomes complete, with the newest states.
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        self.is_quiet = true;
        for g in 0..self.gateways.len() {
            if !self.gateways[g].accepts() {
                self.crash(g, true);
            }
            self.gateways[g].follow_anew();
        }
        self.log(|| "no more faults".to_owned());
        self.until_complete()?;
        // The bus loses the last events, whole: only the journal's head tells of them.
        for organization in 0..self.store.organizations.len() {
            self.store.commit(&mut self.random, organization);
            self.published[organization] = self.store.organizations[organization].head();
            self.sent[organization] = self.store.organizations[organization].figures_changed.map(Some);
        }
        self.log(|| "the last events are lost on the bus".to_owned());
        self.until_complete()
    }

    fn until_complete(&mut self) -> Result<(), Violation> {
        let mut late = Vec::new();
        for round in 0..ROUNDS {
            self.round(round)?;
            late = (0..self.clients.len()).filter(|i| !self.is_complete(*i)).collect();
            let sdks_late = (0..self.sdks.len()).any(|s| !self.sdk_is_complete(s));
            if late.is_empty() && !sdks_late && self.gateways.iter().all(Gateway::is_idle) {
                return Ok(());
            }
        }
        let lacks = |i: &usize| {
            let stream = self.clients[*i].stream.as_ref()?;
            Some(stream.tell(&self.store))
        };
        let late: Vec<_> = late.iter().map(|i| (i, lacks(i))).collect();
        let sdks: Vec<_> = self.sdks.iter().map(Sdk::tell).collect();
        Err(format!("not complete long after the last fault: {late:?}; {sdks:?}"))
    }

    fn round(&mut self, round: usize) -> Result<(), Violation> {
        for organization in 0..self.store.organizations.len() {
            self.relay(organization);
            self.publish_figures(organization);
        }
        for g in 0..self.gateways.len() {
            for _ in 0..5 {
                self.bus_delivers(g);
            }
            for _ in 0..8 {
                self.look_up(g);
                self.every_connection_steps(g)?;
            }
        }
        for i in 0..self.clients.len() {
            self.client_reads(i)?;
            if self.clients[i].socket.is_none() || self.clients[i].token_ends < self.now + 15_000 {
                self.client_acts(i);
            } else if round % 20 == 19 {
                self.ping(i);
            }
        }
        for s in 0..self.sdks.len() {
            self.sdk_steps(s)?;
        }
        self.advance(100);
        Ok(())
    }

    /// Whether a client has all there is; one who is a member nowhere has.
    fn is_complete(&self, i: usize) -> bool {
        let client = &self.clients[i];
        let Some(stream) = &client.stream else {
            return client.socket.is_none()
                && self
                    .store
                    .organizations
                    .iter()
                    .all(|known| !known.standing(client.person, known.head()).1);
        };
        let head = self.store.organizations[stream.organization].head();
        stream.is_caught_up && stream.at == head && stream.has_newest_states(&self.store)
    }

    /// Everybody goes: nobody is left in a hub's lists.
    fn all_leave(&mut self) -> Result<(), Violation> {
        for i in 0..self.clients.len() {
            self.cut(i);
        }
        for s in 0..self.sdks.len() {
            self.sdk_cut(s);
        }
        for g in 0..self.gateways.len() {
            for _ in 0..3 {
                self.every_connection_steps(g)?;
            }
            let left = self.gateways[g].followers();
            ensure!(left == 0, "{left} sessions are left in the lists of gateway {g}");
        }
        Ok(())
    }
}
