//! Words of the members' part.

use crate::macros::codes;

codes! {
    /// Where a membership stands.
    pub enum MemberStatus {
        /// Asked to join; not yet admitted.
        Applicant = "APPLICANT",
        /// A member.
        Active = "ACTIVE",
        /// A member whose roles rest.
        Suspended = "SUSPENDED",
        /// Was a member; may be readmitted under the same number.
        Left = "LEFT",
        /// Asked to join and was not admitted.
        Refused = "REFUSED",
    }
}
