//! Who is sending a file now.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use unionflow_domain::Refusal;
use unionflow_protocol::{id::PersonId, problem::ErrorCode};

use crate::{body, failure::Failure};

/// Files that are being sent at once.
const AT_ONCE: usize = 8;
/// How long nothing may arrive of a file: what a dead line keeps waiting is given up then.
const STALLED_AFTER: Duration = Duration::from_secs(20);
/// When it is worth another try where too many are being sent: no dead line holds a place for longer.
const TRY_AGAIN_AFTER: u32 = 20;

/// The people who send a file, each one at a time: the newest.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<HashMap<PersonId, Arc<Notify>>>);

/// A file that is being sent, until this is dropped.
pub(crate) struct Upload<'a> {
    uploads: &'a Uploads,
    person: PersonId,
    /// Told when the person begins to send another.
    replaced: Arc<Notify>,
}

impl Uploads {
    /// Begins one, in the place of another that the person sends; refused while too many others do.
    pub(crate) fn begin(&self, person: PersonId) -> Result<Upload<'_>, Failure> {
        let mut people = self.people();
        if people.len() >= AT_ONCE && !people.contains_key(&person) {
            return Err(Refusal::retry_after(ErrorCode::TooManyUploads, TRY_AGAIN_AFTER).into());
        }
        let replaced = Arc::new(Notify::new());
        if let Some(older) = people.insert(person, replaced.clone()) {
            older.notify_one();
        }
        Ok(Upload { uploads: self, person, replaced })
    }

    fn people(&self) -> MutexGuard<'_, HashMap<PersonId, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload<'_> {
    /// Reads the file, as long as something arrives of it and no newer one is sent.
    pub(crate) async fn read(&self, body: Body) -> Result<Vec<u8>, Failure> {
        let arrived = Arc::new(Notify::new());
        let noted = arrived.clone();
        let body = body.map_frame(move |frame| {
            noted.notify_one();
            frame
        });
        let stalled =
            async { while tokio::time::timeout(STALLED_AFTER, arrived.notified()).await.is_ok() {} };
        tokio::select! {
            file = body::read_file(Body::new(body)) => file,
            () = stalled => Err(ErrorCode::BodyTooSlow.into()),
            () = self.replaced.notified() => Err(ErrorCode::UploadReplaced.into()),
        }
    }

    /// Waits for its turn to be imported: what is read into takes more memory than the file.
    pub(crate) async fn turn<'s>(&self, importing: &'s Semaphore) -> Result<SemaphorePermit<'s>, Failure> {
        tokio::select! {
            turn = importing.acquire() => turn.map_err(|_| ErrorCode::Draining.into()),
            () = self.replaced.notified() => Err(ErrorCode::UploadReplaced.into()),
        }
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let mut people = self.uploads.people();
        if people.get(&self.person).is_some_and(|newest| Arc::ptr_eq(newest, &self.replaced)) {
            people.remove(&self.person);
        }
    }
}

#[cfg(test)]
mod tests {
    use unionflow_protocol::{Language, problem::Problem};

    use super::*;

    fn person(n: u32) -> PersonId {
        format!("{n:032x}").parse().unwrap()
    }

    fn problem<T>(answer: Result<T, Failure>) -> Problem {
        answer.err().expect("it is refused").problem(Language::French, "")
    }

    /// A body of which nothing arrives, as on a line that went dead.
    fn dead() -> Body {
        Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, axum::Error>>())
    }

    #[test]
    fn not_everybody_sends_a_file_at_once_and_that_is_said_with_when_to_try_again() {
        let uploads = Uploads::default();
        let eight: Vec<_> = (0..8).map(|n| uploads.begin(person(n)).unwrap()).collect();
        let refused = problem(uploads.begin(person(8)));
        assert_eq!(refused.code, ErrorCode::TooManyUploads);
        assert!(refused.detail.unwrap().contains("20"));
        assert!(uploads.begin(person(0)).is_ok(), "in the place of the older one");
        drop(eight);
        assert!(uploads.people().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_newer_file_of_the_same_person_ends_the_older_one() {
        let (uploads, importing) = (Uploads::default(), Semaphore::new(0));
        let older = uploads.begin(person(0)).unwrap();
        let newer = uploads.begin(person(0)).unwrap();
        assert_eq!(problem(older.read(dead()).await).code, ErrorCode::UploadReplaced);
        drop(older);
        assert_eq!(newer.read(Body::from("file")).await.unwrap(), b"file");
        let newest = uploads.begin(person(0)).unwrap();
        assert_eq!(problem(newer.turn(&importing).await).code, ErrorCode::UploadReplaced);
        drop((newer, newest));
        assert!(uploads.people().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_of_which_nothing_arrives_any_more_is_given_up_within_seconds() {
        let uploads = Uploads::default();
        let upload = uploads.begin(person(0)).unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(problem(upload.read(dead()).await).code, ErrorCode::BodyTooSlow);
        assert_eq!(began.elapsed().as_secs(), 20);
    }
}
