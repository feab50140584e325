//! What other processes commit, told to whoever follows: which journals went on, or that some news was lost.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use unionflow_protocol::{Seq, id::OrganizationId};

/// Journals that may wait to be looked at one by one; beyond, everything is looked at.
const JOURNALS_WAITING: usize = 10_000;

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// These journals went on, as far as this at least; 0 where that is not known.
    Journals(HashMap<OrganizationId, Seq>),
    /// Any may have: news was lost.
    Everything,
}

/// Other processes' commits. A follower that is slow gets them together.
pub struct Wakes(Arc<Shared>);

/// Where a backend tells a follower.
#[derive(Clone)]
pub struct WakeSender(Weak<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    told: Notify,
}

#[derive(Default)]
struct Waiting {
    journals: HashMap<OrganizationId, Seq>,
    everything: bool,
}

pub(crate) fn channel() -> (WakeSender, Wakes) {
    let shared = Arc::new(Shared::default());
    (WakeSender(Arc::downgrade(&shared)), Wakes(shared))
}

impl Wakes {
    /// What to look at next; waits for it, for ever where there is only polling. Nothing is lost when this is dropped.
    pub async fn next(&mut self) -> Wake {
        loop {
            if let Some(wake) = self.0.waiting.lock().take() {
                return wake;
            }
            self.0.told.notified().await;
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Option<Wake> {
        let journals = std::mem::take(&mut self.journals);
        if std::mem::take(&mut self.everything) {
            return Some(Wake::Everything);
        }
        (!journals.is_empty()).then_some(Wake::Journals(journals))
    }
}

impl WakeSender {
    /// Tells what to look at. Whether anybody still follows.
    pub fn send(&self, wake: &Wake) -> bool {
        let Some(shared) = self.0.upgrade() else { return false };
        let mut waiting = shared.waiting.lock();
        match wake {
            Wake::Journals(journals) => {
                for (journal, seq) in journals {
                    let known = waiting.journals.entry(*journal).or_default();
                    *known = (*known).max(*seq);
                }
            }
            Wake::Everything => waiting.everything = true,
        }
        if waiting.journals.len() > JOURNALS_WAITING {
            waiting.everything = true;
            waiting.journals.clear();
        }
        drop(waiting);
        shared.told.notify_one();
        true
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn journals(numbers: impl Iterator<Item = u128>) -> Wake {
        let journal = |n| (OrganizationId::from_uuid(Uuid::from_u128(n)), Seq(7));
        Wake::Journals(numbers.map(journal).collect())
    }

    #[tokio::test]
    async fn a_slow_follower_gets_all_together_and_each_once() {
        let (sender, mut wakes) = channel();
        for numbers in [1..3, 2..5] {
            assert!(sender.send(&journals(numbers)));
        }
        assert_eq!(wakes.next().await, journals(1..5));
        assert!(sender.send(&journals(7..8)) && sender.send(&Wake::Everything));
        assert_eq!(wakes.next().await, Wake::Everything);
        assert!(sender.send(&journals(9..10)));
        assert_eq!(wakes.next().await, journals(9..10), "what everything covered is not told again");
    }

    #[tokio::test]
    async fn where_too_many_wait_everything_is_looked_at() {
        let (sender, mut wakes) = channel();
        sender.send(&journals(0..JOURNALS_WAITING as u128 + 1));
        assert_eq!(wakes.next().await, Wake::Everything);
    }

    #[test]
    fn a_follower_that_went_is_noticed() {
        let (sender, wakes) = channel();
        drop(wakes);
        assert!(!sender.send(&Wake::Everything));
    }
}
