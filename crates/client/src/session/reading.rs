//! What a frame of the server is.

use std::borrow::Cow;

use serde::Deserialize;
use unionflow_protocol::{
    frame::{Control, ControlFrame},
    id::OrganizationId,
};

use crate::event::Delivery;

#[expect(clippy::large_enum_variant, reason = "read and taken apart at once: a box would cost more")]
pub(super) enum Read {
    Event(Delivery),
    Control(Control, Option<OrganizationId>),
    /// About the session, of a kind that this version does not know.
    UnknownControl,
    /// About the session, of a kind that must be understood, in another shape.
    UnreadableControl(String),
    /// JSON of some other kind.
    Unknown(String),
    NotJson(String),
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "eventType", borrow)]
    event_type: Cow<'a, str>,
}

/// Kinds without which a session cannot be followed.
const NEEDED: [&str; 4] =
    ["SYSTEM_WELCOME", "SYSTEM_CAUGHT_UP", "SYSTEM_RESYNC_REQUIRED", "SYSTEM_RIGHTS_CHANGED"];

/// Events are nearly everything that comes, so a frame is first read as one.
pub(super) fn read(bytes: &[u8]) -> Read {
    let not_an_event = match Delivery::decode(bytes) {
        Ok(delivery) => return Read::Event(delivery),
        Err(error) => error,
    };
    if let Some(frame) = ControlFrame::decode(bytes) {
        return Read::Control(frame.control, frame.organization_id);
    }
    match serde_json::from_slice::<Kind<'_>>(bytes) {
        Ok(kind) if NEEDED.contains(&&*kind.event_type) => {
            Read::UnreadableControl(format!("a {} of another shape", kind.event_type))
        }
        Ok(kind) if kind.event_type.starts_with("SYSTEM_") => Read::UnknownControl,
        Ok(_) => Read::Unknown(not_an_event.to_string()),
        Err(error) if error.is_data() => Read::Unknown("no event type".to_owned()),
        Err(error) => Read::NotJson(format!("not JSON at column {}", error.column())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::event::RealtimeEvent;

    fn vectors(text: &str, list: &str) -> Vec<(String, Value)> {
        let vectors: Value = serde_json::from_str(text).unwrap();
        let of = |vector: &Value| (vector["bytes"].as_str().unwrap().to_owned(), vector.clone());
        vectors[list].as_array().unwrap().iter().map(of).collect()
    }

    #[test]
    fn what_later_versions_may_add_is_read_and_what_is_no_envelope_is_none() {
        let text = include_str!("../../../protocol/vectors/tolerance.json");
        for (bytes, vector) in vectors(text, "read") {
            let Read::Event(delivery) = read(bytes.as_bytes()) else { panic!("{vector}") };
            let known = !matches!(delivery.event, RealtimeEvent::Generic(_));
            assert_eq!(known, vector["known"] == true, "{vector}");
        }
        for (bytes, vector) in vectors(text, "refused") {
            assert!(matches!(read(bytes.as_bytes()), Read::Unknown(_) | Read::NotJson(_)), "{vector}");
        }
    }

    #[test]
    fn every_control_frame_is_read_and_an_unknown_one_passed_over() {
        for (bytes, vector) in vectors(include_str!("../../../protocol/vectors/control.json"), "frames") {
            let known = ControlFrame::decode(bytes.as_bytes()).is_some();
            match read(bytes.as_bytes()) {
                Read::Control(..) => assert!(known, "{vector}"),
                Read::UnknownControl => assert!(!known, "{vector}"),
                _ => panic!("{vector}"),
            }
        }
    }
}
