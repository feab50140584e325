//! Words of the inbox.

use crate::macros::codes;

codes! {
    /// What a notification says; its words are made where it is read, in the reader's language.
    pub enum NotificationKind {
        /// An approval waits for your vote.
        ApprovalWaiting = "APPROVAL_WAITING",
        /// A request that you made, or that benefits you, was approved.
        ApprovalApproved = "APPROVAL_APPROVED",
        /// A request that you made, or that benefits you, was rejected.
        ApprovalRejected = "APPROVAL_REJECTED",
        /// A request that you made, or that benefits you, was not decided in time.
        ApprovalExpired = "APPROVAL_EXPIRED",
        /// An approved request was not executed in time.
        ApprovalLapsed = "APPROVAL_LAPSED",
        /// An approved request waits for its execution.
        ApprovalToExecute = "APPROVAL_TO_EXECUTE",
        /// A request that you made, or that benefits you, was executed.
        ApprovalExecuted = "APPROVAL_EXECUTED",
        /// An execution failed.
        ApprovalExecutionFailed = "APPROVAL_EXECUTION_FAILED",
        /// Too few people are left who may decide.
        ApprovalBlocked = "APPROVAL_BLOCKED",
        /// The policy changed.
        PolicyChanged = "POLICY_CHANGED",
        /// You were given a role.
        RoleGranted = "ROLE_GRANTED",
        /// A role was taken from you.
        RoleRevoked = "ROLE_REVOKED",
        /// Somebody asked to join.
        MemberApplied = "MEMBER_APPLIED",
        /// Your membership changed.
        MembershipChanged = "MEMBERSHIP_CHANGED",
        /// A payment of yours was confirmed.
        PaymentConfirmed = "PAYMENT_CONFIRMED",
        /// Words of an officer to everyone, or to some roles.
        Announcement = "ANNOUNCEMENT",
        /// A test that the way to your screen works.
        Test = "TEST",
    }
}

codes! {
    /// How loud a notification is.
    pub enum Severity {
        /// For information.
        Info = "INFO",
        /// Something waits for you.
        Action = "ACTION",
        /// Something is wrong.
        Warning = "WARNING",
    }
}
