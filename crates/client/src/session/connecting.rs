//! Coming to a socket and losing it: tokens, refusals, close codes, waits.

use std::time::Duration;

use unionflow_protocol::{
    Seq,
    close::{AfterClose, CloseCode, after_close},
    frame::{ClientFrame, ErrorFrame, Token},
    id::Epoch,
    problem::ErrorCode,
};

use super::{
    Begin, GO_AWAY_MAX, HeldToken, Moment, OPEN_WITHIN, Opening, Output, Phase, RENEW_BEFORE, Refusal,
    STEADY_AFTER, Session, TOKEN_WITHIN, Then, WELCOME_WITHIN, heartbeat::Heartbeat,
};
use crate::{
    error::{ClientError, ErrorKind},
    status::ConnectionStatus,
    token::{AccessToken, TokenFault},
};

impl Session {
    pub(super) fn begin_attempt(&mut self, now: Moment) {
        self.last_attempt = Some(now);
        let attempt = self.backoff.attempts();
        self.say(ConnectionStatus::Connecting { attempt });
        let usable = self.token.as_ref().filter(|held| held.ends_at.is_none_or(|ends| ends > now));
        match usable.map(|held| held.token.clone()) {
            Some(token) => self.open(now, token),
            None => self.fetch_token(now, false),
        }
    }

    fn fetch_token(&mut self, now: Moment, refused: bool) {
        self.token = None;
        self.phase = Phase::Fetching { until: now + TOKEN_WITHIN };
        self.outputs.push_back(Output::FetchToken { refused });
    }

    fn open(&mut self, now: Moment, token: Token) {
        let (after, epoch) = self.place();
        let opening = Opening { organization_id: self.organization_id, after, epoch, token };
        self.outputs.push_back(Output::Open(opening));
        self.phase = Phase::Opening { until: now + OPEN_WITHIN };
    }

    /// Where to go on, as the server is told.
    pub(super) fn place(&self) -> (Option<Seq>, Option<Epoch>) {
        match (self.cursor, self.begin) {
            (Some(cursor), _) => (Some(cursor.seq), Some(cursor.epoch)),
            (None, Begin::First) => (Some(Seq::ZERO), None),
            (None, Begin::Now) => (None, None),
        }
    }

    pub(super) fn on_token(&mut self, now: Moment, token: Result<AccessToken, TokenFault>) {
        let renewing = std::mem::take(&mut self.renewing);
        let fetching = matches!(self.phase, Phase::Fetching { .. });
        match token {
            Ok(access) => {
                let token = self.hold_token(now, access);
                if fetching {
                    self.open(now, token);
                } else if renewing && self.phase.is_joined() {
                    self.outputs.push_back(Output::Send(ClientFrame::Authenticate { token }));
                }
            }
            Err(TokenFault::SignInRequired) if fetching => {
                self.lost(now, ErrorKind::SignInRequired.into(), Then::Stop);
            }
            Err(TokenFault::Unavailable(why)) if fetching => {
                let error = ClientError::new(ErrorKind::TokenUnavailable).with_detail(why);
                self.lost(now, error, Then::Later);
            }
            Err(TokenFault::Failed(error)) if fetching => self.lost(now, error, Then::Later),
            Err(_) if renewing => self.renew_later(now),
            Err(_) => {}
        }
    }

    fn hold_token(&mut self, now: Moment, access: AccessToken) -> Token {
        let renew_at = access.expires_in.map(|life| {
            let early = life.saturating_sub(RENEW_BEFORE).max(life.mul_f64(0.8));
            now + early.max(Duration::from_secs(1))
        });
        let ends_at = access.expires_in.map(|life| now + life);
        self.token = Some(HeldToken { token: access.token.clone(), renew_at, ends_at });
        access.token
    }

    /// The token in use could not be renewed: once more soon, and else the server closes when it ends.
    pub(super) fn renew_later(&mut self, now: Moment) {
        if let Some(held) = &mut self.token {
            let soon = now + Duration::from_secs(10);
            held.renew_at = held.ends_at.is_some_and(|ends| soon < ends).then_some(soon);
        }
    }

    pub(super) fn on_opened(&mut self, now: Moment) {
        if matches!(self.phase, Phase::Opening { .. }) {
            self.phase = Phase::Greeting { until: now + WELCOME_WITHIN };
        }
    }

    pub(super) fn on_refused(&mut self, now: Moment, refusal: &Refusal) {
        if !matches!(self.phase, Phase::Opening { .. }) {
            return;
        }
        let (kind, then) = meaning(refusal);
        let error = ClientError::new(kind)
            .with_code(refusal.code)
            .with_status(refusal.status)
            .with_retry_after(refusal.retry_after);
        self.lost(now, error, then);
    }

    pub(super) fn on_failed(&mut self, now: Moment, error: ClientError) {
        if self.phase.has_socket() {
            self.outputs.push_back(Output::Close);
            self.lost(now, error, Then::Later);
        }
    }

    pub(super) fn on_closed(&mut self, now: Moment, code: u16) {
        if !self.phase.has_socket() {
            return;
        }
        let told = self.last_error.take();
        let error = why_closed(code, told);
        let then = match after_close(code) {
            _ if self.go_away_at.is_some() && after_close(code) == AfterClose::ReconnectLater => {
                self.go_away_at.map_or(Then::Later, Then::At)
            }
            AfterClose::ReconnectLater => Then::Later,
            AfterClose::ReconnectNow => Then::Now,
            AfterClose::Authenticate => Then::Authenticate,
            AfterClose::Stop => Then::Stop,
        };
        let error = if matches!(then, Then::At(_)) { ErrorKind::GoAway.into() } else { error };
        self.lost(now, error, then);
    }

    /// There is no socket any more.
    pub(super) fn lost(&mut self, now: Moment, error: ClientError, then: Then) {
        let was_steady = matches!(self.phase, Phase::Live { since } if now.since(since) >= STEADY_AFTER);
        // Whoever is too slow comes back at once as long as each connection brings it further.
        if was_steady || (then == Then::Now && self.has_come_further()) {
            self.backoff.reset();
        }
        self.let_go();
        match then {
            Then::Stop => {
                self.phase = Phase::Idle;
                self.token = None;
                self.say(ConnectionStatus::Stopped { reason: error });
            }
            Then::Authenticate if self.is_second_token => {
                let error = ClientError::new(ErrorKind::TokenRefused).with_code(error.code());
                self.lost(now, error, Then::Stop);
            }
            Then::Authenticate => {
                self.is_second_token = true;
                if self.backoff.is_first() {
                    self.last_attempt = Some(now);
                    let attempt = self.backoff.attempts();
                    self.say(ConnectionStatus::Connecting { attempt });
                    return self.fetch_token(now, true);
                }
                self.token = None;
                let wait = self.backoff.next_wait();
                self.wait(now, error, wait, now);
            }
            Then::Now if self.backoff.is_first() => self.begin_attempt(now),
            Then::Now | Then::Later => {
                let wait = self.backoff.next_wait();
                self.wait(now, error, wait, now);
            }
            Then::AfterAtLeast(least) => {
                let least = least.min(GO_AWAY_MAX);
                let wait = self.backoff.next_wait().saturating_add(least);
                self.wait(now, error, wait, now + least);
            }
            Then::At(at) => self.wait(now, error, at.since(now), at),
        }
    }

    fn has_come_further(&self) -> bool {
        let began = self.joined.map(|joined| joined.resumed_from.unwrap_or(joined.head_seq));
        began.is_some_and(|began| self.seen > began)
    }

    /// Forgets what belongs to a socket.
    pub(super) fn let_go(&mut self) {
        self.heartbeat = Heartbeat::default();
        self.go_away_at = None;
        self.renewing = false;
        self.forget_session();
    }

    /// Forgets what belongs to one session on it.
    pub(super) fn forget_session(&mut self) {
        (self.joined, self.holding, self.last_error) = (None, None, None);
        self.is_incomplete = false;
    }

    fn wait(&mut self, now: Moment, reason: ClientError, retry_in: Duration, earliest: Moment) {
        self.phase = Phase::Waiting { until: now + retry_in, earliest };
        let attempt = self.backoff.attempts();
        self.say(ConnectionStatus::Waiting { reason, retry_in, attempt });
    }
}

/// What an answer in place of a socket asks for.
fn meaning(refusal: &Refusal) -> (ErrorKind, Then) {
    let later = refusal.retry_after.map_or(Then::Later, Then::AfterAtLeast);
    match (refusal.status, refusal.is_problem) {
        (401, _) => (ErrorKind::TokenRefused, Then::Authenticate),
        (403, true) => (ErrorKind::Forbidden, Then::Stop),
        (404, true) => (ErrorKind::NotAMember, Then::Stop),
        (403 | 404, false) => (ErrorKind::NotUnionFlow, Then::Stop),
        (429, _) => (ErrorKind::Busy, later),
        (503, _) => (ErrorKind::Unavailable, later),
        (502 | 504, _) => (ErrorKind::BadGateway, later),
        (500..=599, true) => (ErrorKind::Unavailable, later),
        (400..=499, true) => (ErrorKind::BadRequest, later),
        _ => (ErrorKind::NotUnionFlow, later),
    }
}

fn why_closed(code: u16, told: Option<ErrorFrame>) -> ClientError {
    const TOKEN_ENDED: u16 = CloseCode::TokenEnded.number();
    const MEMBERSHIP_ENDED: u16 = CloseCode::MembershipEnded.number();
    const SWITCH_REFUSED: u16 = CloseCode::SwitchRefused.number();
    let required = told.as_ref().is_some_and(|error| error.code == ErrorCode::OrganizationRequired);
    let kind = match code {
        TOKEN_ENDED => ErrorKind::TokenEnded,
        4201..=4299 => ErrorKind::TokenRefused,
        MEMBERSHIP_ENDED => ErrorKind::MembershipEnded,
        SWITCH_REFUSED => ErrorKind::SwitchRefused,
        4301..=4399 if required => ErrorKind::OrganizationRequired,
        4301..=4399 => ErrorKind::BadRequest,
        4100..=4199 => ErrorKind::TooSlow,
        1002 | 1003 | 1007 | 1009 => ErrorKind::Protocol,
        1001 | 1011..=1013 => ErrorKind::Unavailable,
        _ => ErrorKind::Broken,
    };
    let (told_code, detail, choices) =
        told.map_or((None, None, Vec::new()), |error| (Some(error.code), Some(error.detail), error.choices));
    let error = ClientError::new(kind).with_code(told_code).with_choices(choices);
    error.with_detail(detail.unwrap_or_else(|| format!("closed with {code}")))
}
