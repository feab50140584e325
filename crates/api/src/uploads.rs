//! Who is sending a file now.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use unionflow_protocol::id::PersonId;

/// Files that are being sent at once.
const AT_ONCE: usize = 8;

/// The people who send a file, each one at a time.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<HashSet<PersonId>>);

/// A file that is being sent, until this is dropped.
pub(crate) struct Upload<'a> {
    uploads: &'a Uploads,
    person: PersonId,
}

impl Uploads {
    /// Begins one; `None` while the person sends another, or too many others do.
    pub(crate) fn begin(&self, person: PersonId) -> Option<Upload<'_>> {
        let mut people = self.people();
        let begins = people.len() < AT_ONCE && people.insert(person);
        // Not `then_some`: an upload that is made is also dropped, and takes the lock.
        begins.then(|| Upload { uploads: self, person })
    }

    fn people(&self) -> MutexGuard<'_, HashSet<PersonId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        self.uploads.people().remove(&self.person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_sends_one_file_at_a_time_and_not_everybody_at_once() {
        let person = |n: u32| -> PersonId { format!("{n:032x}").parse().unwrap() };
        let uploads = Uploads::default();
        let first = uploads.begin(person(0));
        assert!(first.is_some() && uploads.begin(person(0)).is_none());
        let others: Vec<_> = (1..8).map(|n| uploads.begin(person(n)).unwrap()).collect();
        assert!(uploads.begin(person(8)).is_none());
        drop(first);
        assert!(uploads.begin(person(0)).is_some());
        drop(others);
        assert!(uploads.people().is_empty());
    }
}
