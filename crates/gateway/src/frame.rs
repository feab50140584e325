//! Frames, made once and shared by every socket that they go to.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{CloseCode as WireCloseCode, Control, Data, OpCode},
};
use unionflow_protocol::{Audience, close::CloseCode};

/// A frame as it is written to the socket: header and payload.
pub(crate) type SharedFrame = Arc<Frame>;

/// See [`SharedFrame`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    bytes: Bytes,
    payload_at: usize,
    /// Set for states: a newer one of the same key replaces it in a slow client's queue.
    pub state: Option<StateKey>,
}

/// What a newer state replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateKey {
    /// Its type.
    pub event_type: Cow<'static, str>,
    /// Whom it is for: the view, or the member.
    pub audience: Audience,
}

/// The longest header of a frame that is not masked.
const HEADER_BYTES: usize = 10;

impl Frame {
    /// A text frame. Frames from a server are not masked, so the same bytes fit every socket.
    pub(crate) fn text(payload: &[u8], state: Option<StateKey>) -> SharedFrame {
        Arc::new(Self::new(OpCode::Data(Data::Text), payload, state))
    }

    /// A close frame.
    pub(crate) fn close(code: CloseCode) -> SharedFrame {
        let number: u16 = WireCloseCode::from(code.number()).into();
        let mut payload = number.to_be_bytes().to_vec();
        payload.extend(code.reason().as_bytes());
        Arc::new(Self::new(OpCode::Control(Control::Close), &payload, None))
    }

    /// Bytes that are framed already: a pong, an echoed close.
    pub(crate) fn raw(bytes: Vec<u8>) -> SharedFrame {
        Arc::new(Self { payload_at: 0, bytes: bytes.into(), state: None })
    }

    fn new(opcode: OpCode, payload: &[u8], state: Option<StateKey>) -> Self {
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        let mut bytes = Vec::with_capacity(payload.len() + HEADER_BYTES);
        header.format(payload.len() as u64, &mut bytes).expect("a Vec takes every byte");
        let payload_at = bytes.len();
        bytes.extend_from_slice(payload);
        Self { bytes: bytes.into(), payload_at, state }
    }

    /// Everything to be written.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload alone.
    #[cfg(test)]
    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[self.payload_at..]
    }
}
