//! What happened, sorted by what a screen does with it: the six kinds of the first system, each exhaustive inside.

use unionflow_protocol::{
    Envelope, EnvelopeHead, Event, Position, Seq,
    envelope::NotAnEnvelope,
    event::{UnknownEvent, approvals::*, contributions::*, dashboard::*, members::*, notifications::*},
};

/// One event, with who caused it, when, and its place.
///
/// ```
/// use unionflow_client::{Delivery, FinanceApprovalEvent, RealtimeEvent};
///
/// fn told(delivery: &Delivery) -> String {
///     match &delivery.event {
///         RealtimeEvent::FinanceApproval(FinanceApprovalEvent::ApprovalPending(asked)) => {
///             format!("{} waits for a decision", asked.id)
///         }
///         RealtimeEvent::FinanceApproval(_) => "something was decided".to_owned(),
///         RealtimeEvent::DashboardStats(_) => "figures changed".to_owned(),
///         RealtimeEvent::Notification(_) => "there is something to read".to_owned(),
///         RealtimeEvent::Member(_) | RealtimeEvent::Contribution(_) => "members or money changed".to_owned(),
///         RealtimeEvent::Generic(unknown) => format!("{}: newer than this program", unknown.event_type),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Everything but type and data.
    pub head: EnvelopeHead,
    /// Type and data.
    pub event: RealtimeEvent,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $(#[expect($($lint:tt)*)])? $outer:ident($kind:ident) { $($variant:ident),+ $(,)? })+) => {
        /// An event, by kind.
        #[derive(Debug, Clone, PartialEq)]
        pub enum RealtimeEvent {
            $($(#[doc = $doc])* $outer($kind),)+
            /// A type, or a shape of it, that this version does not know.
            Generic(GenericEvent),
        }

        $(
            $(#[doc = $doc])*
            $(#[expect($($lint)*)])?
            #[derive(Debug, Clone, PartialEq)]
            pub enum $kind { $(#[doc = concat!("See [`", stringify!($variant), "`].")] $variant($variant)),+ }
        )+

        impl From<Event> for RealtimeEvent {
            fn from(event: Event) -> Self {
                match event {
                    $($(Event::$variant(data) => Self::$outer($kind::$variant(data)),)+)+
                    Event::Unknown(unknown) => Self::Generic(unknown),
                }
            }
        }

        impl From<RealtimeEvent> for Event {
            fn from(event: RealtimeEvent) -> Self {
                match event {
                    $($(RealtimeEvent::$outer($kind::$variant(data)) => Self::$variant(data),)+)+
                    RealtimeEvent::Generic(unknown) => Self::Unknown(unknown),
                }
            }
        }

        #[cfg(test)]
        const SORTED: &[&str] = &[$($(stringify!($variant)),+),+];
    };
}

kinds! {
    /// Requests for approval, policies, and the ledger.
    FinanceApproval(FinanceApprovalEvent) {
        ApprovalPending,
        ApprovalUpdated,
        ApprovalVoteRecorded,
        ApprovalVoteWithdrawn,
        ApprovalBlocked,
        ApprovalUnblocked,
        ApprovalApproved,
        ApprovalRejected,
        ApprovalCancelled,
        ApprovalExpired,
        ApprovalLapsed,
        ApprovalExecuted,
        ApprovalExecutionFailed,
        PolicyChanged,
        AccountOpened,
        LedgerEntryPosted,
    }
    /// Figures: only the newest counts.
    #[expect(clippy::large_enum_variant, reason = "told behind an `Arc`")]
    DashboardStats(DashboardStatsEvent) { DashboardStatsUpdate, KpiUpdate }
    /// Something to read, and how far it was read.
    Notification(NotificationEvent) { UserNotification, BroadcastNotification, NotificationRead }
    /// Members, roles, the organisation, imports.
    Member(MemberEvent) {
        MemberCreated,
        MemberUpdated,
        MemberAdmitted,
        MemberRefused,
        MemberSuspended,
        MemberReinstated,
        MemberLeft,
        MemberInvited,
        MemberResetIssued,
        ServiceKeyCreated,
        ServiceKeyRevoked,
        MemberErased,
        RoleGranted,
        RoleRevoked,
        OrganizationCreated,
        OrganizationUpdated,
        ImportApplied,
        ImportUndone,
    }
    /// Plans, dues and payments.
    Contribution(ContributionEvent) {
        ContributionPlanPublished,
        ContributionPlanRetired,
        DuesIssued,
        ContributionDue,
        ContributionDeclared,
        ContributionPaid,
        ContributionRefused,
        ContributionReversed,
        ContributionWaived,
    }
}

/// A type, or a shape of it, that this version does not know: as it came.
pub type GenericEvent = UnknownEvent;

impl Delivery {
    /// Reads an envelope of this or any later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAnEnvelope> {
        Envelope::decode(bytes).map(|envelope| Self { head: envelope.head, event: envelope.event.into() })
    }

    /// Its place in the journal; `None` for figures and read marks, which have none of their own.
    pub const fn seq(&self) -> Option<Seq> {
        match self.head.position {
            Position::Fact(seq) => Some(seq),
            Position::State { .. } => None,
        }
    }

    /// The envelope as the server wrote it, but for keys that this version does not know.
    pub fn into_envelope(self) -> Envelope {
        Envelope { head: self.head, event: self.event.into() }
    }
}

#[cfg(test)]
mod tests {
    use unionflow_protocol::EventType;

    use super::*;

    #[test]
    fn every_type_of_the_catalogue_has_its_kind() {
        let known: Vec<String> = EventType::ALL.iter().map(|known| format!("{known:?}")).collect();
        assert_eq!(SORTED.len(), known.len());
        assert!(known.iter().all(|known| SORTED.contains(&known.as_str())));
    }

    #[test]
    fn the_vectors_of_the_protocol_are_read_and_written_the_same() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../protocol/vectors/events.json")).unwrap();
        let vectors = vectors["events"].as_array().unwrap();
        assert!(vectors.len() >= EventType::ALL.len());
        for vector in vectors {
            let bytes = vector["bytes"].as_str().unwrap();
            let delivery = Delivery::decode(bytes.as_bytes()).unwrap();
            assert!(!matches!(delivery.event, RealtimeEvent::Generic(_)), "{}", vector["name"]);
            assert_eq!(delivery.into_envelope().encode(), bytes.as_bytes(), "{}", vector["name"]);
        }
    }
}
