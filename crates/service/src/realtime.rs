//! The way to the WebSocket: tickets, and an event that tests it.

use unionflow_auth::secret::{self, SecretHash};
use unionflow_protocol::{
    limits,
    rest::{
        auth::Secret,
        realtime::{TestEvent, Ticket},
    },
};
use unionflow_storage::{
    Scope, Tx, Undo,
    tables::{self, done_today::Counted},
};

use crate::{Call, Caller, Publish, Service, daily, membership};

impl Service {
    /// `POST /realtime/tickets`: a ticket that any process may redeem, once, within 30 seconds.
    pub async fn ticket(&self, caller: Caller) -> Result<Ticket, Undo> {
        let ticket = secret::ticket();
        let hash = *SecretHash::of(&ticket).as_bytes();
        self.store()
            .write(Scope::Server, move |tx| {
                let kept = tables::access::Ticket {
                    person_id: caller.person_id,
                    sign_in_id: caller.sign_in_id,
                    access_expires_at: caller.access_expires_at,
                    expires_at: tx.now().plus(limits::TICKET_LIFETIME),
                };
                // Before it is there: of several within one moment, the new one is never the oldest.
                tx.end_oldest_tickets(caller.person_id, limits::TICKETS_PER_PERSON - 1)?;
                Ok(tx.insert_ticket(&hash, &kept)?)
            })
            .await?;
        let expires_in = u32::try_from(limits::TICKET_LIFETIME.as_secs()).unwrap_or(u32::MAX);
        Ok(Ticket { ticket: Secret(ticket), expires_in })
    }
}

/// `POST /realtime/test-events`: a harmless event by the full way, to the caller's own sessions.
pub fn test_event(tx: &mut Tx<'_>, call: &Call) -> Result<TestEvent, Undo> {
    let member = membership::acting(tx, call)?;
    daily::count(tx, member.id, Counted::TestEvents)?;
    let event_id = tx.publish().test_notification(member.id)?.event_id;
    Ok(TestEvent { event_id, as_of: tx.as_of_here()? })
}
