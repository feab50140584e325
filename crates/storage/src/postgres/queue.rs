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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use unionflow_protocol::{Seq, Timestamp, id::OrganizationId};
    use uuid::Uuid;

    use super::*;
    use crate::{fault::StoreFault, sql::Sql, store::UnitEnd};

    struct Unit(Scope);

    impl WriteUnit for Unit {
        fn scope(&self) -> Scope {
            self.0
        }

        #[expect(clippy::disallowed_methods, reason = "nobody asks")]
        fn deadline(&self) -> Instant {
            Instant::now()
        }

        fn is_stale(&self) -> bool {
            false
        }

        fn run(&mut self, _: &mut dyn Sql, _: Timestamp) -> UnitEnd {
            UnitEnd::Keep
        }

        fn journaled(&self) -> Option<(OrganizationId, Seq)> {
            None
        }

        fn finish(self: Box<Self>, _: Result<(), StoreFault>) {}
    }

    fn scope(n: u128) -> Scope {
        Scope::Organization(OrganizationId::from_uuid(Uuid::from_u128(n)))
    }

    fn push(queue: &Queue, n: u128) -> bool {
        queue.push(Box::new(Unit(scope(n)))).is_ok()
    }

    fn next(queue: &Queue) -> (Scope, usize) {
        queue.next().map(|(scope, group)| (scope, group.len())).expect("units wait")
    }

    #[test]
    fn units_of_one_organisation_wait_for_one_another_and_not_for_others() {
        let queue = Queue::default();
        assert!(push(&queue, 1) && push(&queue, 2) && push(&queue, 1));
        assert_eq!(next(&queue), (scope(1), 2));
        assert!(push(&queue, 1));
        assert_eq!(next(&queue), (scope(2), 1), "the first one's next unit waits for its group");
        queue.done(scope(1));
        assert_eq!(next(&queue), (scope(1), 1));
    }

    #[test]
    fn more_than_a_group_is_taken_in_turns_with_others() {
        let queue = Queue::default();
        assert!((0..GROUP_MAX + 1).all(|_| push(&queue, 1)) && push(&queue, 2));
        assert_eq!(next(&queue), (scope(1), GROUP_MAX));
        queue.done(scope(1));
        assert_eq!((next(&queue), next(&queue)), ((scope(2), 1), (scope(1), 1)));
    }

    #[test]
    fn what_does_not_fit_is_given_back_and_what_waits_is_run_after_the_close() {
        let queue = Queue::default();
        assert!((0..WAITING_MAX).all(|_| push(&queue, 1)));
        assert!(matches!(queue.push(Box::new(Unit(scope(2)))), Err(NotTaken::Full(_))));
        queue.close();
        assert!(matches!(queue.push(Box::new(Unit(scope(2)))), Err(NotTaken::Closed(_))));
        let mut ran = 0;
        while let Some((scope, group)) = queue.next() {
            ran += group.len();
            queue.done(scope);
        }
        assert_eq!(ran, WAITING_MAX);
    }
}
