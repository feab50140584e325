//! Frames as sentences.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use serde_json::value::RawValue;
use unionflow_protocol::{
    Amount, Currency, Envelope, Language, Position, Seq,
    approval::TransactionType,
    event::{Event, dashboard::DashboardStatsUpdate},
    frame::Control,
    id::{ApprovalId, Epoch, MemberId, OrganizationId},
};
use unionflow_service::Service;
use unionflow_storage::tables::{member::MemberFilter, text::TextKind};

use super::words;

/// How far the socket has come: what a reconnect resumes after.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cursor {
    seq: Option<Seq>,
    epoch: Option<Epoch>,
}

impl Cursor {
    /// Moves with a frame.
    pub(super) fn advance(&mut self, frame: &str) {
        match serde_json::from_str::<Control>(frame) {
            Ok(Control::Welcome(welcome)) => {
                self.epoch = Some(welcome.epoch);
                self.seq = self.seq.or(welcome.resumed_from);
            }
            Ok(Control::CaughtUp(caught_up)) => self.seq = Some(caught_up.seq),
            Ok(Control::Pong(pong)) => self.seq = Some(pong.seq),
            Ok(_) => {}
            Err(_) => {
                if let Ok(envelope) = Envelope::decode(frame.as_bytes())
                    && let Position::Fact(seq) = envelope.head.position
                {
                    self.seq = Some(seq);
                }
            }
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.seq, self.epoch) {
            (Some(seq), Some(epoch)) => write!(f, "&after={seq}&epoch={epoch}"),
            _ => Ok(()),
        }
    }
}

/// Turns frames into lines. Events name nobody: names and purposes are looked up where this is shown.
pub(super) struct Teller {
    service: Service,
    organization: OrganizationId,
    language: Language,
    names: HashMap<MemberId, String>,
    purposes: BTreeMap<ApprovalId, String>,
}

impl Teller {
    pub(super) fn new(service: Service, organization: OrganizationId, language: Language) -> Self {
        Self { service, organization, language, names: HashMap::new(), purposes: BTreeMap::new() }
    }

    /// One frame as a line; nothing for an answer to a ping.
    pub(super) async fn line(&mut self, frame: &str) -> Option<String> {
        if let Ok(control) = serde_json::from_str::<Control>(frame) {
            return self.control(&control).map(|text| format!("{:>8}  {:>7}  {text}", "", "·"));
        }
        let envelope = Envelope::decode(frame.as_bytes()).ok()?;
        self.learn(&envelope).await;
        let at = envelope.head.timestamp.to_string();
        let time = at.get(11..19).unwrap_or_default();
        let seq = match envelope.head.position {
            Position::Fact(seq) => format!("#{seq}"),
            Position::State { .. } => "≈".to_owned(),
        };
        let who = envelope.head.actor_id.map(|id| format!(" — {}", self.name(id))).unwrap_or_default();
        Some(format!("{time}  {seq:>7}  {}{who}", self.sentence(&envelope.event)))
    }

    async fn learn(&mut self, envelope: &Envelope) {
        let (id, organization) = (approval_of(&envelope.event), self.organization);
        if let Some(id) = id.filter(|id| !self.purposes.contains_key(id)) {
            let found =
                self.service.read(move |reader| Ok(reader.load_text(id.into(), TextKind::Purpose, 0)?));
            if let Ok(Some(purpose)) = found.await {
                // Enough for what is under way.
                if self.purposes.len() > 1000 {
                    self.purposes.pop_first();
                }
                self.purposes.insert(id, purpose);
            }
        }
        let known = envelope.head.actor_id.is_none_or(|id| self.names.contains_key(&id));
        if !known {
            let found = self.service.read(move |reader| {
                Ok(reader.load_members(organization, &MemberFilter::default(), None, 100_000)?)
            });
            for member in found.await.unwrap_or_default() {
                self.names.insert(member.id, format!("{} {}", member.name.given, member.name.family));
            }
        }
    }

    fn name(&self, id: MemberId) -> &str {
        self.names.get(&id).map_or("?", String::as_str)
    }

    fn say<'a>(&self, french: &'a str, english: &'a str) -> &'a str {
        self.language.pick(french, english)
    }

    fn control(&self, control: &Control) -> Option<String> {
        Some(match control {
            Control::Welcome(welcome) => format!(
                "{} {} ({})",
                self.say("Connecté. Dernier événement : n°", "Connected. Newest event: no."),
                welcome.head_seq,
                words::roles(welcome.roles, self.language)
            ),
            Control::CaughtUp(caught_up) => {
                format!("{} {}", self.say("À jour jusqu’au n°", "Caught up to no."), caught_up.seq)
            }
            Control::Pong(_) => return None,
            Control::RightsChanged(changed) => {
                format!(
                    "{} {}",
                    self.say("Vos rôles :", "Your roles:"),
                    words::roles(changed.roles, self.language)
                )
            }
            Control::ResyncRequired(_) => {
                self.say("Trop ancien : relire l’état complet", "Too old: read the whole state").to_owned()
            }
            Control::GoAway(away) => format!(
                "{} {} ms",
                self.say("Le serveur s’arrête ; retour dans", "The server stops; back in"),
                away.retry_after_ms
            ),
            Control::Error(error) => format!("{} {}", self.say("Refusé :", "Refused:"), error.code),
        })
    }

    fn sentence(&self, event: &Event) -> String {
        let (say, language) = (|french, english| self.say(french, english), self.language);
        match event {
            Event::ApprovalPending(e) => {
                let content = &e.content;
                let what = self.money(content.transaction_type, content.amount, content.currency);
                format!("{} {what}{}", say("Demande :", "Request:"), self.purpose(e.id))
            }
            Event::ApprovalVoteRecorded(e) => {
                let votes = format!("{}/{}", e.votes_in_step, e.votes_needed);
                format!("{} ({votes}){}", say("Vote favorable", "Vote in favour"), self.purpose(e.id))
            }
            Event::ApprovalApproved(e) => {
                let what = self.money(e.transaction_type, e.amount, e.currency);
                format!("{} {what}{}", say("✓ Approuvé :", "✓ Approved:"), self.purpose(e.id))
            }
            Event::ApprovalRejected(e) => {
                let what = self.money(e.transaction_type, e.amount, e.currency);
                format!("{} {what}{}", say("✗ Rejeté :", "✗ Rejected:"), self.purpose(e.id))
            }
            Event::ApprovalExecuted(e) => {
                let what = self.money(e.transaction_type, e.amount, e.currency);
                format!("{} {what}{}", say("⇒ Exécuté :", "⇒ Executed:"), self.purpose(e.id))
            }
            Event::LedgerEntryPosted(e) => {
                let lines = e.lines.iter().map(|line| {
                    let account = words::account(line.kind, language);
                    format!("{account} {}", line.amount.format(e.currency, language))
                });
                format!("{} {}", say("Écriture :", "Entry:"), lines.collect::<Vec<_>>().join(", "))
            }
            Event::MemberCreated(e) => {
                format!("{} {}", say("Nouveau membre n°", "New member no."), e.member_number)
            }
            Event::RoleGranted(e) => {
                let role = words::role(e.role, language);
                format!("{} {role} — {}", say("Rôle donné :", "Role given:"), self.name(e.id))
            }
            Event::RoleRevoked(e) => {
                let role = words::role(e.role, language);
                format!("{} {role} — {}", say("Rôle retiré :", "Role taken:"), self.name(e.id))
            }
            Event::UserNotification(e) => {
                let what = words::notification(e.kind, language);
                format!("{} {what}", say("Notification :", "Notification:"))
            }
            Event::DashboardStatsUpdate(e) => self.figures(e),
            other => {
                let name = other.event_type().map_or(other.type_name(), |kind| words::event(kind, language));
                format!("{name}{}", approval_of(other).map(|id| self.purpose(id)).unwrap_or_default())
            }
        }
    }

    fn figures(&self, stats: &DashboardStatsUpdate) -> String {
        let balance = stats.balance.as_ref().map(|balance| {
            format!(
                " · {} {}",
                self.say("solde", "balance"),
                balance.total.format(stats.currency, self.language)
            )
        });
        format!(
            "{} {} {} · {} {}{}",
            self.say("Chiffres :", "Figures:"),
            stats.members.total,
            self.say("membres", "members"),
            stats.approvals.pending_count,
            self.say("en attente", "pending"),
            balance.unwrap_or_default(),
        )
    }

    fn purpose(&self, id: ApprovalId) -> String {
        let (open, close) = (self.say("« ", "“"), self.say(" »", "”"));
        self.purposes.get(&id).map(|purpose| format!(" {open}{purpose}{close}")).unwrap_or_default()
    }

    fn money(&self, kind: TransactionType, amount: Amount, currency: Currency) -> String {
        let name = words::transaction(kind, self.language);
        if kind.is_governance() {
            return name.to_owned();
        }
        format!("{name} {}", amount.format(currency, self.language))
    }
}

/// The request that an event is about.
fn approval_of(event: &Event) -> Option<ApprovalId> {
    // Every event of a request has its id under `id`; so a look at the data serves for all of them.
    let data: Box<RawValue> = serde_json::value::to_raw_value(event).ok()?;
    #[derive(serde::Deserialize)]
    struct Id {
        id: ApprovalId,
    }
    let about = event.type_name().starts_with("APPROVAL_");
    about.then(|| serde_json::from_str::<Id>(data.get()).ok().map(|id| id.id)).flatten()
}
