//! Snapshots and tail: fetching anew, and joining what was fetched with what came meanwhile.

use std::sync::Arc;

use unionflow_protocol::{Seq, frame::ResyncRequired, id::Epoch};

use super::{Moment, Output, Phase, SNAPSHOTS_WITHIN, Session, holding::Holding};
use crate::{
    error::{ClientError, ErrorKind},
    message::{Message, Resync, ResyncCause},
    status::ConnectionStatus,
};

impl Session {
    pub(super) fn on_resync(&mut self, now: Moment, required: ResyncRequired) {
        self.seen = self.seen.max(required.head_seq);
        self.resync(now, ResyncCause::Server(required.reason), required.head_seq);
    }

    pub(super) fn resync(&mut self, now: Moment, cause: ResyncCause, head_seq: Seq) {
        let Some(joined) = self.joined else { return };
        let resync = Resync { organization_id: joined.organization_id, epoch: joined.epoch, head_seq, cause };
        self.tell(Message::ResyncRequired(resync));
        // Where nobody fetches for the application, it takes this message before what comes after it, and fetches itself.
        self.is_incomplete = self.fetches_snapshots;
        if !self.fetches_snapshots {
            return self.complete();
        }
        self.holding = Some(Holding::until(resync, now + SNAPSHOTS_WITHIN));
        self.outputs.push_back(Output::FetchSnapshots(resync));
        if matches!(self.phase, Phase::Live { .. }) {
            self.say(ConnectionStatus::Resyncing);
        }
    }

    pub(super) fn on_snapshots(&mut self, now: Moment, snapshots: Result<(Epoch, Seq), ClientError>) {
        let joined = self.phase.is_joined();
        let Some(holding) = self.holding.take_if(|_| joined) else { return };
        match snapshots {
            Ok((epoch, as_of)) if epoch == holding.resync.epoch && as_of >= holding.resync.head_seq => {
                self.join(as_of, holding);
            }
            Ok(_) => {
                let old = ClientError::new(ErrorKind::Snapshots).with_detail("older than what was missed");
                self.fetch_again(now, holding, &old);
            }
            Err(error) => self.fetch_again(now, holding, &error),
        }
    }

    /// What lies up to `as_of` is in the snapshots; the rest is told.
    fn join(&mut self, as_of: Seq, holding: Holding) {
        self.tell(Message::Resynced { as_of });
        for delivery in holding.after(as_of) {
            self.tell(Message::Event(Arc::new(delivery)));
        }
        // Events up to there may still be on their way.
        self.seen = self.seen.max(as_of);
        self.is_incomplete = false;
        self.complete();
        if matches!(self.phase, Phase::Live { .. }) {
            self.say(ConnectionStatus::Live);
        }
    }

    fn fetch_again(&mut self, now: Moment, mut holding: Holding, error: &ClientError) {
        let problem = ClientError::new(ErrorKind::Snapshots).with_code(error.code());
        self.tell(Message::Problem(problem.with_detail(error.to_string())));
        holding.failed(now);
        self.holding = Some(holding);
    }
}
