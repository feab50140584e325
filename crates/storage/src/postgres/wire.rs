//! A conversation with the server. Statements are sent together and answered together: the server sends nothing before it has
//! run them all. A driver that wants an answer to each costs both sides more than most statements do.

use std::{future::poll_fn, io, ops::Range, pin::pin, sync::Arc, task::Poll};

use bytes::{Buf, Bytes, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::{
    backend::{DataRowBody, ErrorResponseBody, Header, Message},
    frontend,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::{
    error::{DbError, Severity, SqlState},
    types::Type,
};

use super::greeting::Stream;

/// What goes wrong on a connection.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server says so.
    Said(Said),
    /// A statement after one that went wrong was not run.
    NotRun,
    /// A value that its statement does not take.
    Value(String),
    /// It could not be encrypted.
    Tls(String),
    /// The driver could not sign in, or the server does not say why.
    SignIn(tokio_postgres::Error),
    /// The connection broke.
    Broken(io::Error),
    /// No answer.
    Silent,
}

/// What a server says that went wrong.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: SqlState,
    pub(super) message: String,
    /// The server ends the connection with it.
    pub(super) is_end: bool,
}

impl Trouble {
    /// Whether the connection is of no more use.
    pub(super) fn is_end(&self) -> bool {
        match self {
            Self::Said(said) => said.is_end,
            Self::NotRun | Self::Value(_) => false,
            Self::Tls(_) | Self::SignIn(_) | Self::Broken(_) | Self::Silent => true,
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => Self::Said(Said::greeting(said)),
            None => Self::SignIn(error),
        }
    }
}

impl Said {
    fn greeting(said: &DbError) -> Self {
        let is_end = ends(said.parsed_severity());
        Self { code: said.code().clone(), message: said.message().to_owned(), is_end }
    }

    fn read(body: &ErrorResponseBody) -> Result<Self, io::Error> {
        let (mut code, mut message, mut severity) = (SqlState::INTERNAL_ERROR, String::new(), None);
        let mut fields = body.fields();
        while let Some(field) = fields.next()? {
            let value = String::from_utf8_lossy(field.value_bytes());
            match field.type_() {
                b'C' => code = SqlState::from_code(&value),
                b'M' => message = value.into_owned(),
                b'V' => severity = Some(value.into_owned()),
                _ => {}
            }
        }
        let is_end = severity.is_none_or(|severity| severity == "FATAL" || severity == "PANIC");
        Ok(Self { code, message, is_end })
    }
}

fn unexpected() -> Trouble {
    Trouble::Broken(io::Error::new(io::ErrorKind::InvalidData, "the server says something unexpected"))
}

fn known(kind: u32) -> Type {
    Type::from_oid(kind).unwrap_or(Type::UNKNOWN)
}

fn ends(severity: Option<Severity>) -> bool {
    matches!(severity, Some(Severity::Fatal | Severity::Panic) | None)
}

/// A prepared statement: how the server knows it, and the types of its parameters and columns.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) name: String,
    pub(super) parameters: Vec<Type>,
    pub(super) columns: Vec<Type>,
}

/// A row as it came.
pub(super) struct Fields {
    statement: Arc<Prepared>,
    body: DataRowBody,
    places: Box<[Option<Range<usize>>]>,
}

/// What a statement answered.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<Fields>,
    pub(super) count: u64,
}

/// A statement and its values, encoded.
pub(super) struct Call {
    pub(super) statement: Arc<Prepared>,
    pub(super) encoded: BytesMut,
}

/// A connection that is signed in.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    inbound: BytesMut,
    outbound: BytesMut,
    /// Whether a transaction is open, by the server's last word.
    in_transaction: bool,
    /// Whether rows are being copied in.
    copies: bool,
    /// Whether the server has more to say. Whoever left before it was heard left a connection of no more use.
    is_speaking: bool,
}

const INBOUND: usize = 8 * 1024;
/// The longest that PostgreSQL makes (`MaxAllocSize`).
const MESSAGE_MAX: i32 = 0x3fff_ffff;
const IDLE: u8 = b'I';
const STATEMENT: u8 = b'S';

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            inbound: BytesMut::new(),
            outbound: BytesMut::new(),
            in_transaction: false,
            copies: false,
            is_speaking: false,
        }
    }

    /// Whether nothing is under way: no transaction, and nothing left to hear.
    pub(super) fn is_idle(&self) -> bool {
        !self.in_transaction && !self.is_speaking
    }

    /// Whether a transaction is open.
    pub(super) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Prepares statements, given by name and text.
    pub(super) async fn prepare(
        &mut self,
        statements: impl Iterator<Item = (String, String)>,
    ) -> Result<Vec<Arc<Prepared>>, Trouble> {
        let mut prepared = Vec::new();
        for (name, text) in statements {
            frontend::parse(&name, &text, [], &mut self.outbound)?;
            frontend::describe(STATEMENT, &name, &mut self.outbound)?;
            prepared.push(Prepared { name, parameters: Vec::new(), columns: Vec::new() });
        }
        frontend::sync(&mut self.outbound);
        let mut described = prepared.iter_mut();
        let mut current = None;
        self.converse(|message| {
            match message {
                Message::ParameterDescription(body) => {
                    let next = described.next().ok_or(io::ErrorKind::InvalidData)?;
                    next.parameters = body.parameters().map(|oid| Ok(known(oid))).collect()?;
                    current = Some(next);
                }
                Message::RowDescription(body) => {
                    let current = current.as_mut().ok_or(io::ErrorKind::InvalidData)?;
                    current.columns = body.fields().map(|field| Ok(known(field.type_oid()))).collect()?;
                }
                _ => {}
            }
            Ok(())
        })
        .await?;
        Ok(prepared.into_iter().map(Arc::new).collect())
    }

    /// Runs them one after the other; an answer for each. Those after one that goes wrong are not run.
    pub(super) async fn run(&mut self, calls: &[Call]) -> Vec<Result<Answer, Trouble>> {
        for call in calls {
            self.outbound.extend_from_slice(&call.encoded);
        }
        frontend::sync(&mut self.outbound);
        let mut answers: Vec<Result<Answer, Trouble>> = Vec::with_capacity(calls.len());
        let mut answer = Answer::default();
        let ended = self
            .converse(|message| {
                match message {
                    Message::DataRow(body) => {
                        let call = calls.get(answers.len()).ok_or(io::ErrorKind::InvalidData)?;
                        answer.rows.push(Fields::read(&call.statement, body)?);
                    }
                    Message::CommandComplete(body) => {
                        // `INSERT 0 1`, `UPDATE 1`, `BEGIN`
                        let count = body.tag()?.rsplit(' ').next().and_then(|count| count.parse().ok());
                        let answer = std::mem::take(&mut answer);
                        answers.push(Ok(Answer { count: count.unwrap_or(0), ..answer }));
                    }
                    Message::EmptyQueryResponse => answers.push(Ok(Answer::default())),
                    _ => {}
                }
                Ok(())
            })
            .await;
        let is_whole = answers.len() == calls.len();
        let ended = ended.and_then(|()| if is_whole { Ok(()) } else { Err(unexpected()) });
        if let Err(trouble) = ended {
            // Where all were answered, it came at the end of a transaction of their own: nothing of them is kept for sure.
            answers.truncate(calls.len().saturating_sub(1));
            answers.push(Err(trouble));
            answers.resize_with(calls.len(), || Err(Trouble::NotRun));
        }
        answers
    }

    /// Runs statements without parameters whose answers nobody needs.
    pub(super) async fn batch(&mut self, statements: &str) -> Result<(), Trouble> {
        frontend::query(statements, &mut self.outbound)?;
        self.converse(|_| Ok(())).await
    }

    /// The first column of what a statement answers, as texts; NULL is left out.
    pub(super) async fn texts(&mut self, statement: &str) -> Result<Vec<String>, Trouble> {
        frontend::query(statement, &mut self.outbound)?;
        let mut texts = Vec::new();
        self.converse(|message| {
            if let Message::DataRow(body) = message
                && let Some(Some(range)) = body.ranges().next()?
            {
                texts.push(String::from_utf8_lossy(&body.buffer()[range]).into_owned());
            }
            Ok(())
        })
        .await?;
        Ok(texts)
    }

    /// Begins to copy rows in, in the format that the statement says. Until [`copy_end`](Self::copy_end) there are only rows.
    pub(super) async fn copy_in(&mut self, statement: &str) -> Result<(), Trouble> {
        frontend::query(statement, &mut self.outbound)?;
        self.copies = true;
        let begun = self.converse(|_| Ok(())).await;
        self.copies &= begun.is_ok();
        begun
    }

    /// Sends a piece of them.
    pub(super) async fn copy_more(&mut self, piece: Bytes) -> Result<(), Trouble> {
        frontend::CopyData::new(piece)?.write(&mut self.outbound);
        while self.outbound.has_remaining() {
            self.stream.write_buf(&mut self.outbound).await?;
        }
        Ok(())
    }

    /// Ends it; how many rows were taken.
    pub(super) async fn copy_end(&mut self) -> Result<u64, Trouble> {
        frontend::copy_done(&mut self.outbound);
        self.copies = false;
        let mut count = 0;
        self.converse(|message| {
            if let Message::CommandComplete(body) = message {
                count = body.tag()?.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            }
            Ok(())
        })
        .await?;
        Ok(count)
    }

    /// Says goodbye, unless there is more to be said or heard: nobody waits for that.
    pub(super) async fn end(&mut self) {
        if self.is_speaking || self.outbound.has_remaining() {
            return;
        }
        frontend::terminate(&mut self.outbound);
        let _ = self.stream.write_all_buf(&mut self.outbound).await;
        let _ = self.stream.shutdown().await;
    }

    /// Sends what is to be sent, and hears what the server has to say until it waits for us. Its first complaint is the outcome.
    async fn converse(
        &mut self,
        mut hear: impl FnMut(Message) -> Result<(), io::Error>,
    ) -> Result<(), Trouble> {
        if std::mem::replace(&mut self.is_speaking, true) {
            return Err(unexpected());
        }
        let mut complaint = None;
        loop {
            while let Some(message) = self.heard()? {
                match message {
                    Message::ReadyForQuery(body) => {
                        self.in_transaction = body.status() != IDLE;
                        self.is_speaking = false;
                        return complaint.map_or(Ok(()), Err);
                    }
                    Message::CopyInResponse(_) if self.copies => {
                        self.is_speaking = false;
                        return Ok(());
                    }
                    Message::ErrorResponse(body) => {
                        let said = Said::read(&body)?;
                        if said.is_end {
                            return Err(Trouble::Said(said));
                        }
                        complaint.get_or_insert(Trouble::Said(said));
                    }
                    message => hear(message)?,
                }
            }
            self.exchange().await?;
        }
    }

    /// A message that is there to its end.
    fn heard(&mut self) -> Result<Option<Message>, io::Error> {
        match Header::parse(&self.inbound)? {
            Some(header) if header.len() > MESSAGE_MAX => Err(io::ErrorKind::InvalidData.into()),
            Some(_) => Message::parse(&mut self.inbound),
            None => Ok(None),
        }
    }

    /// Sends some and reads some: a server whose answers nobody reads would take nothing more in.
    async fn exchange(&mut self) -> Result<(), io::Error> {
        let Self { stream, inbound, outbound, .. } = self;
        inbound.reserve(INBOUND);
        poll_fn(|context| {
            while outbound.has_remaining() {
                match pin!(stream.write_buf(outbound)).poll(context)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(_) => {}
                    Poll::Pending => break,
                }
            }
            let _ = pin!(stream.flush()).poll(context)?;
            match pin!(stream.read_buf(inbound)).poll(context)? {
                Poll::Ready(0) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(_) => Poll::Ready(Ok(())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

impl Fields {
    fn read(statement: &Arc<Prepared>, body: DataRowBody) -> Result<Self, io::Error> {
        let places = body.ranges().collect::<Vec<_>>()?.into_boxed_slice();
        Ok(Self { statement: statement.clone(), body, places })
    }

    /// A column's type and bytes; `None` where there is no such column.
    pub(super) fn column(&self, column: usize) -> Option<(&Type, Option<&[u8]>)> {
        let kind = self.statement.columns.get(column)?;
        let place = self.places.get(column)?;
        Some((kind, place.clone().map(|place| &self.body.buffer()[place])))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    const READY: &[u8] = b"Z\0\0\0\x05I";
    const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

    fn call() -> Call {
        let statement = Prepared { name: "s0".to_owned(), parameters: Vec::new(), columns: Vec::new() };
        Call { statement: Arc::new(statement), encoded: BytesMut::new() }
    }

    /// A wire to a server that says this, whatever it is asked.
    async fn to_one_that_says(says: &[&[u8]]) -> (Wire, DuplexStream) {
        let (here, mut there) = tokio::io::duplex(1024);
        there.write_all(&says.concat()).await.expect("there is room");
        (Wire::new(Box::new(here)), there)
    }

    #[tokio::test]
    async fn a_commit_that_was_not_answered_is_not_taken_for_one() {
        let (mut wire, _server) = to_one_that_says(&[COMMITTED, READY, READY]).await;
        assert!(wire.run(&[call()]).await[0].is_ok());
        let answers = wire.run(&[call(), call()]).await;
        assert_eq!(answers.len(), 2);
        assert!(matches!(&answers[0], Err(trouble) if trouble.is_end()));
    }

    #[tokio::test]
    async fn after_an_answer_that_was_not_heard_to_its_end_nothing_is_asked_any_more() {
        let (mut wire, mut server) = to_one_that_says(&[COMMITTED]).await;
        let calls = [call()];
        {
            let mut run = pin!(wire.run(&calls));
            poll_fn(|context| Poll::Ready(run.as_mut().poll(context).is_pending())).await;
        }
        server.write_all(READY).await.expect("there is room");
        assert!(!wire.is_idle());
        assert!(matches!(&wire.run(&calls).await[0], Err(trouble) if trouble.is_end()));
    }

    #[tokio::test]
    async fn a_message_longer_than_any_is_not_waited_for() {
        let (mut wire, _server) = to_one_that_says(&[b"D\x7f\xff\xff\xff"]).await;
        assert!(matches!(wire.batch("SELECT 1").await, Err(Trouble::Broken(_))));
    }
}
