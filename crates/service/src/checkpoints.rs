//! Checkpoints: the heads of journals, signed and laid where whoever may write to the store cannot change them. A journal that
//! was rewritten with all its hashes recomputed verifies by itself; it contradicts what was signed before.
//!
//! One process signs, the one that sweeps. Its lease may run out within a round: then two sign the same heads, which harms
//! nobody. What was signed is remembered, not stored: whoever takes over signs every head once more.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use unionflow_auth::checkpoint::CheckpointKeys;
use unionflow_bus::{Bus, Outlet, RawRecord};
use unionflow_protocol::{
    Seq, Topic,
    checkpoint::Checkpoint,
    id::{Epoch, OrganizationId},
};
use unionflow_storage::{StoreFault, Undo};

use crate::{Service, auth::keys};

const TICK: Duration = Duration::from_secs(1);
/// When a round that failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// How long the last round may take: whoever stops has not the time.
const AT_THE_END: Duration = Duration::from_secs(3);
/// Heads read at once.
const PAGE: u32 = 500;

/// Where checkpoints go, and how often.
pub struct Signing {
    /// Tells whether it takes anything now.
    pub bus: Arc<dyn Bus>,
    /// Takes them.
    pub outlet: Arc<dyn Outlet>,
    /// The time between two rounds.
    pub every: Duration,
}

/// What signed heads say of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Nobody has signed any.
    Unsigned,
    /// The journal holds them all; this is the newest.
    Holds(Seq),
    /// Another hash stands where this was signed, or none.
    Contradicts(Seq),
}

/// Heads of an organisation that were signed under another epoch: a restore begins a new one, and so does whoever wants these
/// heads forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherEpoch {
    /// Which.
    pub epoch: Epoch,
    /// How many are signed with a key of this store.
    pub signed: usize,
    /// How many are not.
    pub forged: u64,
    /// The newest of the signed that the journal still holds.
    pub holds: Option<Seq>,
    /// The oldest that it does not.
    pub lacks: Option<Seq>,
}

/// An organisation of which there are heads, and which is not in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Which.
    pub organization: OrganizationId,
    /// Under which epoch the heads were signed.
    pub epoch: Epoch,
    /// The newest.
    pub head: Seq,
}

/// Checkpoints as they lie on the topic.
pub struct Signed {
    keys: CheckpointKeys,
    epoch: Epoch,
    heads: BTreeMap<(OrganizationId, Epoch), Heads>,
}

/// Of one organisation under one epoch.
#[derive(Default)]
struct Heads {
    signed: BTreeSet<(Seq, String)>,
    /// How many are signed with no key of this store, and the newest.
    forged: (u64, Seq),
}

impl Service {
    /// Signs heads that have moved, every so often and at the end, until told to stop.
    pub async fn run_checkpoints(&self, signing: Signing, stop: CancellationToken) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut signed, mut due, mut holds) = (HashMap::new(), Instant::now(), false);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            holds = self.sweeps_for_all();
            if !holds {
                // What another signs meanwhile is not known here.
                signed.clear();
                due = Instant::now();
            } else if Instant::now() >= due && signing.bus.standing().is_up {
                let pause = match self.sign_heads(&signing, &mut signed).await {
                    Ok(_) => signing.every,
                    Err(reason) => {
                        tracing::warn!(reason, "checkpoints were not signed; it is tried again");
                        AGAIN.min(signing.every)
                    }
                };
                due = Instant::now() + pause;
            }
        }
        if holds && signing.bus.standing().is_up {
            let last = timeout(AT_THE_END, self.sign_heads(&signing, &mut signed)).await;
            if !matches!(last, Ok(Ok(_))) {
                tracing::warn!("the last checkpoints were not signed; the next start signs them");
            }
        }
    }

    /// One round: signs the heads that are not the ones signed last. How many.
    pub async fn sign_heads(
        &self,
        signing: &Signing,
        signed: &mut HashMap<OrganizationId, Seq>,
    ) -> Result<usize, String> {
        let keys = self.checkpoint_keys().await.map_err(|undo| undo.to_string())?;
        let (mut after, mut count) = (None, 0);
        loop {
            let page = self.read(move |reader| Ok((reader.heads_after(after, PAGE)?, reader.now()))).await;
            let (heads, signed_at) = page.map_err(|undo| undo.to_string())?;
            let Some(last) = heads.last() else { return Ok(count) };
            after = Some(last.organization_id);
            for head in heads {
                if head.seq == Seq::ZERO || signed.get(&head.organization_id) == Some(&head.seq) {
                    continue;
                }
                let checkpoint = keys.sign(Checkpoint {
                    organization_id: head.organization_id,
                    epoch: self.store().epoch(),
                    seq: head.seq,
                    hash: head.hash.to_string(),
                    signed_at,
                    key_id: String::new(),
                    signature: String::new(),
                });
                signing.outlet.send(record(&checkpoint)).await.map_err(|fault| fault.to_string())?;
                metrics::counter!("unionflow_checkpoints_signed_total").increment(1);
                signed.insert(head.organization_id, head.seq);
                count += 1;
            }
        }
    }

    /// The keys that sign heads; the first is made where there is none.
    pub async fn checkpoint_keys(&self) -> Result<CheckpointKeys, Undo> {
        let keys = keys::checkpoint_keys(self.store()).await?;
        CheckpointKeys::new(&keys)
            .ok_or_else(|| StoreFault::Malformed("a key that signs checkpoints is damaged".to_owned()).into())
    }

    /// Takes in what lies on the topic, with [`Signed::hear`].
    pub async fn signed(&self) -> Result<Signed, Undo> {
        let keys = self.checkpoint_keys().await?;
        Ok(Signed { keys, epoch: self.store().epoch(), heads: BTreeMap::new() })
    }

    /// Holds a journal against the heads that were signed. That its own links hold is another question.
    pub async fn held(&self, signed: &Signed, organization: OrganizationId) -> Result<Held, Undo> {
        let Some(heads) = signed.heads.get(&(organization, signed.epoch)) else { return Ok(Held::Unsigned) };
        Ok(match self.compare(organization, heads).await? {
            (_, Some(lacks)) => Held::Contradicts(lacks),
            (Some(newest), None) => Held::Holds(newest),
            (None, None) => Held::Unsigned,
        })
    }

    /// The heads of this organisation that were signed under other epochs, and which of them the journal holds.
    pub async fn of_other_epochs(
        &self,
        signed: &Signed,
        organization: OrganizationId,
    ) -> Result<Vec<OtherEpoch>, Undo> {
        let mut others = Vec::new();
        for ((of, epoch), heads) in &signed.heads {
            if *of == organization && *epoch != signed.epoch {
                let (holds, lacks) = self.compare(organization, heads).await?;
                let (signed, forged) = (heads.signed.len(), heads.forged.0);
                others.push(OtherEpoch { epoch: *epoch, signed, forged, holds, lacks });
            }
        }
        Ok(others)
    }

    /// The organisations that have heads and no row. What claims another epoch counts where a key of this store signed it:
    /// stores may share a topic.
    pub async fn gone(&self, signed: &Signed) -> Result<Vec<Gone>, Undo> {
        let present = self.read(|reader| Ok(reader.load_organizations()?)).await?;
        let present: BTreeSet<OrganizationId> = present.into_iter().map(|there| there.id).collect();
        let gone = signed.heads.iter().filter(|((organization, _), _)| !present.contains(organization));
        let gone = gone.filter_map(|(&(organization, epoch), heads)| {
            let newest = heads.signed.last().map(|(seq, _)| *seq);
            let head = newest.or((epoch == signed.epoch).then_some(heads.forged.1))?;
            Some(Gone { organization, epoch, head })
        });
        Ok(gone.collect())
    }

    /// The newest of the signed heads that a journal holds, and the oldest that it does not.
    async fn compare(
        &self,
        organization: OrganizationId,
        heads: &Heads,
    ) -> Result<(Option<Seq>, Option<Seq>), Undo> {
        let heads = heads.signed.clone();
        self.read(move |reader| {
            let (mut holds, mut lacks) = (None, None);
            for (seq, hash) in heads {
                let stands = reader.hash_at(organization, seq)?;
                if stands.is_some_and(|stands| stands.to_string() == hash) {
                    holds = Some(seq);
                } else {
                    lacks = lacks.or(Some(seq));
                }
            }
            Ok((holds, lacks))
        })
        .await
    }
}

impl Signed {
    /// A record of the topic.
    pub fn hear(&mut self, record: &RawRecord) {
        let value = record.value.as_deref().unwrap_or_default();
        let Ok(checkpoint) = serde_json::from_slice::<Checkpoint>(value) else { return };
        let heads = self.heads.entry((checkpoint.organization_id, checkpoint.epoch)).or_default();
        if self.keys.signed(&checkpoint) {
            heads.signed.insert((checkpoint.seq, checkpoint.hash));
        } else {
            let (count, newest) = heads.forged;
            heads.forged = (count + 1, newest.max(checkpoint.seq));
        }
    }

    /// The journal's present incarnation.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many say that they are of this journal, and are not signed with a key of this store: somebody wrote them, or the
    /// keys were replaced.
    pub fn forged(&self, organization: OrganizationId) -> u64 {
        self.heads.get(&(organization, self.epoch)).map_or(0, |heads| heads.forged.0)
    }

    /// The public keys, by their names.
    pub fn public_keys(&self) -> Vec<(String, String)> {
        self.keys.public()
    }
}

fn record(checkpoint: &Checkpoint) -> RawRecord {
    let value = serde_json::to_vec(checkpoint).expect("it holds only texts and a number");
    RawRecord {
        topic: Topic::Checkpoints,
        key: Some(checkpoint.organization_id.to_string().into()),
        headers: Vec::new(),
        value: Some(value.into()),
    }
}
