//! One event a line, as JSON, for scripts: the envelope as the server wrote it. What a script must know beside events has the
//! same shape as the server's control frames; what only a person may want to know goes to standard error.

use futures_util::StreamExt;
use serde_json::{Value, json};
use unionflow_client::{ClientError, ConnectionStatus, Message, ResyncCause};
use unionflow_protocol::Language;

use super::Viewer;
use crate::out;

/// Writes until the connection ends for good; why it did.
pub(crate) async fn follow(viewer: &Viewer) -> ClientError {
    let client = viewer.realtime();
    let (mut events, mut statuses) = (client.events(), client.statuses());
    client.connect().await;
    loop {
        // In this order, so that what was told before the end is written before it.
        tokio::select! {
            biased;
            message = events.recv() => match message {
                Some(message) => {
                    if let Message::Problem(error) = &message {
                        out::complain(format_args!("{}\n", error.text(viewer.language)));
                    }
                    if let Some(line) = line(&message) {
                        out::write(format_args!("{line}\n"));
                    }
                }
                None => return unionflow_client::ErrorKind::Closed.into(),
            },
            Some(status) = statuses.next() => {
                if let ConnectionStatus::Stopped { reason } = status {
                    return reason;
                }
                if let Some(text) = remark(&status, viewer.language) {
                    out::complain(format_args!("{text}\n"));
                }
            }
        }
    }
}

/// How the connection stands, where that is worth a line.
pub(super) fn remark(status: &ConnectionStatus, language: Language) -> Option<String> {
    match status {
        ConnectionStatus::Waiting { reason, .. } => {
            Some(format!("{} {}", reason.text(language), status.text(language)))
        }
        ConnectionStatus::Live => Some(status.text(language)),
        ConnectionStatus::Disconnected
        | ConnectionStatus::Connecting { .. }
        | ConnectionStatus::CatchingUp
        | ConnectionStatus::Resyncing
        | ConnectionStatus::Stopped { .. } => None,
    }
}

/// What a script is told.
fn line(message: &Message) -> Option<String> {
    let control =
        |event_type: &str, data: Value| Some(json!({"eventType": event_type, "data": data}).to_string());
    match message {
        Message::Event(delivery) => {
            let bytes = unionflow_client::Delivery::clone(delivery).into_envelope().encode();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Message::RightsChanged(changed) => {
            control("SYSTEM_RIGHTS_CHANGED", json!({"roles": changed.roles, "seq": changed.seq}))
        }
        Message::ResyncRequired(resync) => {
            let reason = match resync.cause {
                ResyncCause::Server(reason) => reason.as_str(),
                ResyncCause::OtherMember => "OTHER_MEMBER",
                ResyncCause::HeldTooMuch => "HELD_TOO_MUCH",
            };
            let data = json!({"headSeq": resync.head_seq, "epoch": resync.epoch, "reason": reason});
            control("SYSTEM_RESYNC_REQUIRED", data)
        }
        Message::FellBehind { missed } => control("SYSTEM_FELL_BEHIND", json!({"missed": missed})),
        Message::Joined(_) | Message::Resynced { .. } | Message::CaughtUp { .. } | Message::Problem(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use unionflow_client::Delivery;

    use super::*;

    #[test]
    fn an_event_is_written_as_the_server_wrote_it_and_what_was_missed_is_said() {
        let vectors = include_str!("../../../protocol/vectors/events.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        for vector in vectors["events"].as_array().unwrap() {
            let bytes = vector["bytes"].as_str().unwrap();
            let delivery = Delivery::decode(bytes.as_bytes()).unwrap();
            assert_eq!(line(&Message::Event(Arc::new(delivery))).as_deref(), Some(bytes));
        }
        let behind = line(&Message::FellBehind { missed: 7 }).unwrap();
        assert_eq!(behind, r#"{"data":{"missed":7},"eventType":"SYSTEM_FELL_BEHIND"}"#);
    }
}
