//! Frames as sentences.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use serde_json::value::RawValue;
use unionflow_protocol::{
    Amount, Currency, Envelope, Language, Position, Role, RoleSet, Seq,
    approval::TransactionType,
    event::Event,
    frame::Control,
    id::{ApprovalId, Epoch, MemberId, OrganizationId},
    notification::NotificationKind,
};
use unionflow_service::Service;
use unionflow_storage::tables::{member::MemberFilter, text::TextKind};

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
                roles(welcome.roles)
            ),
            Control::CaughtUp(caught_up) => {
                format!("{} {}", self.say("À jour jusqu’au n°", "Caught up to no."), caught_up.seq)
            }
            Control::Pong(_) => return None,
            Control::RightsChanged(changed) => {
                format!("{} {}", self.say("Vos rôles :", "Your roles:"), roles(changed.roles))
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
        let say = |french, english| self.say(french, english);
        match event {
            Event::ApprovalPending(e) => {
                let what = self.money(e.content.transaction_type, e.content.amount, e.content.currency);
                format!("{} {what}{}", say("Demande :", "Request:"), self.purpose(e.id))
            }
            Event::ApprovalVoteRecorded(e) => {
                let votes = format!("{}/{}", e.votes_in_step, e.votes_needed);
                format!("{} ({votes}){}", say("Voix favorable", "Vote in favour"), self.purpose(e.id))
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
                let lines = e
                    .lines
                    .iter()
                    .map(|line| format!("{} {}", line.kind, line.amount.format(e.currency, self.language)));
                format!("{} {}", say("Écriture :", "Entry:"), lines.collect::<Vec<_>>().join(", "))
            }
            Event::MemberCreated(e) => {
                format!("{} {}", say("Nouveau membre n°", "New member no."), e.member_number)
            }
            Event::MemberUpdated(_) => say("Fiche de membre modifiée", "Member changed").to_owned(),
            Event::RoleGranted(e) => {
                format!("{} {} — {}", say("Rôle donné :", "Role given:"), e.role, self.name(e.id))
            }
            Event::RoleRevoked(e) => {
                format!("{} {} — {}", say("Rôle retiré :", "Role taken:"), e.role, self.name(e.id))
            }
            Event::UserNotification(e) => {
                format!("{} {}", say("Notification :", "Notification:"), self.kind(e.kind))
            }
            Event::BroadcastNotification(_) => say("Annonce à tous", "Announcement to all").to_owned(),
            Event::DashboardStatsUpdate(e) => format!(
                "{} {} · {} {} · {} {}",
                say("Chiffres : membres", "Figures: members"),
                e.members.total,
                say("en attente", "pending"),
                e.approvals.pending_count,
                say("solde", "balance"),
                e.balance.as_ref().map_or_else(String::new, |b| b.total.format(e.currency, self.language)),
            ),
            Event::KpiUpdate(e) => {
                let last = e.months.last().map_or("", String::as_str);
                format!("{} {last}", say("Courbes sur douze mois, jusqu’à", "Curves of twelve months, up to"))
            }
            other => other.type_name().to_owned(),
        }
    }

    fn kind(&self, kind: NotificationKind) -> &str {
        match kind {
            NotificationKind::ApprovalWaiting => {
                self.say("une demande attend une voix", "a request waits for a vote")
            }
            NotificationKind::ApprovalApproved => {
                self.say("votre demande est approuvée", "your request is approved")
            }
            NotificationKind::ApprovalToExecute => {
                self.say("une demande est à exécuter", "a request is to be executed")
            }
            NotificationKind::ApprovalExecuted => {
                self.say("votre demande est exécutée", "your request is executed")
            }
            other => other.as_str(),
        }
    }

    fn purpose(&self, id: ApprovalId) -> String {
        self.purposes.get(&id).map(|purpose| format!(" « {purpose} »")).unwrap_or_default()
    }

    fn money(&self, kind: TransactionType, amount: Amount, currency: Currency) -> String {
        let kind = match kind {
            TransactionType::Contribution => self.say("cotisation", "contribution"),
            TransactionType::Deposit => self.say("dépôt", "deposit"),
            TransactionType::Withdrawal => self.say("retrait", "withdrawal"),
            TransactionType::Expense => self.say("dépense", "expense"),
            TransactionType::Transfer => self.say("virement", "transfer"),
            TransactionType::Refund => self.say("remboursement", "refund"),
            TransactionType::Aid => self.say("aide", "aid"),
            TransactionType::Waiver => self.say("remise", "waiver"),
            TransactionType::PolicyChange => {
                return self.say("changement de règles", "change of rules").to_owned();
            }
            TransactionType::RoleChange => {
                return self.say("changement de rôle", "change of roles").to_owned();
            }
        };
        format!("{kind} {}", amount.format(currency, self.language))
    }
}

fn roles(roles: RoleSet) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join(", ")
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
