//! The oracle: what one session must show its client, computed from the model alone.

use std::borrow::Cow;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use unionflow_protocol::{
    RoleSet, Seq, View,
    frame::{CaughtUp, Pong, ResyncReason, ResyncRequired, RightsChanged, Welcome},
    id::{Epoch, OrganizationId},
    limits::RESUME_EVENTS,
};

use super::journal::{Change, KPIS, STATS, Store, id_of, member_of};

/// What is wrong.
pub(super) type Violation = String;

/// A frame, as a client reads it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read<'a> {
    #[serde(borrow)]
    pub(super) event_type: Cow<'a, str>,
    organization_id: Option<OrganizationId>,
    seq: Option<Seq>,
    as_of_seq: Option<Seq>,
    #[serde(borrow)]
    pub(super) data: &'a RawValue,
}

impl Read<'_> {
    /// Whether it has a place of its own in the journal.
    pub(super) fn is_fact(&self) -> bool {
        self.seq.is_some()
    }

    pub(super) fn data<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(self.data.get()).expect("data of its type")
    }
}

/// What a client asked for when it connected, or switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) organization: usize,
    pub(super) after: Option<Seq>,
    pub(super) epoch: Option<Epoch>,
}

/// What must come next, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Resync(ResyncReason),
    Rights(RoleSet, Seq),
    Ended,
}

/// From a welcome on: where the client is complete up to, and by what rights it sees.
pub(super) struct Stream {
    pub(super) organization: usize,
    pub(super) epoch: Epoch,
    person: usize,
    pub(super) roles: RoleSet,
    head: Seq,
    /// Complete up to here: the cursor.
    pub(super) at: Seq,
    pub(super) is_caught_up: bool,
    owed: Option<Owed>,
    pub(super) held: Held,
    /// As of where the newest figures are that this session told, of each kind.
    told: [Seq; 2],
}

/// The states on a client's screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Whose figures.
    view: Option<View>,
    /// As of where they are, of each kind.
    figures: [Seq; 2],
    /// How far its person has read.
    mark: Seq,
}

macro_rules! ensure {
    ($holds:expr, $($wrong:tt)+) => { if !$holds { return Err(format!($($wrong)+)); } };
}
pub(super) use ensure;

impl Stream {
    pub(super) fn welcomed(
        store: &Store,
        person: usize,
        asked: Asked,
        welcome: &Welcome,
        held: Held,
    ) -> Result<Self, Violation> {
        let index = asked.organization;
        let organization = &store.organizations[index];
        let head = welcome.head_seq;
        ensure!(welcome.organization_id == id_of(index), "welcomed elsewhere: {welcome:?}");
        ensure!(welcome.member_id == member_of(index, person), "welcomed as somebody else");
        ensure!(welcome.epoch == store.epoch, "welcomed with another epoch");
        ensure!(head <= organization.head(), "the head {head} is beyond the journal");
        let (roles, active) = organization.standing(person, head);
        ensure!(active && welcome.roles == roles, "welcomed with {:?}, not {roles:?}", welcome.roles);
        let resync = match asked.after {
            Some(after) if after > Seq::ZERO && asked.epoch != Some(store.epoch) => {
                Some(ResyncReason::OtherEpoch)
            }
            Some(after) if after > head => Some(ResyncReason::BeyondHead),
            Some(after) if head.since(after) > RESUME_EVENTS => Some(ResyncReason::TooFarBehind),
            _ => None,
        };
        let resumed = asked.after.filter(|_| resync.is_none());
        ensure!(welcome.resumed_from == resumed, "resumed from {:?}, not {resumed:?}", welcome.resumed_from);
        let view = Some(View::of(roles));
        let mark = organization.marks[person];
        let held = match resumed {
            Some(Seq::ZERO) => Held { view, figures: [head, Seq::ZERO], mark: Seq::ZERO },
            Some(_) if held.view == view => Held { figures: [head, held.figures[KPIS]], ..held },
            // It fetches what the welcome did not bring.
            _ => Held { view, figures: [head; 2], mark },
        };
        Ok(Self {
            organization: index,
            epoch: store.epoch,
            person,
            roles,
            head,
            at: resumed.unwrap_or(head),
            is_caught_up: false,
            owed: resync.map(Owed::Resync),
            held,
            told: [head, Seq::ZERO],
        })
    }

    /// Whether what is complete may be kept as a cursor: not before a resync was told.
    pub(super) fn is_told(&self) -> bool {
        !matches!(self.owed, Some(Owed::Resync(_)))
    }

    /// Whether nothing has changed since what is on its screen.
    pub(super) fn has_newest_states(&self, store: &Store) -> bool {
        let organization = &store.organizations[self.organization];
        let figures = self.held.figures.iter().zip(organization.figures_changed);
        self.held.view == Some(View::of(self.roles))
            && figures.into_iter().all(|(as_of, changed)| *as_of >= changed)
            && self.held.mark == organization.marks[self.person]
    }

    /// What is on the screen, beside what should be.
    pub(super) fn tell(&self, store: &Store) -> String {
        let organization = &store.organizations[self.organization];
        let (changed, mark) = (organization.figures_changed, organization.marks[self.person]);
        format!(
            "at {} of {}, {:?}; figures changed at {changed:?}, mark {mark}",
            self.at,
            organization.head(),
            self.held
        )
    }

    /// A frame of this session that is neither a welcome nor an error.
    pub(super) fn read(&mut self, store: &Store, frame: &Read<'_>, payload: &[u8]) -> Result<(), Violation> {
        let of = frame.organization_id;
        ensure!(of == Some(id_of(self.organization)), "a frame of organisation {of:?}");
        ensure!(store.epoch == self.epoch, "a frame of another epoch");
        let owed = self.owed.take();
        match (frame.event_type.as_ref(), owed) {
            ("SYSTEM_RESYNC_REQUIRED", Some(Owed::Resync(reason))) => {
                let (resync, head_seq): (ResyncRequired, _) = (frame.data(), self.head);
                let expected = ResyncRequired { head_seq, epoch: self.epoch, reason };
                ensure!(resync == expected, "{resync:?}, not {expected:?}");
            }
            ("SYSTEM_RIGHTS_CHANGED", Some(Owed::Rights(roles, seq))) => {
                let (told, expected): (RightsChanged, _) = (frame.data(), RightsChanged { roles, seq });
                ensure!(told == expected, "{told:?}, not {expected:?}");
            }
            (told, Some(owed)) => return Err(format!("{told} where {owed:?} was due")),
            ("SYSTEM_CAUGHT_UP", None) => {
                let CaughtUp { seq } = frame.data();
                ensure!(!self.is_caught_up, "caught up twice");
                ensure!(seq >= self.head, "caught up at {seq}, before the head {} of the welcome", self.head);
                self.is_caught_up = true;
                self.complete_to(store, seq, "caught-up")?;
            }
            ("SYSTEM_PONG", None) => {
                let Pong { seq } = frame.data();
                ensure!(seq >= self.at, "a pong goes back from {} to {seq}", self.at);
                self.complete_to(store, seq, "pong")?;
            }
            ("SYSTEM_GO_AWAY", None) => {}
            (_, None) => match (frame.seq, frame.as_of_seq) {
                (Some(seq), None) => self.fact(store, seq, payload)?,
                (None, Some(as_of)) => self.state(store, as_of, frame)?,
                _ => return Err(format!("{} has no place", frame.event_type)),
            },
        }
        Ok(())
    }

    pub(super) fn closed(&self, code: u16, excused: bool) -> Result<(), Violation> {
        let ended = self.owed == Some(Owed::Ended);
        ensure!(ended == (code == 4302), "closed with {code}; membership ended: {ended}");
        ensure!(ended || excused, "closed with {code} for no reason");
        Ok(())
    }

    fn fact(&mut self, store: &Store, seq: Seq, payload: &[u8]) -> Result<(), Violation> {
        ensure!(seq > self.at, "{seq} after {}: doubled or out of order", self.at);
        self.complete_to(store, Seq(seq.0 - 1), "the event after")?;
        let organization = &store.organizations[self.organization];
        let record = organization.fact(seq).ok_or_else(|| format!("{seq} is not in the journal"))?;
        ensure!(record.value == payload, "{seq} is not what was journaled");
        ensure!(self.may_see(store, seq), "{seq} was not for this session");
        self.at = seq;
        if seq > self.head {
            self.follow(organization.change_at(self.person, seq), seq);
        }
        Ok(())
    }

    fn follow(&mut self, change: Option<Change>, seq: Seq) {
        let before = View::of(self.roles);
        match change {
            Some(Change::Granted(role)) => self.roles = self.roles.with(role),
            Some(Change::Revoked(role)) => self.roles = self.roles.without(role),
            Some(Change::Suspended) => return self.owed = Some(Owed::Ended),
            Some(Change::Reinstated) | None => return,
        }
        self.owed = Some(Owed::Rights(self.roles, seq));
        let view = View::of(self.roles);
        if view != before {
            // Whatever it had is forgotten.
            (self.held.view, self.held.figures, self.told) = (Some(view), [Seq::ZERO; 2], [Seq::ZERO; 2]);
        }
    }

    fn state(&mut self, store: &Store, as_of: Seq, frame: &Read<'_>) -> Result<(), Violation> {
        ensure!(self.is_caught_up, "a state overtook the replay");
        if let Some(missed) = self.missed(store, as_of) {
            return Err(format!("a state as of {as_of} came before {missed}"));
        }
        let data: serde_json::Value = frame.data();
        if frame.event_type == "NOTIFICATION_READ" {
            let whose = member_of(self.organization, self.person).as_bytes()[15];
            ensure!(data["unread"] == whose, "somebody else's mark");
            let read_up_to = data["readUpTo"].as_u64().map(Seq).ok_or("a mark says how far")?;
            self.held.mark = self.held.mark.max(read_up_to);
            return Ok(());
        }
        let view = View::of(self.roles);
        ensure!(data["view"] == view.as_str(), "figures of the view {}", data["view"]);
        let kind = if frame.event_type == "KPI_UPDATE" { KPIS } else { STATS };
        let (told, held) = (&mut self.told[kind], &mut self.held.figures[kind]);
        ensure!(*told <= as_of, "figures go back from {told} to {as_of}");
        (*told, *held) = (as_of, as_of.max(*held));
        Ok(())
    }

    /// The client is told that it has everything up to here.
    fn complete_to(&mut self, store: &Store, seq: Seq, by: &str) -> Result<(), Violation> {
        let head = store.organizations[self.organization].head();
        ensure!(seq <= head, "{by} says {seq}, beyond the journal's {head}");
        if let Some(missed) = self.missed(store, seq) {
            return Err(format!("{missed} was missed, told by {by} ({seq})"));
        }
        self.at = self.at.max(seq);
        Ok(())
    }

    /// The first event up to here that the session should have shown and has not.
    fn missed(&self, store: &Store, up_to: Seq) -> Option<Seq> {
        (self.at.0 + 1..=up_to.0).map(Seq).find(|seq| self.may_see(store, *seq))
    }

    fn may_see(&self, store: &Store, seq: Seq) -> bool {
        let record = store.organizations[self.organization].fact(seq);
        let me = member_of(self.organization, self.person);
        record.is_some_and(|record| record.audience.admits(me, self.roles))
    }
}
