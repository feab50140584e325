//! Units that wait: in line within their scope, one group of a scope at a time.

use std::collections::{HashMap, VecDeque};

use parking_lot::{Condvar, Mutex};

use crate::store::{Scope, WriteUnit};

/// Units that may wait; beyond, a command is told to come back.
const WAITING_MAX: usize = 8192;
/// Units that share one commit at the most: the first of them waits for the last.
const GROUP_MAX: usize = 64;

/// The units that wait to write.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    /// A scope is here while units of it wait or run.
    scopes: HashMap<Scope, VecDeque<Box<dyn WriteUnit>>>,
    /// Scopes with units that wait, of which none runs; the one that waits longest first.
    ready: VecDeque<Scope>,
    waiting: usize,
    is_closed: bool,
}

/// Why a unit was not taken.
pub(super) enum NotTaken {
    Full(Box<dyn WriteUnit>),
    Closed(Box<dyn WriteUnit>),
}

impl Queue {
    /// Lines a unit up.
    pub(super) fn push(&self, unit: Box<dyn WriteUnit>) -> Result<(), NotTaken> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(NotTaken::Closed(unit));
        }
        if state.waiting >= WAITING_MAX {
            return Err(NotTaken::Full(unit));
        }
        state.waiting += 1;
        let scope = unit.scope();
        if let Some(line) = state.scopes.get_mut(&scope) {
            line.push_back(unit);
            return Ok(());
        }
        state.scopes.insert(scope, VecDeque::from([unit]));
        state.ready.push_back(scope);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// The next units of one scope, to be given back with [`done`](Self::done); `None` once it is closed and empty.
    pub(super) fn next(&self) -> Option<(Scope, VecDeque<Box<dyn WriteUnit>>)> {
        let mut state = self.state.lock();
        loop {
            if let Some(scope) = state.ready.pop_front() {
                let line = state.scopes.get_mut(&scope).expect("what is ready waits");
                let rest = line.split_off(line.len().min(GROUP_MAX));
                let group = std::mem::replace(line, rest);
                state.waiting -= group.len();
                return Some((scope, group));
            }
            if state.is_closed {
                return None;
            }
            self.ready.wait(&mut state);
        }
    }

    /// A group of this scope ended: the next may run.
    pub(super) fn done(&self, scope: Scope) {
        let mut state = self.state.lock();
        if state.scopes.get(&scope).is_some_and(VecDeque::is_empty) {
            state.scopes.remove(&scope);
            return;
        }
        state.ready.push_back(scope);
        drop(state);
        self.ready.notify_one();
    }

    /// Takes no more units; those that wait are run.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.ready.notify_all();
    }
}
