//! The inboxes.

use unionflow_domain::notification::Notification;
use unionflow_protocol::{
    EventType, RoleSet, Seq, Timestamp,
    id::{AggregateId, MemberId, NotificationId, OrganizationId},
    notification::{NotificationKind, Severity},
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{ToParam, get, parse, parsed},
    tx::Tx,
};

/// Whose inbox: a member with the roles held now.
#[derive(Debug, Clone, Copy)]
pub struct Inbox {
    /// Where.
    pub organization_id: OrganizationId,
    /// Who.
    pub member_id: MemberId,
    /// With which roles.
    pub roles: RoleSet,
}

/// A notification in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: NotificationId,
    /// Its place.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What it says.
    pub kind: NotificationKind,
    /// How loud.
    pub severity: Severity,
    /// What caused it.
    pub cause_type: Option<EventType>,
    /// What that was about.
    pub cause_id: Option<AggregateId>,
}

/// Unread notifications are counted up to here.
const UNREAD_MAX: u32 = 1000;

impl Reader<'_> {
    /// A page of an inbox, newest first. A request that waits for votes calls on roles, but not on whoever made it or benefits
    /// from it, unless named: see `waiting` in `unionflow_domain::notification`.
    pub fn load_inbox(
        &mut self,
        inbox: Inbox,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<Received>, StoreFault> {
        let before = before.map_or(i64::MAX, |seq| i64::try_from(seq.0).unwrap_or(i64::MAX));
        let limit = limit as u64;
        self.all(
            "SELECT id, seq, at, kind, severity, cause_type, cause_id FROM notification \
             WHERE organization_id = ?1 AND seq < ?2 \
             AND (everyone <> 0 OR member_id = ?4 OR other_member_id = ?4 \
             OR ((roles & ?3) <> 0 AND NOT (kind = 'APPROVAL_WAITING' AND EXISTS (SELECT 1 FROM approval \
             WHERE approval.id = cause_id AND (requester_id = ?4 OR beneficiary_id = ?4))))) \
             ORDER BY seq DESC LIMIT ?5",
            &[
                inbox.organization_id.param(),
                before.param(),
                inbox.roles.param(),
                inbox.member_id.param(),
                limit.param(),
            ],
            |row| {
                Ok(Received {
                    id: get(row, 0)?,
                    seq: get(row, 1)?,
                    at: get(row, 2)?,
                    kind: parsed(row, 3)?,
                    severity: parsed(row, 4)?,
                    cause_type: get::<Option<String>>(row, 5)?.as_deref().map(parse).transpose()?,
                    cause_id: get(row, 6)?,
                })
            },
        )
    }

    /// How far a member has read, and how many are unread (counted up to 1,000).
    pub fn load_read_mark(&mut self, inbox: Inbox) -> Result<(Seq, u32), StoreFault> {
        let read_up_to: Seq = self
            .value(
                "SELECT read_up_to FROM notification_read WHERE organization_id = ?1 AND member_id = ?2",
                &[inbox.organization_id.param(), inbox.member_id.param()],
            )?
            .unwrap_or_default();
        let unread = self.value(
            "SELECT count(*) FROM (SELECT 1 FROM notification WHERE organization_id = ?1 AND seq > ?2 \
             AND (everyone <> 0 OR member_id = ?4 OR other_member_id = ?4 \
             OR ((roles & ?3) <> 0 AND NOT (kind = 'APPROVAL_WAITING' AND EXISTS (SELECT 1 FROM approval \
             WHERE approval.id = cause_id AND (requester_id = ?4 OR beneficiary_id = ?4))))) LIMIT ?5) AS unread",
            &[
                inbox.organization_id.param(),
                read_up_to.param(),
                inbox.roles.param(),
                inbox.member_id.param(),
                UNREAD_MAX.param(),
            ],
        )?;
        Ok((read_up_to, unread.unwrap_or(0)))
    }
}

impl Tx<'_> {
    /// A notification, at the `seq` of its event.
    pub fn insert_notification(
        &mut self,
        organization: OrganizationId,
        notification: &Notification,
        seq: Seq,
    ) -> Result<(), StoreFault> {
        let members = notification.audience.members();
        debug_assert!(members.len() <= 2, "a row names two members at the most");
        let now = self.now();
        self.submit(
            "INSERT INTO notification (organization_id, seq, id, at, kind, severity, cause_type, cause_id, everyone, roles, \
             member_id, other_member_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            &[
                organization.param(),
                seq.param(),
                notification.id.param(),
                now.param(),
                notification.kind.as_str().param(),
                notification.severity.as_str().param(),
                notification.cause_type.map(EventType::as_str).param(),
                notification.cause_id.param(),
                notification.audience.is_everyone().param(),
                notification.audience.role_set().param(),
                members.first().copied().param(),
                members.get(1).copied().param(),
            ],
        )?;
        Ok(())
    }

    /// A member has read up to here. Never goes back.
    pub fn save_read_mark(&mut self, inbox: Inbox, read_up_to: Seq) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO notification_read (organization_id, member_id, read_up_to) VALUES (?1, ?2, ?3) \
             ON CONFLICT (organization_id, member_id) DO UPDATE SET read_up_to = excluded.read_up_to \
             WHERE notification_read.read_up_to < excluded.read_up_to",
            &[inbox.organization_id.param(), inbox.member_id.param(), read_up_to.param()],
        )?;
        Ok(())
    }
}
