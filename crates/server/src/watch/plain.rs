//! The dashboard where nothing can be drawn, such as a terminal that cannot place text, or a file: the figures once, then what
//! happens, a line each.

use futures_util::StreamExt;
use unionflow_client::{ClientError, ConnectionStatus, ErrorKind, Message};
use unionflow_protocol::{Position, event::Event};

use super::{
    Told, Viewer, json,
    known::{LookedUp, look_up},
    text,
};
use crate::out;

/// Writes until the connection ends for good; why it did.
pub(crate) async fn follow(viewer: &Viewer) -> ClientError {
    let client = viewer.realtime();
    // Listens before it fetches: nothing is missed between the two.
    let (mut events, mut statuses) = (client.events(), client.statuses());
    client.connect().await;
    let snapshot = match viewer.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(error) => return error,
    };
    out::write(format_args!("{}\n\n", viewer.told(&snapshot)));
    let complete = snapshot.stats.as_of.as_of_seq;
    let mut known = LookedUp::default();
    known.learn_requests(&snapshot.approvals.items);
    loop {
        tokio::select! {
            biased;
            message = events.recv() => match message {
                Some(Message::Event(told)) => {
                    if !matches!(told.head.position, Position::Fact(seq) if seq <= complete) {
                        write(viewer, &told, &mut known).await;
                    }
                }
                Some(Message::RightsChanged(changed)) if !changed.forget.is_nothing() => known = LookedUp::default(),
                Some(Message::ResyncRequired(_) | Message::FellBehind { .. }) => {
                    if let Ok(snapshot) = viewer.snapshot().await {
                        out::write(format_args!("{}\n\n", viewer.told(&snapshot)));
                    }
                }
                Some(Message::Problem(error)) => out::complain(format_args!("{}\n", error.text(viewer.language))),
                Some(_) => {}
                None => return ErrorKind::Closed.into(),
            },
            Some(status) = statuses.next() => {
                if let ConnectionStatus::Stopped { reason } = status {
                    return reason;
                }
                if let Some(text) = json::remark(&status, viewer.language) {
                    out::complain(format_args!("{text}\n"));
                }
            }
        }
    }
}

async fn write(viewer: &Viewer, told: &Told, known: &mut LookedUp) {
    let event = Event::from(told.event.clone());
    let wanted = known.wanted_by(told, &event);
    if !wanted.is_empty() {
        known.learn(look_up(&viewer.rest, viewer.organization_id, wanted).await);
    }
    let who = text::who(told, known).map(|who| format!(" — {who}"));
    let line = text::event(told, &event, viewer.language, known);
    out::write(format_args!("{line}{}\n", who.unwrap_or_default()));
}
