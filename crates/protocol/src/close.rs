//! Close codes: they tell the client what to do next.

/// Why the server closes a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The client closed first, or said good-bye.
    Normal = 1000,
    /// The peer broke the WebSocket protocol.
    Protocol = 1002,
    /// A frame that is not text.
    Unsupported = 1003,
    /// Text that is not UTF-8.
    NotUtf8 = 1007,
    /// A frame over [`limits::CLIENT_FRAME_BYTES`](crate::limits::CLIENT_FRAME_BYTES).
    TooBig = 1009,
    /// The server is restarting: come back after the delay of `SYSTEM_GO_AWAY`.
    Restarting = 1012,
    /// The server is overloaded or cannot read its store, or the client said too much: come back later.
    TryLater = 1013,
    /// Nothing was heard for [`limits::SILENCE`](crate::limits::SILENCE).
    Silent = 4001,
    /// The client read too slowly: its queue was freed. Come back at once and resume.
    SlowConsumer = 4100,
    /// The gate that held live events during a replay was full. Come back at once and resume.
    GateOverflow = 4101,
    /// The access token ended and no new one was sent.
    TokenEnded = 4200,
    /// The account was disabled, or its sessions were ended.
    SessionsEnded = 4201,
    /// A `switch` that was refused.
    SwitchRefused = 4300,
    /// A request that will never work.
    BadRequest = 4301,
    /// The membership ended or was suspended.
    MembershipEnded = 4302,
}

/// What a client does after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterClose {
    /// Reconnect with backoff and resume.
    ReconnectLater,
    /// Reconnect at once and resume.
    ReconnectNow,
    /// Get a new token, then reconnect.
    Authenticate,
    /// Stop: reconnecting would be refused again.
    Stop,
}

impl CloseCode {
    /// Every code the server sends.
    pub const ALL: &'static [Self] = &[
        Self::Normal,
        Self::Protocol,
        Self::Unsupported,
        Self::NotUtf8,
        Self::TooBig,
        Self::Restarting,
        Self::TryLater,
        Self::Silent,
        Self::SlowConsumer,
        Self::GateOverflow,
        Self::TokenEnded,
        Self::SessionsEnded,
        Self::SwitchRefused,
        Self::BadRequest,
        Self::MembershipEnded,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The short reason sent beside the number; a code of its own, not a sentence.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Protocol => "protocol error",
            Self::Unsupported => "text frames only",
            Self::NotUtf8 => "not utf-8",
            Self::TooBig => "frame too big",
            Self::Restarting => "restarting",
            Self::TryLater => "try later",
            Self::Silent => "silent",
            Self::SlowConsumer => "slow consumer",
            Self::GateOverflow => "gate overflow",
            Self::TokenEnded => "token ended",
            Self::SessionsEnded => "sessions ended",
            Self::SwitchRefused => "switch refused",
            Self::BadRequest => "bad request",
            Self::MembershipEnded => "membership ended",
        }
    }
}

/// What any close code asks of a client, also one that this version does not know.
pub const fn after_close(code: u16) -> AfterClose {
    match code {
        4100..=4199 => AfterClose::ReconnectNow,
        4200..=4299 => AfterClose::Authenticate,
        4300..=4399 | 1002 | 1003 | 1007 | 1009 => AfterClose::Stop,
        _ => AfterClose::ReconnectLater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_code_says_what_to_do() {
        for code in CloseCode::ALL {
            let expected = match code {
                CloseCode::Normal | CloseCode::Restarting | CloseCode::TryLater | CloseCode::Silent => {
                    AfterClose::ReconnectLater
                }
                CloseCode::SlowConsumer | CloseCode::GateOverflow => AfterClose::ReconnectNow,
                CloseCode::TokenEnded | CloseCode::SessionsEnded => AfterClose::Authenticate,
                CloseCode::Protocol
                | CloseCode::Unsupported
                | CloseCode::NotUtf8
                | CloseCode::TooBig
                | CloseCode::SwitchRefused
                | CloseCode::BadRequest
                | CloseCode::MembershipEnded => AfterClose::Stop,
            };
            assert_eq!(after_close(code.number()), expected, "{code:?}");
        }
        assert_eq!(after_close(1006), AfterClose::ReconnectLater);
        assert_eq!(after_close(4050), AfterClose::ReconnectLater);
    }
}
