//! Reads frames with the library's parser, which is given bytes and gives bytes: no I/O of its own.

use std::{cell::RefCell, io::ErrorKind, sync::atomic::Ordering};

use tokio::net::TcpStream;
use tungstenite::{
    Message,
    error::{CapacityError, Error as WsError, ProtocolError},
    protocol::{Role, WebSocketConfig, WebSocketContext},
};
use unionflow_protocol::{Seq, close::CloseCode, limits};

use super::{Connection, State, count_close};
use crate::{frame::Frame, session::Now, transport::Transport};

/// The frames of one client.
pub(crate) struct FrameReader {
    context: WebSocketContext,
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
        Self { context: WebSocketContext::new(Role::Server, Some(config)) }
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
            connection.drain(state);
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
