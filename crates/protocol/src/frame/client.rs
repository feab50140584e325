//! What a client says.

use std::fmt;

use serde::{Deserialize, Serialize, de::IgnoredAny};

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
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| BadFrame::of(&error))?;
            return Err(BadFrame { code: ErrorCode::InvalidFrame, detail: "invalid type".to_owned() });
        }
        serde_json::from_str(text).map_err(|error| BadFrame::of(&error))
    }
}

impl BadFrame {
    fn of(error: &serde_json::Error) -> Self {
        let is_json = error.is_data();
        let code = if is_json { ErrorCode::InvalidFrame } else { ErrorCode::InvalidJson };
        Self { code, detail: without_input(error) }
    }
}

/// The reason without any value from the frame in it: a frame may hold a token.
fn without_input(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let known = ["missing field", "unknown variant", "invalid type", "invalid value"];
            let what = known.iter().find(|what| text.starts_with(**what)).unwrap_or(&"invalid value");
            let field =
                text.strip_prefix("missing field ").and_then(|rest| rest.split(" at ").next()).unwrap_or("");
            format!("{what} {field}").trim_end().to_owned()
        }
        _ => format!("not JSON at column {}", error.column()),
    }
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
        let cases = [
            ("", ErrorCode::InvalidJson),
            ("{", ErrorCode::InvalidJson),
            ("[]", ErrorCode::InvalidFrame),
            ("[", ErrorCode::InvalidJson),
            (r#"["ping"]"#, ErrorCode::InvalidFrame),
            (r#" ["ack",5]"#, ErrorCode::InvalidFrame),
            (r#"{"type":"shout"}"#, ErrorCode::InvalidFrame),
            (r#"{"type":"ack"}"#, ErrorCode::InvalidFrame),
            (r#"{"type":"ack","seq":-1}"#, ErrorCode::InvalidFrame),
            (r#"{"type":"ack","seq":"5"}"#, ErrorCode::InvalidFrame),
            (r#"{"type":"switch","organizationId":"s3cret"}"#, ErrorCode::InvalidFrame),
            (r#"{"type":"authenticate","token":["s3cret"]}"#, ErrorCode::InvalidFrame),
        ];
        for (text, code) in cases {
            let bad = ClientFrame::parse(text).unwrap_err();
            assert_eq!(bad.code, code, "{text}");
            assert!(!bad.detail.contains("s3cret"), "{}", bad.detail);
        }
        assert!(ClientFrame::parse(r#"{"type":"ack"}"#).unwrap_err().detail.contains("seq"));
        assert!(
            !format!("{:?}", ClientFrame::Authenticate { token: Token("s3cret".into()) }).contains("s3cret")
        );
    }
}
