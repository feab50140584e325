//! A fact that another system sends by its service key: taken in at once, or refused at once.

use unionflow_domain::inbound::Fact;
use unionflow_protocol::{id::ServiceKeyId, problem::ErrorCode, rest::inbound::SentEvent};
use unionflow_storage::{Scope, Tx, Undo};

use super::{Taken, count, take};
use crate::Service;

/// Where a fact is, and whether it is there only now.
pub struct Sent {
    /// Where.
    pub event: SentEvent,
    /// Whether it came for the first time.
    pub is_new: bool,
}

impl Service {
    /// Takes in a fact that a key may send.
    pub async fn take_by_key(&self, key: ServiceKeyId, fact: Fact) -> Result<Sent, Undo> {
        let (scope, dropped) = (Scope::Organization(fact.organization_id), fact.dropped as u64);
        let sent = self.store().write(scope, move |tx| take_by_key(tx, key, &fact)).await?;
        count(if sent.is_new { "taken" } else { "known" });
        metrics::counter!("unionflow_inbound_keys_dropped_total").increment(dropped);
        Ok(sent)
    }
}

fn take_by_key(tx: &mut Tx<'_>, key: ServiceKeyId, fact: &Fact) -> Result<Sent, Undo> {
    // Under the lock that its end takes: from then on it sends nothing.
    let (known, _) = tx.load_service_key(key)?.ok_or(ErrorCode::Unauthenticated)?;
    if known.revoked_at.is_some() {
        return Err(ErrorCode::ServiceKeyRevoked.into());
    }
    tx.act_by(key);
    let is_new = match take(tx, fact)? {
        Taken::Journaled => true,
        Taken::Known => false,
        Taken::Rejected(why) => return Err(unionflow_domain::Refusal::from(why).into()),
    };
    let seq = tx.place_of(fact.organization_id, fact.event_id)?.ok_or(ErrorCode::Internal)?;
    let event = SentEvent { event_id: fact.event_id, seq, as_of: tx.as_of_here()? };
    Ok(Sent { event, is_new })
}
