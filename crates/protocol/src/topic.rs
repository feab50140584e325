//! Topics: the named streams that events travel on.

use crate::macros::codes;

codes! {
    /// A topic of the bus, and of Kafka.
    pub enum Topic {
        /// Approvals, policies and the ledger.
        Approvals = "unionflow.finance.approvals",
        /// Members, roles, the organisation, imports.
        Members = "unionflow.members.events",
        /// Plans, dues and payments.
        Contributions = "unionflow.contributions.events",
        /// Notifications to one person, to roles or to everyone.
        Notifications = "unionflow.notifications.user",
        /// Figures.
        Dashboard = "unionflow.dashboard.stats",
        /// Facts of other systems, to be taken in.
        Inbound = "unionflow.events.inbound",
        /// What could not be taken in, with the reason.
        DeadLetter = "unionflow.events.dead-letter",
        /// Signed heads of the journals.
        Checkpoints = "unionflow.audit.checkpoints",
    }
}

impl Topic {
    /// The five that gateways follow.
    pub const BUSINESS: [Self; 5] =
        [Self::Approvals, Self::Members, Self::Contributions, Self::Notifications, Self::Dashboard];
}

codes! {
    /// How an event is kept and delivered.
    pub enum Class {
        /// Journaled, has a `seq`, never dropped.
        Fact = "fact",
        /// Computed, has `asOfSeq`; only the newest counts; never journaled.
        State = "state",
    }
}
