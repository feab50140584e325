//! What a dashboard does with what it hears, without any I/O.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use unionflow_protocol::{
    Position, Seq,
    event::dashboard::{DashboardStatsUpdate, KpiUpdate},
    id::{Epoch, OrganizationId},
};

use super::state::{Dashboard, DashboardState, Fetched, Figures, Parts, PendingApprovals};
use crate::{
    error::{ClientError, ErrorKind},
    event::{DashboardStatsEvent, Delivery, FinanceApprovalEvent, RealtimeEvent},
    message::{Message, RightsChanged},
    session::Moment,
    status::ConnectionStatus,
};

/// What a dashboard hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Show this organisation.
    LoadDashboard(OrganizationId),
    /// Somebody wants everything fetched anew.
    RefreshDashboard,
    /// The socket told this.
    RefreshDashboardFromWebSocket(Message),
    /// The connection stands otherwise.
    WebSocketConnectionChanged(ConnectionStatus),
    /// What was asked for by [`Effect::Fetch`].
    Fetched(Result<Box<Fetched>, ClientError>),
    /// The deadline came.
    Deadline,
}

/// What must be done now.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Fetch this and hand it in. There is never another fetch on its way, unless the organisation has changed: then this one
    /// takes its place.
    Fetch {
        /// Where.
        organization_id: OrganizationId,
        /// What.
        parts: Parts,
    },
    /// Show this.
    Show(DashboardState),
    /// Show this beside it.
    ShowConnection(ConnectionStatus),
}

/// See the module. After each [`Reducer::handle`], drain [`Reducer::poll_effect`], then sleep until [`Reducer::next_deadline`].
///
/// ```
/// use unionflow_client::bloc::{DashboardState, Effect, Input, Parts, Reducer};
/// use unionflow_client::session::Moment;
/// use unionflow_protocol::id::OrganizationId;
///
/// let mut reducer = Reducer::default();
/// let organization_id = OrganizationId::from_bytes([1; 16]);
/// reducer.handle(Moment::default(), Input::LoadDashboard(organization_id));
/// assert_eq!(reducer.poll_effect(), Some(Effect::Show(DashboardState::Loading)));
/// assert_eq!(reducer.poll_effect(), Some(Effect::Fetch { organization_id, parts: Parts::ALL }));
/// ```
#[derive(Debug, Default)]
pub struct Reducer {
    organization_id: Option<OrganizationId>,
    epoch: Option<Epoch>,
    stats: Option<Figures<DashboardStatsUpdate>>,
    kpis: Option<Figures<KpiUpdate>>,
    approvals: Option<PendingApprovals>,
    /// What has to be fetched.
    wanted: Parts,
    /// Requests have to be as of this event at least.
    approvals_since: Seq,
    in_flight: Option<Parts>,
    failures: u32,
    retry_at: Option<Moment>,
    error: Option<ClientError>,
    shown: DashboardState,
    connection: Option<ConnectionStatus>,
    effects: VecDeque<Effect>,
}

const RETRY_MAX: Duration = Duration::from_secs(60);

impl Reducer {
    /// Takes in what was heard.
    pub fn handle(&mut self, now: Moment, input: Input) {
        match input {
            Input::LoadDashboard(organization_id) => self.load(organization_id),
            Input::RefreshDashboard => self.refresh(),
            Input::RefreshDashboardFromWebSocket(message) => self.on_message(message),
            Input::WebSocketConnectionChanged(status) => self.on_connection(status),
            Input::Fetched(Ok(fetched)) => self.on_fetched(*fetched),
            Input::Fetched(Err(error)) => self.on_failure(now, error),
            Input::Deadline => {
                if self.retry_at.is_some_and(|at| at <= now) {
                    self.retry_at = None;
                }
            }
        }
        self.show();
        self.fetch();
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to hand in [`Input::Deadline`].
    pub const fn next_deadline(&self) -> Option<Moment> {
        self.retry_at
    }

    /// What is shown.
    pub const fn state(&self) -> &DashboardState {
        &self.shown
    }

    fn load(&mut self, organization_id: OrganizationId) {
        if self.organization_id != Some(organization_id) {
            let (connection, shown) = (self.connection.take(), std::mem::take(&mut self.shown));
            let effects = std::mem::take(&mut self.effects);
            let organization_id = Some(organization_id);
            *self = Self { organization_id, connection, shown, effects, ..Self::default() };
        }
        self.refresh();
    }

    fn refresh(&mut self) {
        if self.organization_id.is_some() {
            self.wanted = Parts::ALL;
            self.retry_at = None;
        }
    }

    fn on_message(&mut self, message: Message) {
        let Some(organization_id) = self.organization_id else { return };
        match message {
            Message::Joined(joined) if joined.organization_id != organization_id => {
                self.load(joined.organization_id);
                self.epoch = Some(joined.epoch);
            }
            Message::Joined(joined) => self.follow(joined.epoch),
            Message::Event(delivery) if delivery.head.organization_id == organization_id => {
                self.on_event(&delivery);
            }
            Message::RightsChanged(changed) => self.on_rights(changed),
            Message::ResyncRequired(resync) => {
                self.follow(resync.epoch);
                self.refresh();
            }
            Message::FellBehind { .. } => self.refresh(),
            Message::Event(_) | Message::Resynced { .. } | Message::CaughtUp { .. } | Message::Problem(_) => {
            }
        }
    }

    /// Of another incarnation of the journal, places say nothing about those held.
    fn follow(&mut self, epoch: Epoch) {
        if self.epoch.replace(epoch).is_some_and(|before| before != epoch) {
            let unplace = |seq: &mut Seq| *seq = Seq::ZERO;
            self.stats.iter_mut().for_each(|stats| unplace(&mut stats.as_of_seq));
            self.kpis.iter_mut().for_each(|kpis| unplace(&mut kpis.as_of_seq));
            self.approvals.iter_mut().for_each(|approvals| unplace(&mut approvals.as_of_seq));
            self.approvals_since = Seq::ZERO;
            self.refresh();
        }
    }

    fn on_event(&mut self, delivery: &Delivery) {
        match &delivery.event {
            RealtimeEvent::DashboardStats(event) => self.on_figures(delivery.head.position, event),
            RealtimeEvent::FinanceApproval(event) if touches_requests(event) => {
                let seq = delivery.head.position.seq();
                let known = self.approvals.as_ref().is_some_and(|approvals| approvals.as_of_seq >= seq);
                if !known {
                    self.approvals_since = self.approvals_since.max(seq);
                    self.wanted.approvals = true;
                }
            }
            // What these change of the figures comes with the figures.
            RealtimeEvent::FinanceApproval(_)
            | RealtimeEvent::Notification(_)
            | RealtimeEvent::Member(_)
            | RealtimeEvent::Contribution(_)
            | RealtimeEvent::Generic(_) => {}
        }
    }

    fn on_figures(&mut self, position: Position, event: &DashboardStatsEvent) {
        let Position::State { as_of_seq, as_of_date } = position else { return };
        match event {
            DashboardStatsEvent::DashboardStatsUpdate(figures) => {
                let came = Figures { figures: figures.clone(), as_of_seq, as_of_date };
                self.stats = Some(Figures::newer(self.stats.take(), came));
                self.wanted.stats = false;
            }
            DashboardStatsEvent::KpiUpdate(figures) => {
                let came = Figures { figures: figures.clone(), as_of_seq, as_of_date };
                self.kpis = Some(Figures::newer(self.kpis.take(), came));
                self.wanted.kpis = false;
            }
        }
    }

    fn on_rights(&mut self, changed: RightsChanged) {
        if changed.forget.figures {
            (self.stats, self.kpis) = (None, None);
        }
        if changed.forget.approvals {
            self.approvals = None;
        }
        self.refresh();
    }

    fn on_connection(&mut self, status: ConnectionStatus) {
        if status == ConnectionStatus::Live {
            // The server is back: what failed may be fetched now.
            self.retry_at = None;
        }
        if self.connection.as_ref() != Some(&status) {
            self.connection = Some(status.clone());
            self.effects.push_back(Effect::ShowConnection(status));
        }
    }

    fn on_fetched(&mut self, fetched: Fetched) {
        let asked = self.in_flight.take();
        let elsewhere =
            fetched.stats.as_ref().is_some_and(|stats| Some(stats.organization_id) != self.organization_id);
        if asked.is_none() || elsewhere {
            return;
        }
        if let Some(epoch) = fetched.epoch() {
            self.follow(epoch);
        }
        (self.failures, self.error) = (0, None);
        if let Some(stats) = fetched.stats {
            let (as_of_seq, as_of_date) = (stats.as_of.as_of_seq, stats.as_of_date);
            let came = Figures { figures: stats.figures, as_of_seq, as_of_date };
            self.stats = Some(Figures::newer(self.stats.take(), came));
        }
        if let Some(kpis) = fetched.kpis {
            let (as_of_seq, as_of_date) = (kpis.as_of.as_of_seq, kpis.as_of_date);
            let came = Figures { figures: kpis.figures, as_of_seq, as_of_date };
            self.kpis = Some(Figures::newer(self.kpis.take(), came));
        }
        if let Some(page) = fetched.approvals {
            let as_of_seq = page.as_of.as_of_seq;
            let has_more = page.next_cursor.is_some();
            self.approvals = Some(PendingApprovals { items: page.items, has_more, as_of_seq });
            if as_of_seq >= self.approvals_since {
                self.wanted.approvals = false;
            }
        }
    }

    /// What there was is kept, and what failed is asked for again later.
    fn on_failure(&mut self, now: Moment, error: ClientError) {
        let Some(parts) = self.in_flight.take() else { return };
        self.wanted = self.wanted | parts;
        let wait = Duration::from_secs(1 << self.failures.min(6)).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now + if is_lasting(&error) { RETRY_MAX } else { wait });
        self.error = Some(error);
    }

    fn show(&mut self) {
        let kept = self.stats.as_ref().zip(self.organization_id).map(|(stats, organization_id)| Dashboard {
            organization_id,
            stats: stats.clone(),
            kpis: self.kpis.clone(),
            approvals: self.approvals.clone(),
        });
        let state = match (&self.error, kept) {
            _ if self.organization_id.is_none() => DashboardState::Initial,
            (Some(error), kept) => DashboardState::Failure { error: error.clone(), kept: kept.map(Arc::new) },
            (None, Some(dashboard)) => DashboardState::Loaded(Arc::new(dashboard)),
            (None, None) => DashboardState::Loading,
        };
        if self.shown != state {
            self.shown = state.clone();
            self.effects.push_back(Effect::Show(state));
        }
    }

    fn fetch(&mut self) {
        let Some(organization_id) = self.organization_id else { return };
        if self.in_flight.is_some() || self.retry_at.is_some() || self.wanted == Parts::NONE {
            return;
        }
        let parts = std::mem::take(&mut self.wanted);
        self.in_flight = Some(parts);
        self.effects.push_back(Effect::Fetch { organization_id, parts });
    }
}

/// Whether it changes which requests wait for votes, or what is shown of them.
const fn touches_requests(event: &FinanceApprovalEvent) -> bool {
    !matches!(
        event,
        FinanceApprovalEvent::PolicyChanged(_)
            | FinanceApprovalEvent::AccountOpened(_)
            | FinanceApprovalEvent::LedgerEntryPosted(_)
            | FinanceApprovalEvent::ApprovalExecuted(_)
            | FinanceApprovalEvent::ApprovalExecutionFailed(_)
            | FinanceApprovalEvent::ApprovalLapsed(_)
    )
}

/// Whether asking again soon would be answered the same.
fn is_lasting(error: &ClientError) -> bool {
    matches!(error.kind(), ErrorKind::SignInRequired | ErrorKind::NotUnionFlow | ErrorKind::OtherVersion)
        || matches!(error.status(), Some(400..=428 | 430..=499))
}
