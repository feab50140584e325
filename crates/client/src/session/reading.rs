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
