//! The inbox: reading it, marking it read, writing to everyone.

use unionflow_domain::{Refusal, hint::Hint, member::Member, permissions::Action, text::words};
use unionflow_protocol::{
    Audience, Seq,
    id::{NotificationId, OrganizationId, PersonId},
    limits,
    notification::{NotificationKind, Severity},
    problem::FieldCode,
    rest::notification::{Announced, Broadcast, Inbox, Notification, ReadMark, ReadNotifications},
};
use unionflow_storage::{
    Reader, Tx, Undo,
    tables::{
        self,
        text::{Text, TextKind},
    },
};

use crate::{Call, Publish, membership};

/// `GET /notifications`: newest first.
pub fn inbox(
    reader: &mut Reader<'_>,
    person: PersonId,
    organization: OrganizationId,
    before: Option<Seq>,
    limit: usize,
) -> Result<Inbox, Undo> {
    let member = membership::belonging(reader, person, organization)?;
    let inbox = of(&member);
    let (read_up_to, unread) = reader.load_read_mark(inbox)?;
    let mut received = reader.load_inbox(inbox, before, limit + 1)?;
    let more = received.len() > limit;
    received.truncate(limit);
    let next_cursor = received.last().filter(|_| more).map(|notification| notification.seq.to_string());
    let mut items = Vec::with_capacity(received.len());
    for notification in received {
        let message = match notification.kind {
            NotificationKind::Announcement => {
                reader.load_text(notification.id.into(), TextKind::Message, 0)?
            }
            _ => None,
        };
        items.push(Notification {
            id: notification.id,
            seq: notification.seq,
            at: notification.at,
            kind: notification.kind,
            severity: notification.severity,
            cause_type: notification.cause_type,
            cause_id: notification.cause_id,
            message,
            read: notification.seq <= read_up_to,
        });
    }
    Ok(Inbox { items, next_cursor, read_up_to, unread, as_of: reader.as_of(organization)? })
}

/// `POST /notifications/read`: everything up to a `seq` is read, on all of the member's devices.
pub fn read(tx: &mut Tx<'_>, call: &Call, read: ReadNotifications) -> Result<ReadMark, Undo> {
    let member = membership::acting(tx, call)?;
    let head = tx.head()?;
    if read.up_to > head {
        return Err(Refusal::field("/upTo", FieldCode::TooLarge, Hint::UpTo(head.0)).into());
    }
    let inbox = of(&member);
    tx.save_read_mark(inbox, read.up_to)?;
    let (read_up_to, unread) = tx.load_read_mark(inbox)?;
    tx.publish().notification_read(inbox, read_up_to, unread)?;
    Ok(ReadMark { read_up_to, unread, as_of: tx.as_of_here()? })
}

/// `POST /notifications/broadcast`: words of an officer, to everyone or to some roles.
pub fn broadcast(tx: &mut Tx<'_>, call: &Call, broadcast: &Broadcast) -> Result<Announced, Undo> {
    let member = membership::acting_with(tx, call, Action::Broadcast)?;
    let body = words("/message", &broadcast.message, limits::BROADCAST_CHARS)?;
    let audience = match broadcast.roles {
        None => Audience::everyone(),
        Some(roles) if !roles.is_empty() => Audience::roles(roles),
        Some(_) => return Err(Refusal::field("/roles", FieldCode::TooSmall, Hint::Required).into()),
    };
    let severity = broadcast.severity.unwrap_or(Severity::Info);
    let id = NotificationId::from_uuid(tx.new_uuid());
    let salt = tx.new_salt();
    let text = Text {
        owner_id: id.into(),
        kind: TextKind::Message,
        n: 0,
        author_id: Some(member.id),
        salt,
        body: body.clone(),
    };
    tx.save_text(member.organization_id, &text)?;
    let seq = tx.publish().broadcast_notification(id, audience, severity)?;
    let notification = Notification {
        id,
        seq,
        at: tx.now(),
        kind: NotificationKind::Announcement,
        severity,
        cause_type: None,
        cause_id: None,
        message: Some(body),
        read: false,
    };
    Ok(Announced { notification, as_of: tx.as_of_here()? })
}

fn of(member: &Member) -> tables::notification::Inbox {
    tables::notification::Inbox {
        organization_id: member.organization_id,
        member_id: member.id,
        roles: member.effective_roles(),
    }
}
