//! What the operator lets other systems send. Nothing is allowed that is not named.

use std::collections::BTreeMap;

use unionflow_protocol::{EventType, id::OrganizationId};

use super::{Reason, Rejected};

/// The source of records that name none.
pub const PLAIN: &str = "plain";

/// Which source may send what, and what organisations are called there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Organisations by the names that others have for them.
    pub organizations: BTreeMap<String, OrganizationId>,
    /// Who may send what. A source may stand here several times.
    pub sources: Vec<Source>,
}

/// What a source may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its `ce_source`, or [`PLAIN`].
    pub name: String,
    /// Which facts.
    pub types: Types,
    /// About which organisations; none = all.
    pub organizations: Option<Vec<OrganizationId>>,
}

/// Types of facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Types {
    /// All.
    All,
    /// These.
    Only(Vec<EventType>),
}

impl Rules {
    /// The organisation that others call so, or that has this id.
    pub fn organization(&self, name: &str) -> Option<OrganizationId> {
        self.organizations.get(name).copied().or_else(|| name.parse().ok())
    }

    pub(super) fn is_mapped(&self, name: &str) -> bool {
        self.organizations.contains_key(name)
    }

    pub(super) fn admit(
        &self,
        source: &str,
        event_type: EventType,
        organization: OrganizationId,
    ) -> Result<(), Rejected> {
        let from_here = |allowed: &&Source| {
            let here = allowed.organizations.as_ref();
            allowed.name == source && here.is_none_or(|here| here.contains(&organization))
        };
        let mut allowed = self.sources.iter().filter(from_here).peekable();
        if allowed.peek().is_none() {
            let field = if source == PLAIN {
                "ce_source: there is none, so that the source is `plain`, which"
            } else {
                "ce_source: this source"
            };
            let detail = format!(
                "{field} may send nothing about this organisation; name it in `inbound_sources` if it should"
            );
            return Err(Rejected::new(Reason::SourceNotAllowed, detail));
        }
        if allowed.any(|allowed| allowed.types.contain(event_type)) {
            return Ok(());
        }
        let detail = format!(
            "eventType: this source may not send {event_type}; add it in `inbound_sources` if it should"
        );
        Err(Rejected::new(Reason::TypeNotAllowed, detail))
    }
}

impl Types {
    fn contain(&self, event_type: EventType) -> bool {
        match self {
            Self::All => true,
            Self::Only(types) => types.contains(&event_type),
        }
    }
}
