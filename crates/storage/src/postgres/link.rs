//! A connection, driven by the thread that owns it, with the statements that it has prepared.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use postgres_protocol::message::frontend::{self, BindError};
use tokio::{runtime::Runtime, time::timeout};

pub(super) use super::wire::{Answer, Call, Trouble};
use super::{
    address::Target,
    greeting::greet,
    value::{encode, numbered},
    wire::{Prepared, Wire},
};
use crate::{fault::StoreFault, sql::Param};

/// A server that says nothing for so long is given up. Longer than any statement of ours may wait for a lock.
pub(super) const SILENCE: Duration = Duration::from_secs(10);
/// How long a connection may take to come about, greetings included.
const COMING: Duration = Duration::from_secs(5);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// Values go and come in the server's binary form.
const BINARY: i16 = 1;

/// A connection with its prepared statements.
pub(super) struct Link {
    runtime: Runtime,
    wire: Wire,
    /// By the address of their text: it is static, and there are not many.
    statements: HashMap<(usize, usize), Arc<Prepared>>,
    target: Arc<Target>,
    /// How many statements were named so far.
    named: usize,
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
            let mut wire = greet(target).await?;
            if !settings.is_empty() {
                wire.batch(settings).await?;
            }
            let texts = (0..).zip(controls).map(|(n, control)| (known_as(n), numbered(control)));
            let prepared = wire.prepare(texts).await?;
            Ok((wire, controls.iter().map(|control| address(control)).zip(prepared).collect()))
        };
        let connected = within(&runtime, COMING, connecting);
        let (wire, statements) = connected.map_err(|trouble| target.fault(&trouble))?;
        Ok(Self {
            runtime,
            wire,
            statements,
            target: target.clone(),
            named: controls.len(),
            patience: SILENCE,
        })
    }

    pub(super) fn fault(&self, trouble: &Trouble) -> StoreFault {
        self.target.fault(trouble)
    }

    /// Whether nothing is under way on it.
    pub(super) fn is_idle(&self) -> bool {
        self.wire.is_idle()
    }

    /// Whether a transaction is open.
    pub(super) fn is_in_transaction(&self) -> bool {
        self.wire.is_in_transaction()
    }

    /// Runs statements that have no parameters and whose answers nobody needs.
    pub(super) fn batch(&mut self, statements: &str) -> Result<(), Trouble> {
        within(&self.runtime, self.patience, self.wire.batch(statements))
    }

    /// The first column of what a statement answers, as texts.
    pub(super) fn texts(&mut self, statement: &str) -> Result<Vec<String>, Trouble> {
        within(&self.runtime, self.patience, self.wire.texts(statement))
    }

    /// Begins to copy rows in. Until its end nothing else is sent.
    pub(super) fn copy_in(&mut self, statement: &str) -> Result<(), Trouble> {
        within(&self.runtime, self.patience, self.wire.copy_in(statement))
    }

    /// Sends a piece of them.
    pub(super) fn copy_more(&mut self, piece: Bytes) -> Result<(), Trouble> {
        within(&self.runtime, self.patience, self.wire.copy_more(piece))
    }

    /// Ends it; how many rows were taken.
    pub(super) fn copy_end(&mut self) -> Result<u64, Trouble> {
        within(&self.runtime, self.patience, self.wire.copy_end())
    }

    /// Runs one statement now.
    pub(super) fn ask(&mut self, text: &'static str, values: &[Param<'_>]) -> Result<Answer, Trouble> {
        let call = self.call(text, values)?;
        self.send(&[call]).pop().expect("as many answers as calls")
    }

    /// Makes a statement ready to be sent.
    pub(super) fn call(&mut self, text: &'static str, values: &[Param<'_>]) -> Result<Call, Trouble> {
        let statement = self.prepare(text)?;
        let mut encoded = BytesMut::with_capacity(64);
        let kinds = statement.parameters.iter().map(Some).chain(std::iter::repeat(None));
        let bound = frontend::bind(
            "",
            &statement.name,
            [BINARY],
            values.iter().zip(kinds),
            |(value, kind), out| encode(value, kind, out),
            [BINARY],
            &mut encoded,
        );
        bound.map_err(|error| match error {
            BindError::Conversion(error) => Trouble::Value(error.to_string()),
            BindError::Serialization(error) => Trouble::Value(error.to_string()),
        })?;
        frontend::execute("", 0, &mut encoded)?;
        Ok(Call { statement, encoded })
    }

    /// Sends them all at once; an answer for each. Those after one that fails are not run.
    pub(super) fn send(&mut self, calls: &[Call]) -> Vec<Result<Answer, Trouble>> {
        let running = async { Ok(self.wire.run(calls).await) };
        within(&self.runtime, self.patience, running)
            .unwrap_or_else(|_| calls.iter().map(|_| Err(Trouble::Silent)).collect())
    }

    fn prepare(&mut self, text: &'static str) -> Result<Arc<Prepared>, Trouble> {
        let address = address(text);
        if let Some(statement) = self.statements.get(&address) {
            return Ok(statement.clone());
        }
        let statement = (known_as(self.named), numbered(text));
        self.named += 1;
        let preparing = self.wire.prepare(std::iter::once(statement));
        let mut prepared = within(&self.runtime, self.patience, preparing)?;
        let statement = prepared.pop().expect("as many as were asked for");
        self.statements.insert(address, statement.clone());
        Ok(statement)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let ending = async {
            self.wire.end().await;
            Ok(())
        };
        let _ = within(&self.runtime, GOODBYE, ending);
    }
}

fn within<T>(
    runtime: &Runtime,
    patience: Duration,
    future: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    runtime.block_on(async { timeout(patience, future).await.unwrap_or(Err(Trouble::Silent)) })
}

/// A static text's address: two of one address and length are one text.
fn address(text: &'static str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

/// What the server is to call a connection's statement of this number.
fn known_as(n: usize) -> String {
    format!("s{n}")
}
