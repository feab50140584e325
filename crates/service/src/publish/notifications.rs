//! What is told on `unionflow.notifications.user`: notifications, announcements, how far somebody has read.

use unionflow_domain::notification::{Draft, Notification};
use unionflow_protocol::{
    Audience, Seq,
    event::notifications::{BroadcastNotification, NotificationRead, UserNotification},
    id::{MemberId, NotificationId},
    notification::{NotificationKind, Severity},
};
use unionflow_storage::{
    Undo,
    tables::notification::Inbox,
    tx::{Appended, NewEvent},
};

use super::{Cause, Publisher};

impl Publisher<'_, '_> {
    /// Something for the persons in its audience, in their inboxes.
    pub fn user_notification(&mut self, draft: Draft) -> Result<(), Undo> {
        self.notify(draft, None)
    }

    /// Words of an officer, kept apart, to everyone or to some roles.
    pub fn broadcast_notification(
        &mut self,
        id: NotificationId,
        audience: Audience,
        severity: Severity,
    ) -> Result<Seq, Undo> {
        let kind = NotificationKind::Announcement;
        let event = BroadcastNotification { notification_id: id, kind, severity };
        let new = NewEvent {
            aggregate_id: id.into(),
            version: Some(1),
            audience: audience.clone(),
            causation_id: None,
            event: event.into(),
        };
        let seq = self.tx.append(new)?.seq;
        let notification = Notification { id, kind, severity, audience, cause_type: None, cause_id: None };
        let organization = self.organization()?;
        self.tx.insert_notification(organization, &notification, seq)?;
        Ok(seq)
    }

    /// A harmless event by the full way, to one member's own sessions, in no inbox.
    pub(crate) fn test_notification(&mut self, member: MemberId) -> Result<Appended, Undo> {
        let id = NotificationId::from_uuid(self.tx.new_uuid());
        let event = UserNotification {
            notification_id: id,
            kind: NotificationKind::Test,
            cause_type: None,
            cause_id: None,
            severity: Severity::Info,
        };
        self.tx.append(NewEvent {
            aggregate_id: id.into(),
            version: Some(1),
            audience: Audience::member(member),
            causation_id: None,
            event: event.into(),
        })
    }

    /// How far a member has read, to the member's own sessions.
    pub(crate) fn notification_read(
        &mut self,
        inbox: Inbox,
        read_up_to: Seq,
        unread: u32,
    ) -> Result<(), Undo> {
        let event = NotificationRead { read_up_to, unread };
        self.tx.append_state(inbox.member_id.into(), Audience::member(inbox.member_id), event.into())
    }

    pub(super) fn notify(&mut self, draft: Draft, cause: Option<Cause>) -> Result<(), Undo> {
        if draft.audience.is_none() {
            return Ok(());
        }
        let id = NotificationId::from_uuid(self.tx.new_uuid());
        let event = UserNotification {
            notification_id: id,
            kind: draft.kind,
            cause_type: cause.as_ref().map(|cause| cause.event_type),
            cause_id: cause.as_ref().map(|cause| cause.about),
            severity: draft.severity,
        };
        let notification = Notification {
            id,
            kind: draft.kind,
            severity: draft.severity,
            audience: draft.audience.clone(),
            cause_type: event.cause_type,
            cause_id: event.cause_id,
        };
        let appended = self.tx.append(NewEvent {
            aggregate_id: id.into(),
            version: Some(1),
            audience: draft.audience,
            causation_id: cause.map(|cause| cause.event_id),
            event: event.into(),
        })?;
        let organization = self.organization()?;
        self.tx.insert_notification(organization, &notification, appended.seq)?;
        Ok(())
    }
}
