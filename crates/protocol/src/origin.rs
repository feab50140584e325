//! Where an event came from.

use crate::macros::codes;

codes! {
    /// What caused an event.
    pub enum Origin {
        /// A person's command through the API.
        Command = "command",
        /// A row or the summary of an import.
        Import = "import",
        /// A fact of another system, taken in from Kafka.
        Inbound = "inbound",
        /// The passing of time: expiry, lapse.
        Schedule = "schedule",
        /// Somebody with the server's command line.
        Operator = "operator",
    }
}
