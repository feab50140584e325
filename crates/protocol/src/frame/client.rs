//! What a client says.

use std::fmt;

use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;

use crate::{
    id::{Epoch, OrganizationId},
    problem::ErrorCode,
    seq::Seq,
};

/// A frame from a client: JSON with a `type`, or the bare text `ping`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum ClientFrame {
    /// I am here. Answered by `SYSTEM_PONG`.
    Ping,
    /// I have everything up to here, kept on disk.
    Ack {
        /// The newest event kept.
        seq: Seq,
    },
    /// A new access token of the same person, before the old one ends.
    Authenticate {
        /// The token.
        token: Token,
    },
    /// Follow another organisation from here on.
    Switch {
        /// Which.
        organization_id: OrganizationId,
        /// Resume after this place; left out = live from now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Seq>,
        /// The epoch of `after`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
    },
}

/// An access token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A frame that could not be read: what `SYSTEM_ERROR` says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFrame {
    /// The stable code.
    pub code: ErrorCode,
    /// What is wrong, in English, for developers.
    pub detail: String,
}

impl ClientFrame {
    /// Reads one text frame. Unknown keys are tolerated; unknown types and wrong shapes are not.
    pub fn parse(text: &str) -> Result<Self, BadFrame> {
        if text == "ping" {
            return Ok(Self::Ping);
        }
        if text.trim_start().starts_with('[') {
            // Serde would read `["ack",5]` as a frame; a client that writes that is wrong.
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| BadFrame::of(text, &error))?;
            return Err(BadFrame { code: ErrorCode::InvalidFrame, detail: NO_FRAME.to_owned() });
        }
        serde_json::from_str(text).map_err(|error| BadFrame::of(text, &error))
    }
}

impl BadFrame {
    fn of(text: &str, error: &serde_json::Error) -> Self {
        if error.is_data() {
            Self { code: ErrorCode::InvalidFrame, detail: without_input(text) }
        } else {
            let detail = format!("not JSON at column {}", error.column());
            Self { code: ErrorCode::InvalidJson, detail }
        }
    }
}

const NO_FRAME: &str = "a frame is a JSON object with a `type`";

/// A field of a frame: its name, what it must be, whether a value is that, and whether it may be left out.
type Field = (&'static str, &'static str, fn(&Value) -> bool, bool);

/// What is wrong, without any value from the frame in it: a frame may hold a token.
fn without_input(text: &str) -> String {
    let Ok(Value::Object(frame)) = serde_json::from_str(text) else { return NO_FRAME.to_owned() };
    let Some(kind) = frame.get("type") else { return NO_FRAME.to_owned() };
    let seq = |name, optional| -> Field { (name, "a whole number, in digits", is::<Seq>, optional) };
    let fields: &[Field] = match kind.as_str() {
        Some("ping") => &[],
        Some("ack") => &[seq("seq", false)],
        Some("authenticate") => &[("token", "a text", is::<Token>, false)],
        Some("switch") => &[
            ("organizationId", "a UUID", is::<OrganizationId>, false),
            seq("after", true),
            ("epoch", "a UUID", is::<Epoch>, true),
        ],
        _ => return "`type` must be ping, ack, authenticate or switch".to_owned(),
    };
    for (name, expected, fits, optional) in fields {
        match frame.get(*name) {
            None if *optional => {}
            None => return format!("`{name}` is missing: {expected}"),
            Some(Value::Null) if *optional => {}
            Some(value) if fits(value) => {}
            Some(_) => return format!("`{name}` must be {expected}"),
        }
    }
    "a field appears more than once".to_owned()
}

fn is<T: DeserializeOwned>(value: &Value) -> bool {
    T::deserialize(value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_ping_is_one() {
        assert_eq!(ClientFrame::parse("ping"), Ok(ClientFrame::Ping));
        assert_eq!(ClientFrame::parse(r#"{"type":"ping","n":1}"#), Ok(ClientFrame::Ping));
    }

    #[test]
    fn a_bad_frame_says_what_is_wrong_and_never_repeats_the_token() {
        let types = "`type` must be ping, ack, authenticate or switch";
        let seq = "`seq` must be a whole number, in digits";
        let cases = [
            ("", "not JSON at column 0"),
            ("{", "not JSON at column 1"),
            ("[", "not JSON at column 1"),
            ("[]", NO_FRAME),
            (r#"["ping"]"#, NO_FRAME),
            (r#" ["ack",5]"#, NO_FRAME),
            ("null", NO_FRAME),
            ("{}", NO_FRAME),
            (r#"{"type":"s3cret"}"#, types),
            (r#"{"type":5}"#, types),
            (r#"{"type":"Ping"}"#, types),
            (r#"{"type":"ack"}"#, "`seq` is missing: a whole number, in digits"),
            (r#"{"type":"ack","seq":-1}"#, seq),
            (r#"{"type":"ack","seq":"s3cret"}"#, seq),
            (r#"{"type":"ack","seq":null}"#, seq),
            (r#"{"type":"ack","seq":1,"seq":2}"#, "a field appears more than once"),
            (r#"{"type":"switch","organizationId":"s3cret"}"#, "`organizationId` must be a UUID"),
            (
                r#"{"type":"switch","organizationId":"0199c500-0000-7000-8000-000000000a01","after":"s3cret"}"#,
                "`after` must be a whole number, in digits",
            ),
            (r#"{"type":"authenticate"}"#, "`token` is missing: a text"),
            (r#"{"type":"authenticate","token":["s3cret"]}"#, "`token` must be a text"),
        ];
        for (text, detail) in cases {
            let json = !detail.starts_with("not JSON");
            let code = if json { ErrorCode::InvalidFrame } else { ErrorCode::InvalidJson };
            let bad = ClientFrame::parse(text).unwrap_err();
            assert_eq!(bad, BadFrame { code, detail: detail.to_owned() }, "{text}");
        }
        assert!(
            !format!("{:?}", ClientFrame::Authenticate { token: Token("s3cret".into()) }).contains("s3cret")
        );
    }
}
