//! Reads frames with the library's parser, which is given bytes and gives bytes: no I/O of its own.

use std::{
    cell::RefCell,
    io::{Cursor, ErrorKind},
    sync::atomic::Ordering,
};

use tokio::net::TcpStream;
use tungstenite::{
    Message,
    error::{CapacityError, Error as WsError, ProtocolError},
    protocol::{Role, WebSocketConfig, WebSocketContext, frame::FrameHeader},
};
use unionflow_protocol::{Seq, close::CloseCode, limits};

use super::{Connection, State, count_close};
use crate::{frame::Frame, session::Now, transport::Transport};

/// The frames of one client.
pub(crate) struct FrameReader {
    context: WebSocketContext,
    fragments: Fragments,
}

/// The peer is gone.
pub(super) struct Gone;

/// Bytes read from sockets by this thread: nothing is kept in it between two reads.
const READ_AT_ONCE: usize = 16 * 1024;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_AT_ONCE]);
}

impl FrameReader {
    pub(crate) fn new() -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(256)
            .write_buffer_size(0)
            .max_message_size(Some(limits::CLIENT_FRAME_BYTES))
            .max_frame_size(Some(limits::CLIENT_FRAME_BYTES));
        Self { context: WebSocketContext::new(Role::Server, Some(config)), fragments: Fragments::default() }
    }

    /// Reads what the socket has.
    pub(super) fn read(
        &mut self,
        connection: &Connection<TcpStream>,
        now: impl FnOnce() -> Now,
    ) -> Result<(), Gone> {
        READ.with_borrow_mut(|buffer| match connection.stream.try_read(buffer) {
            Ok(0) => Err(Gone),
            Ok(count) => {
                self.take(connection, now(), &buffer[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Gone),
        })
    }

    /// Takes what the client sent, in parts of any size.
    pub(crate) fn take<T: Transport>(&mut self, connection: &Connection<T>, now: Now, bytes: &[u8]) {
        let mut wire = Wire { input: bytes, output: Vec::new() };
        let state = &mut *connection.state.lock();
        // The parser keeps to itself what is no message yet; a client must not send that without end either.
        for _ in 0..self.fragments.count(bytes) {
            state.session.handle_fragment(now);
        }
        connection.carry_out(state);
        loop {
            if let Some(passed) = &state.passed {
                state.session.passed(Seq(passed.load(Ordering::Acquire)));
            }
            match self.context.read(&mut wire) {
                Ok(Message::Text(text)) => state.session.handle_text(now, &text),
                // A pong that nobody asked for is counted like any frame.
                Ok(Message::Ping(_) | Message::Pong(_)) => state.session.handle_ping(now),
                Ok(Message::Frame(_)) => {}
                Ok(Message::Binary(_)) => return end(connection, state, CloseCode::Unsupported),
                Ok(Message::Close(_)) => {}
                Err(WsError::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Err(WsError::ConnectionClosed | WsError::AlreadyClosed) => {
                    // The echo of the peer's close is in `output`: the last thing sent.
                    state.session.handle_gone();
                    let echo = std::mem::take(&mut wire.output);
                    state.outbound.end_with(Frame::raw(echo));
                    state.outbound.flush(&connection.stream);
                    return;
                }
                Err(error) => return end(connection, state, close_code(&error)),
            }
            connection.carry_out(state);
        }
        if !wire.output.is_empty() {
            // Pongs, which answer pings of the WebSocket's own.
            state.send(&connection.stream, Frame::raw(wire.output), &connection.wake);
        }
    }
}

fn end<T: Transport>(connection: &Connection<T>, state: &mut State, code: CloseCode) {
    count_close(code);
    state.session.handle_gone();
    state.outbound.close(code);
    state.outbound.flush(&connection.stream);
}

fn close_code(error: &WsError) -> CloseCode {
    match error {
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => CloseCode::TooBig,
        WsError::Utf8(_) => CloseCode::NotUtf8,
        WsError::Protocol(ProtocolError::InvalidCloseSequence) => CloseCode::Normal,
        _ => CloseCode::Protocol,
    }
}

/// Follows the frames on the wire, to count those that are only a part of a message, however little is in them.
#[derive(Default)]
struct Fragments {
    /// A header that has not come in whole.
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    payload_left: u64,
}

/// The longest header of a frame: two bytes, eight of length, four of the mask.
const HEADER_BYTES: usize = 14;

impl Fragments {
    /// How many begin in these bytes.
    fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut count = 0;
        while let Some((byte, rest)) = bytes.split_first() {
            if self.payload_left > 0 {
                let skipped = bytes.len().min(usize::try_from(self.payload_left).unwrap_or(usize::MAX));
                self.payload_left -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            self.header[self.header_bytes] = *byte;
            self.header_bytes += 1;
            bytes = rest;
            match FrameHeader::parse(&mut Cursor::new(&self.header[..self.header_bytes])) {
                Ok(None) => continue,
                Ok(Some((header, length))) => {
                    self.payload_left = length;
                    count += usize::from(!header.is_final);
                }
                // The parser says the same, and the socket is closed for it.
                Err(_) => {}
            }
            self.header_bytes = 0;
        }
        count
    }
}

/// The parser's two ends.
struct Wire<'a> {
    input: &'a [u8],
    output: Vec<u8>,
}

impl std::io::Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.input.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        std::io::Read::read(&mut self.input, buffer)
    }
}

impl std::io::Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
