//! Frames as sentences.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use unionflow_protocol::{
    Envelope, Language, Position, Seq,
    frame::Control,
    id::{ApprovalId, Epoch, MemberId, OrganizationId},
};
use unionflow_service::Service;
use unionflow_storage::tables::{member::MemberFilter, text::TextKind};

use crate::{
    sentences::{Known, approval_of, sentence},
    words,
};

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
        let who = envelope
            .head
            .actor_id
            .map(|id| format!(" — {}", self.name(id).unwrap_or("?")))
            .unwrap_or_default();
        Some(format!("{time}  {seq:>7}  {}{who}", sentence(&envelope.event, self.language, self)))
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
}

impl Known for Teller {
    fn name(&self, id: MemberId) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    fn purpose(&self, id: ApprovalId) -> Option<&str> {
        self.purposes.get(&id).map(String::as_str)
    }
}
