//! Following the stream: what a frame of the server changes.

use std::{sync::Arc, time::Duration};

use unionflow_protocol::{
    RoleSet, Seq,
    frame::{Control, ErrorFrame, GoAway, RightsChanged as RightsFrame, Welcome},
    id::OrganizationId,
    problem::ErrorCode,
};

use super::{
    GO_AWAY_MAX, Moment, Phase, Session,
    heartbeat::Heartbeat,
    reading::{Read, read},
};
use crate::{
    cursor::Cursor,
    error::{ClientError, ErrorKind},
    event::Delivery,
    message::{Joined, Message, ResyncCause, RightsChanged},
    rights::Forget,
    status::ConnectionStatus,
};

impl Session {
    pub(super) fn on_text(&mut self, now: Moment, bytes: &[u8]) {
        if !matches!(self.phase, Phase::Greeting { .. } | Phase::CatchingUp | Phase::Live { .. }) {
            return;
        }
        self.heartbeat.heard(now);
        match read(bytes) {
            Read::Event(delivery) => self.on_event(now, delivery),
            Read::Control(control, organization_id) => self.on_control(now, control, organization_id),
            // A later version may say more about a session than this one knows.
            Read::UnknownControl => self.counts.unknown += 1,
            Read::UnreadableControl(detail) => {
                self.on_failed(now, ClientError::new(ErrorKind::OtherVersion).with_detail(detail));
            }
            Read::Unknown(detail) => {
                self.counts.unknown += 1;
                let problem = ClientError::new(ErrorKind::UnknownFrame).with_detail(detail);
                self.tell(Message::Problem(problem));
            }
            // Something in between has garbled it: an event may be lost, so it is asked for again.
            Read::NotJson(detail) => {
                self.on_failed(now, ClientError::new(ErrorKind::NotJson).with_detail(detail));
            }
        }
    }

    fn on_event(&mut self, now: Moment, delivery: Delivery) {
        let foreign = Some(delivery.head.organization_id) != self.organization_id;
        if foreign || !self.phase.is_joined() {
            self.counts.foreign += 1;
            return;
        }
        let seq = delivery.seq();
        if let Some(seq) = seq {
            self.sent = self.sent.max(seq);
            if seq <= self.seen {
                self.counts.duplicates += 1;
                return;
            }
            self.seen = seq;
        }
        let Some(holding) = &mut self.holding else {
            self.tell(Message::Event(Arc::new(delivery)));
            return self.complete();
        };
        if !holding.hold(delivery) {
            self.resync(now, ResyncCause::HeldTooMuch, self.seen);
        }
    }

    fn on_control(&mut self, now: Moment, control: Control, organization_id: Option<OrganizationId>) {
        let here = organization_id == self.organization_id && self.phase.is_joined();
        match control {
            Control::Welcome(welcome) => self.on_welcome(now, &welcome),
            Control::Error(error) => self.on_error(now, error),
            Control::GoAway(go_away) => self.on_go_away(now, go_away),
            Control::Pong(pong) => {
                self.heartbeat.pong();
                if here {
                    self.passed(pong.seq);
                }
            }
            Control::CaughtUp(caught_up) if here => self.on_caught_up(now, caught_up.seq),
            Control::RightsChanged(rights) if here => self.on_rights(rights),
            Control::ResyncRequired(resync) if here => self.on_resync(now, resync),
            // Of the organisation that was left.
            Control::CaughtUp(_) | Control::RightsChanged(_) | Control::ResyncRequired(_) => {
                self.counts.foreign += 1;
            }
        }
    }

    fn on_welcome(&mut self, now: Moment, welcome: &Welcome) {
        let expected = matches!(self.phase, Phase::Greeting { .. });
        if !expected || self.organization_id.is_some_and(|wanted| wanted != welcome.organization_id) {
            self.counts.foreign += 1;
            return;
        }
        self.organization_id = Some(welcome.organization_id);
        self.phase = Phase::CatchingUp;
        self.last_error = None;
        self.heartbeat = Heartbeat::beginning(now, Duration::from_secs(welcome.heartbeat_seconds.into()));
        self.say(ConnectionStatus::CatchingUp);
        let joined = Joined {
            organization_id: welcome.organization_id,
            member_id: welcome.member_id,
            roles: welcome.roles,
            epoch: welcome.epoch,
            head_seq: welcome.head_seq,
            resumed_from: welcome.resumed_from,
        };
        (self.joined, self.roles) = (Some(joined), welcome.roles);
        self.seen = welcome.resumed_from.unwrap_or(welcome.head_seq);
        self.sent = self.seen;
        self.tell(Message::Joined(joined));
        if let Some(before) = self.cursor {
            self.compare(now, before, &joined);
        }
        self.tell_stats(welcome);
        self.complete();
    }

    /// Roles, membership or the journal may have changed while nobody was connected.
    fn compare(&mut self, now: Moment, before: Cursor, joined: &Joined) {
        // The server is about to say that it cannot go on from there. Until snapshots are there, that is where we are.
        self.is_incomplete = joined.resumed_from.is_none();
        if before.member_id != joined.member_id {
            // What the other one saw says nothing about what this one missed.
            let (roles, seq, forget) = (joined.roles, joined.head_seq, Forget::EVERYTHING);
            self.tell(Message::RightsChanged(RightsChanged { roles, seq, forget }));
            if !self.is_incomplete {
                self.resync(now, ResyncCause::OtherMember, joined.head_seq);
            }
        } else if before.roles != joined.roles {
            self.tell_rights(before.roles, joined.roles, joined.head_seq);
        }
    }

    fn tell_stats(&mut self, welcome: &Welcome) {
        let Some(stats) = &welcome.stats else { return };
        if let Ok(delivery) = Delivery::decode(stats.get().as_bytes()) {
            let foreign = delivery.head.organization_id != welcome.organization_id;
            if !foreign && delivery.seq().is_none() {
                self.tell(Message::Event(Arc::new(delivery)));
            }
        }
    }

    fn on_caught_up(&mut self, now: Moment, seq: Seq) {
        self.passed(seq);
        if self.phase == Phase::CatchingUp {
            self.phase = Phase::Live { since: now };
            self.is_second_token = false;
            self.tell(Message::CaughtUp { seq: self.seen });
            let holds = self.holding.is_some();
            self.say(if holds { ConnectionStatus::Resyncing } else { ConnectionStatus::Live });
        }
    }

    /// The server has told everything up to here.
    fn passed(&mut self, seq: Seq) {
        self.sent = self.sent.max(seq);
        self.seen = self.seen.max(seq);
        self.complete();
    }

    /// Everything that was seen has been told too.
    pub(super) fn complete(&mut self) {
        let Some(joined) = self.joined.filter(|_| !self.is_incomplete) else { return };
        self.cursor = Some(Cursor {
            organization_id: joined.organization_id,
            member_id: joined.member_id,
            epoch: joined.epoch,
            seq: self.seen,
            roles: self.roles,
        });
    }

    fn on_rights(&mut self, rights: RightsFrame) {
        let before = std::mem::replace(&mut self.roles, rights.roles);
        self.tell_rights(before, rights.roles, rights.seq);
        self.complete();
    }

    fn tell_rights(&mut self, before: RoleSet, roles: RoleSet, seq: Seq) {
        let forget = Forget::between(before, roles);
        self.tell(Message::RightsChanged(RightsChanged { roles, seq, forget }));
    }

    fn on_go_away(&mut self, now: Moment, go_away: GoAway) {
        let delay = Duration::from_millis(go_away.retry_after_ms.into()).min(GO_AWAY_MAX);
        self.go_away_at.get_or_insert(now + delay);
    }

    fn on_error(&mut self, now: Moment, error: ErrorFrame) {
        let about_token = matches!(
            error.code,
            ErrorCode::Unauthenticated
                | ErrorCode::TokenExpired
                | ErrorCode::SessionEnded
                | ErrorCode::OtherPerson
                | ErrorCode::AccountDisabled
        );
        if about_token && self.phase.is_joined() {
            // The old token still holds; the server closes when it ends.
            self.renew_later(now);
        }
        if self.phase.is_joined() {
            let problem = ClientError::new(ErrorKind::FrameRefused).with_code(Some(error.code));
            self.tell(Message::Problem(problem.with_detail(error.detail.clone())));
        }
        self.last_error = Some(error);
    }
}
