//! A connection, driven by the thread that owns it: statements go out together, answers come in order.

use std::{collections::HashMap, future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    future::{MaybeDone, maybe_done},
    pin_mut,
};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_postgres::{Client, CopyInSink, Row, SimpleQueryMessage, Statement, error::Severity};

use super::{
    address::Target,
    value::{Bound, Kept, numbered},
};
use crate::{fault::StoreFault, sql::Param};

/// A server that says nothing for so long is given up. Longer than any statement of ours may wait for a lock.
pub(super) const SILENCE: Duration = Duration::from_secs(10);
/// How long a connection may take to come about, greetings included.
const COMING: Duration = Duration::from_secs(5);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// What goes wrong on a connection.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server or the driver says so.
    Said(tokio_postgres::Error),
    /// No answer.
    Silent,
}

impl Trouble {
    /// Whether the connection is of no more use.
    pub(super) fn is_end(&self) -> bool {
        let Self::Said(error) = self else { return true };
        error.as_db_error().is_none_or(|said| {
            matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic) | None)
        })
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Said(error)
    }
}

/// What a statement answered.
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    pub(super) count: u64,
}

/// Rows on their way.
pub(super) type CopyIn = Pin<Box<CopyInSink<Bytes>>>;

/// A statement to be sent.
pub(super) struct Call {
    statement: Statement,
    values: Vec<Kept>,
}

/// A connection with its prepared statements.
pub(super) struct Link {
    runtime: Runtime,
    client: Option<Client>,
    driver: JoinHandle<()>,
    /// By the address of their text: it is static, and there are not many.
    statements: HashMap<(usize, usize), Statement>,
    target: Arc<Target>,
    /// How long an answer may take.
    pub(super) patience: Duration,
}

impl Link {
    /// Connects, makes these settings (`SET …`), and prepares these statements.
    pub(super) fn connect(
        target: &Arc<Target>,
        settings: &str,
        controls: &[&'static str],
    ) -> Result<Self, StoreFault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreFault::Database(format!("no connection can be driven: {error}")))?;
        let connecting = async {
            let (client, connection) = target.config.connect(target.connector.0.clone()).await?;
            let driver = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to the database ended");
                }
            });
            client.batch_execute(settings).await?;
            let texts: Vec<String> = controls.iter().map(|control| numbered(control)).collect();
            let prepared = in_order(texts.iter().map(|text| client.prepare(text))).await;
            Ok((client, driver, prepared.into_iter().collect::<Result<Vec<_>, _>>()?))
        };
        let connected = runtime.block_on(async { tokio::time::timeout(COMING, connecting).await });
        let (client, driver, prepared) =
            connected.unwrap_or(Err(Trouble::Silent)).map_err(|trouble: Trouble| target.fault(&trouble))?;
        let statements = controls.iter().map(|control| name(control)).zip(prepared).collect();
        Ok(Self {
            runtime,
            client: Some(client),
            driver,
            statements,
            target: target.clone(),
            patience: SILENCE,
        })
    }

    pub(super) fn fault(&self, trouble: &Trouble) -> StoreFault {
        self.target.fault(trouble)
    }

    /// Runs statements that have no parameters and whose answers nobody needs.
    pub(super) fn batch(&mut self, statements: &str) -> Result<(), Trouble> {
        let client = self.client.as_ref().expect("there until it is dropped");
        self.runtime.block_on(async {
            let ran = tokio::time::timeout(self.patience, client.batch_execute(statements)).await;
            ran.map_err(|_| Trouble::Silent)?.map_err(Trouble::from)
        })
    }

    /// The first column of what a statement answers, as texts.
    pub(super) fn texts(&mut self, statement: &str) -> Result<Vec<String>, Trouble> {
        let client = self.client.as_ref().expect("there until it is dropped");
        let answered = self.runtime.block_on(async {
            let answered = tokio::time::timeout(self.patience, client.simple_query(statement)).await;
            answered.map_err(|_| Trouble::Silent)?.map_err(Trouble::from)
        })?;
        let row = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        Ok(answered.iter().filter_map(row).collect())
    }

    /// Begins to copy rows in. Dropped before its end, it fails, and the transaction with it.
    pub(super) fn copy_in(&mut self, statement: &str) -> Result<CopyIn, Trouble> {
        let client = self.client.as_ref().expect("there until it is dropped");
        self.runtime.block_on(async {
            let begun = tokio::time::timeout(self.patience, client.copy_in(statement)).await;
            Ok(Box::pin(begun.map_err(|_| Trouble::Silent)??))
        })
    }

    /// Sends a piece of them.
    pub(super) fn copy_more(&mut self, rows: &mut CopyIn, piece: Bytes) -> Result<(), Trouble> {
        self.runtime.block_on(async {
            let sent = tokio::time::timeout(self.patience, rows.send(piece)).await;
            sent.map_err(|_| Trouble::Silent)?.map_err(Trouble::from)
        })
    }

    /// Ends it; how many rows were taken.
    pub(super) fn copy_end(&mut self, mut rows: CopyIn) -> Result<u64, Trouble> {
        self.runtime.block_on(async {
            let ended = tokio::time::timeout(self.patience, rows.as_mut().finish()).await;
            ended.map_err(|_| Trouble::Silent)?.map_err(Trouble::from)
        })
    }

    /// Runs one statement now.
    pub(super) fn ask(&mut self, text: &'static str, values: &[Param<'_>]) -> Result<Answer, Trouble> {
        let call = self.call(text, values)?;
        self.send(&[call]).pop().expect("as many answers as calls")
    }

    /// Prepares a statement to be sent.
    pub(super) fn call(&mut self, text: &'static str, values: &[Param<'_>]) -> Result<Call, Trouble> {
        let statement = self.prepare(text)?;
        Ok(Call { statement, values: values.iter().map(Kept::of).collect() })
    }

    /// Sends them all at once; an answer for each. One that fails makes those after it in its transaction fail too.
    pub(super) fn send(&mut self, calls: &[Call]) -> Vec<Result<Answer, Trouble>> {
        let client = self.client.as_ref().expect("there until it is dropped");
        self.runtime.block_on(async {
            let answers = in_order(calls.iter().map(|call| run(client, call)));
            let answers = tokio::time::timeout(self.patience, answers).await;
            match answers {
                Ok(answers) => answers.into_iter().map(|answer| answer.map_err(Trouble::from)).collect(),
                Err(_) => calls.iter().map(|_| Err(Trouble::Silent)).collect(),
            }
        })
    }

    fn prepare(&mut self, text: &'static str) -> Result<Statement, Trouble> {
        let name = name(text);
        if let Some(statement) = self.statements.get(&name) {
            return Ok(statement.clone());
        }
        let client = self.client.as_ref().expect("there until it is dropped");
        let statement = self.runtime.block_on(async {
            let text = numbered(text);
            let prepared = tokio::time::timeout(self.patience, client.prepare(&text)).await;
            prepared.map_err(|_| Trouble::Silent)?.map_err(Trouble::from)
        })?;
        self.statements.insert(name, statement.clone());
        Ok(statement)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Without its client, the driver says goodbye and ends.
        self.statements.clear();
        self.client.take();
        let driver = &mut self.driver;
        let _ = self.runtime.block_on(async { tokio::time::timeout(GOODBYE, driver).await });
    }
}

/// A static text's address: two of one address and length are one text.
fn name(text: &'static str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

async fn run(client: &Client, call: &Call) -> Result<Answer, tokio_postgres::Error> {
    let values = call.values.iter().map(|value| Bound(value.param()));
    let answers = client.query_raw(&call.statement, values).await?;
    pin_mut!(answers);
    let mut rows = Vec::new();
    while let Some(row) = answers.next().await {
        rows.push(row?);
    }
    Ok(Answer { rows, count: answers.rows_affected().unwrap_or(0) })
}

/// Polls each once, in order, which sends it; then waits for each.
async fn in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<Pin<Box<MaybeDone<F>>>> =
        futures.map(|future| Box::pin(maybe_done(future))).collect();
    poll_fn(|context| {
        for future in &mut futures {
            let _ = future.as_mut().poll(context);
        }
        Poll::Ready(())
    })
    .await;
    let mut outputs = Vec::with_capacity(futures.len());
    for future in &mut futures {
        future.as_mut().await;
        outputs.push(future.as_mut().take_output().expect("just awaited"));
    }
    outputs
}
