//! What the screen shows: a value that keys and news change, and that asks for what must be done. No terminal, no network and
//! no clock.
//!
//! After each [`Model::handle`], take [`Model::poll_effect`] until there is none.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use crossterm::event::KeyEvent;
use unionflow_client::{ClientError, ConnectionStatus, Dashboard, DashboardState, Message};
use unionflow_protocol::{
    Language, Seq,
    event::Event,
    id::ApprovalId,
    limits,
    rest::approval::{AllowedAction, Approval, ApprovalAction},
};

use super::{
    Told,
    keys::{self, Command, Mode},
    known::{Found, LookedUp, Wanted},
};

/// What happened.
#[derive(Debug)]
pub(super) enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted.
    Pasted(String),
    /// The dashboard is another.
    Dashboard(DashboardState),
    /// The connection stands otherwise.
    Connection(ConnectionStatus),
    /// Something was told.
    Told(Message),
    /// Names and purposes were looked up.
    Found(Found),
    /// A decision was answered.
    Decided(Decision, Result<(), ClientError>),
    /// Time has passed.
    Tick,
}

/// What must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    Leave,
    /// Fetch everything anew, and look whether the network is back.
    Refresh,
    Decide(Decision),
    LookUp(Wanted),
}

/// A person's decision on what they saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) id: ApprovalId,
    /// The content that was on the screen.
    pub(super) content_hash: String,
    pub(super) verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Approve,
    Reject { reason: String },
}

/// What stands above everything else, and takes the keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Dialog {
    Help,
    Approve(Box<Approval>),
    Reject { approval: Box<Approval>, reason: String },
}

/// Something to read, in the last line but one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Notice {
    /// A decision was taken.
    Done(&'static str),
    /// It was not, or cannot be.
    Failed(String),
    /// It is on its way.
    Sending,
}

/// Which list takes the keys that move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    Requests,
    Feed,
}

/// A line of the feed.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) told: Told,
    pub(super) event: Event,
}

/// Events that can be looked back at.
const FEED: usize = 500;

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) language: Language,
    pub(super) organization: String,
    pub(super) login: String,
    pub(super) dashboard: DashboardState,
    pub(super) connection: ConnectionStatus,
    /// When it was last heard of.
    pub(super) connection_since: Duration,
    pub(super) now: Duration,
    /// The newest first.
    pub(super) feed: VecDeque<Happened>,
    /// Lines of the feed that lie above the window.
    pub(super) feed_offset: usize,
    pub(super) known: LookedUp,
    pub(super) focus: Focus,
    pub(super) selected: Option<ApprovalId>,
    pub(super) dialog: Option<Dialog>,
    pub(super) notice: Option<Notice>,
    /// Decisions that are on their way.
    pub(super) deciding: HashSet<ApprovalId>,
    /// Up to here everything was told.
    pub(super) complete: Option<Seq>,
    effects: VecDeque<Effect>,
}

impl Model {
    pub(super) fn new(language: Language, organization: &str, login: &str) -> Self {
        Self {
            language,
            organization: super::harmless(organization),
            login: super::harmless(login),
            dashboard: DashboardState::Initial,
            connection: ConnectionStatus::Disconnected,
            connection_since: Duration::ZERO,
            now: Duration::ZERO,
            feed: VecDeque::new(),
            feed_offset: 0,
            known: LookedUp::default(),
            focus: Focus::Requests,
            selected: None,
            dialog: None,
            notice: None,
            deciding: HashSet::new(),
            complete: None,
            effects: VecDeque::new(),
        }
    }

    /// Takes in what happened.
    pub(super) fn handle(&mut self, now: Duration, input: Input) {
        self.now = now;
        match input {
            Input::Key(key) => {
                if let Some(command) = keys::command(key, self.mode()) {
                    self.obey(command);
                }
            }
            Input::Pasted(text) => text.chars().for_each(|c| self.write(c)),
            Input::Dashboard(state) => self.show(state),
            Input::Connection(status) => {
                (self.connection, self.connection_since) = (status, now);
            }
            Input::Told(message) => self.hear(message),
            Input::Found(found) => self.known.learn(found),
            Input::Decided(decision, answer) => self.decided(&decision, answer),
            Input::Tick => {}
        }
    }

    /// What must be done now.
    pub(super) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When the screen changes by itself: each second that a wait is counted down.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let counts = matches!(self.connection, ConnectionStatus::Waiting { .. });
        counts.then(|| self.now + Duration::from_secs(1))
    }

    /// How the connection stands, counted down to now.
    pub(super) fn connection_now(&self) -> ConnectionStatus {
        let mut status = self.connection.clone();
        if let ConnectionStatus::Waiting { retry_in, .. } = &mut status {
            *retry_in = retry_in.saturating_sub(self.now.saturating_sub(self.connection_since));
        }
        status
    }

    pub(super) fn mode(&self) -> Mode {
        match self.dialog {
            None => Mode::Looking,
            Some(Dialog::Help) => Mode::Helped,
            Some(Dialog::Approve(_)) => Mode::Approving,
            Some(Dialog::Reject { .. }) => Mode::Rejecting,
        }
    }

    /// The requests that wait: first those on which this person may vote.
    pub(super) fn requests(&self) -> Vec<&Approval> {
        let all = self.dashboard.dashboard().and_then(|dashboard| dashboard.approvals.as_ref());
        let mut requests: Vec<&Approval> = all.iter().flat_map(|all| &all.items).collect();
        requests.sort_by_key(|approval| !may(approval, ApprovalAction::Approve));
        requests
    }

    /// The request that is looked at.
    pub(super) fn looked_at(&self) -> Option<&Approval> {
        let requests = self.requests();
        let selected = requests.iter().find(|approval| Some(approval.id) == self.selected);
        selected.or(requests.first()).copied()
    }

    fn show(&mut self, state: DashboardState) {
        let before = self.requests().iter().position(|approval| Some(approval.id) == self.selected);
        self.dashboard = state;
        if let Some(approvals) = self.dashboard.dashboard().and_then(|shown| shown.approvals.as_ref()) {
            self.known.learn_requests(&approvals.items);
            let people = approvals.items.iter().flat_map(people_of);
            let wanted = self.known.wanted(people, None);
            self.ask_for(wanted);
        }
        // Whoever looked at the third line goes on there when that request is gone.
        let requests = self.requests();
        if !requests.iter().any(|approval| Some(approval.id) == self.selected) {
            let near = before.and_then(|at| requests.get(at).or(requests.last()));
            self.selected = near.or(requests.first()).map(|approval| approval.id);
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Event(told) => {
                self.complete = told.seq().or(self.complete);
                let event = Event::from(told.event.clone());
                if matches!(event, Event::DashboardStatsUpdate(_) | Event::KpiUpdate(_)) {
                    return; // the figures show it
                }
                let wanted = self.known.wanted_by(&told, &event);
                self.ask_for(wanted);
                self.feed.push_front(Happened { told, event });
                self.feed.truncate(FEED);
                if self.feed_offset > 0 {
                    // Whoever looks back is not moved by what is new.
                    self.feed_offset = (self.feed_offset + 1).min(self.feed.len().saturating_sub(1));
                }
            }
            Message::RightsChanged(changed) if !changed.forget.is_nothing() => self.forget(),
            Message::CaughtUp { seq } | Message::Resynced { as_of: seq } => self.complete = Some(seq),
            Message::Problem(error) => {
                self.notice = Some(Notice::Failed(error.text(self.language).to_owned()));
            }
            Message::ResyncRequired(_) | Message::FellBehind { .. } => {
                let text = self.language.pick(
                    "Des événements ont été manqués ; les chiffres sont relus.",
                    "Events were missed; the figures are read anew.",
                );
                self.notice = Some(Notice::Failed(text.to_owned()));
            }
            Message::Joined(_) | Message::RightsChanged(_) => {}
        }
    }

    /// What may no longer be held is gone from the screen.
    fn forget(&mut self) {
        self.feed.clear();
        (self.feed_offset, self.known, self.dialog) = (0, LookedUp::default(), None);
    }

    fn ask_for(&mut self, wanted: Wanted) {
        if !wanted.is_empty() {
            self.effects.push_back(Effect::LookUp(wanted));
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Quit => self.effects.push_back(Effect::Leave),
            Command::Help => self.dialog = Some(Dialog::Help),
            Command::Cancel => self.dialog = None,
            Command::Refresh => self.effects.push_back(Effect::Refresh),
            Command::OtherList => {
                self.focus = match self.focus {
                    Focus::Requests => Focus::Feed,
                    Focus::Feed => Focus::Requests,
                };
            }
            Command::Move(lines) => self.go(|at| at.saturating_add_signed(lines)),
            Command::First => self.go(|_| 0),
            Command::Last => self.go(|_| usize::MAX),
            Command::Approve => self.begin(ApprovalAction::Approve),
            Command::Reject => self.begin(ApprovalAction::Reject),
            Command::Confirm => self.confirm(),
            Command::Type(c) => self.write(c),
            Command::Erase => {
                if let Some(Dialog::Reject { reason, .. }) = &mut self.dialog {
                    reason.pop();
                }
            }
            Command::EraseAll => {
                if let Some(Dialog::Reject { reason, .. }) = &mut self.dialog {
                    reason.clear();
                }
            }
        }
    }

    fn go(&mut self, to: impl FnOnce(usize) -> usize) {
        match self.focus {
            Focus::Feed => self.feed_offset = to(self.feed_offset).min(self.feed.len().saturating_sub(1)),
            Focus::Requests => {
                let requests = self.requests();
                let at = requests.iter().position(|approval| Some(approval.id) == self.selected).unwrap_or(0);
                let at = to(at).min(requests.len().saturating_sub(1));
                self.selected = requests.get(at).map(|approval| approval.id);
            }
        }
    }

    /// A decision on the request that is looked at, if this person may take it; else why not.
    fn begin(&mut self, action: ApprovalAction) {
        let Some(approval) = self.looked_at().cloned() else { return };
        if self.deciding.contains(&approval.id) {
            return;
        }
        self.notice = None;
        if !may(&approval, action) {
            self.notice = Some(Notice::Failed(refusal(&approval, action, self.language).to_owned()));
            return;
        }
        let approval = Box::new(approval);
        self.dialog = Some(match action {
            ApprovalAction::Reject => Dialog::Reject { approval, reason: String::new() },
            _ => Dialog::Approve(approval),
        });
    }

    fn confirm(&mut self) {
        let (approval, verdict) = match self.dialog.take() {
            Some(Dialog::Approve(approval)) => (approval, Verdict::Approve),
            Some(Dialog::Reject { approval, reason }) => {
                if !limits::REASON_CHARS.contains(&reason.trim().chars().count()) {
                    // Not long enough: the dialog says how long it has to be.
                    self.dialog = Some(Dialog::Reject { approval, reason });
                    return;
                }
                (approval, Verdict::Reject { reason: reason.trim().to_owned() })
            }
            other => {
                self.dialog = other;
                return;
            }
        };
        self.deciding.insert(approval.id);
        self.notice = Some(Notice::Sending);
        let content_hash = approval.terms.content_hash;
        self.effects.push_back(Effect::Decide(Decision { id: approval.id, content_hash, verdict }));
    }

    fn write(&mut self, c: char) {
        if let Some(Dialog::Reject { reason, .. }) = &mut self.dialog
            && reason.chars().count() < *limits::REASON_CHARS.end()
        {
            // A pasted line break is a space.
            reason.push_str(&super::harmless(&c.to_string()).replace('\u{fffd}', " "));
        }
    }

    fn decided(&mut self, decision: &Decision, answer: Result<(), ClientError>) {
        self.deciding.remove(&decision.id);
        self.notice = Some(match answer {
            Ok(()) => Notice::Done(match decision.verdict {
                Verdict::Approve => self.language.pick("Vote enregistré.", "Your vote is recorded."),
                Verdict::Reject { .. } => self.language.pick("Demande rejetée.", "The request is rejected."),
            }),
            Err(error) => {
                // What was sent may have arrived: the truth is fetched.
                self.effects.push_back(Effect::Refresh);
                Notice::Failed(error.text(self.language).to_owned())
            }
        });
        if !self.connection.is_connected() {
            self.effects.push_back(Effect::Refresh);
        }
    }

    /// The dashboard, if there is one yet.
    pub(super) fn shown(&self) -> Option<&Dashboard> {
        self.dashboard.dashboard()
    }
}

/// Whether this person may do that now.
pub(super) fn may(approval: &Approval, action: ApprovalAction) -> bool {
    of(approval, action).is_some_and(|found| found.allowed)
}

fn of(approval: &Approval, action: ApprovalAction) -> Option<&AllowedAction> {
    approval.actions.iter().find(|allowed| allowed.action == action)
}

/// Why not.
fn refusal(approval: &Approval, action: ApprovalAction, language: Language) -> &'static str {
    match of(approval, action).and_then(|found| found.refusal) {
        Some(code) => code.title(language),
        None => {
            language.pick("Vous ne pouvez pas décider de cette demande.", "You may not decide this request.")
        }
    }
}

/// Whose names a request needs.
fn people_of(approval: &Approval) -> impl Iterator<Item = unionflow_protocol::id::MemberId> {
    [Some(approval.requester_id), approval.content.beneficiary_member_id].into_iter().flatten()
}

#[cfg(test)]
pub(super) mod tests;
