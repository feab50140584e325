//! Organisations and their policies.

use unionflow_domain::{organization::Organization, policy::Policy};
use unionflow_protocol::{
    Seq, Timestamp,
    chain::ChainHash,
    id::{OrganizationId, PersonId},
    member::MemberStatus,
};

use crate::{
    fault::{StoreFault, Undo},
    reader::Reader,
    sql::{Row, ToParam, get, json, parsed, to_json},
    tx::Tx,
};

/// An organisation and the end of its journal.
pub(crate) struct StoredHead {
    pub(crate) organization: Organization,
    pub(crate) seq: Seq,
    pub(crate) hash: ChainHash,
    pub(crate) at: Timestamp,
}

impl Reader<'_> {
    /// An organisation.
    pub fn load_organization(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreFault> {
        Ok(self.load_head(id)?.map(|head| head.organization))
    }

    /// An organisation and the end of its journal.
    pub(crate) fn load_head(&mut self, id: OrganizationId) -> Result<Option<StoredHead>, StoreFault> {
        self.first(
            "SELECT id, version, currency, settings, created_at, head_seq, head_hash, head_at FROM organization WHERE id = ?1",
            &[id.param()],
            |row| {
                Ok(StoredHead {
                    organization: organization(row)?,
                    seq: get(row, 5)?,
                    hash: get(row, 6)?,
                    at: get(row, 7)?,
                })
            },
        )
    }

    /// Every organisation, oldest first.
    pub fn load_organizations(&mut self) -> Result<Vec<Organization>, StoreFault> {
        self.all(
            "SELECT id, version, currency, settings, created_at FROM organization ORDER BY id",
            &[],
            organization,
        )
    }

    /// The organisations that a person belongs to, suspended memberships included.
    pub fn organizations_of(&mut self, person: PersonId) -> Result<Vec<OrganizationId>, StoreFault> {
        self.all(
            "SELECT organization_id FROM member WHERE person_id = ?1 AND status IN (?2, ?3)",
            &[
                person.param(),
                MemberStatus::Active.as_str().param(),
                MemberStatus::Suspended.as_str().param(),
            ],
            |row| get(row, 0),
        )
    }

    /// Whether there is any organisation yet.
    pub fn is_founded(&mut self) -> Result<bool, StoreFault> {
        Ok(self.value::<i64>("SELECT 1 FROM organization LIMIT 1", &[])?.is_some())
    }

    /// The policy in force.
    pub fn load_policy(&mut self, organization: OrganizationId) -> Result<Option<Policy>, StoreFault> {
        self.first(
            "SELECT version, rules, since, approval_id FROM policy WHERE organization_id = ?1 ORDER BY version DESC LIMIT 1",
            &[organization.param()],
            |row| Ok(Policy { version: get(row, 0)?, rules: json(row, 1)?, since: get(row, 2)?, approval_id: get(row, 3)? }),
        )
    }
}

impl Tx<'_> {
    /// A new organisation, with an empty journal. From here on the unit works in it.
    pub fn insert_organization(&mut self, organization: Organization) -> Result<(), Undo> {
        self.submit(
            "INSERT INTO organization (id, version, currency, settings, created_at, head_seq, head_hash, head_at, \
             last_member_number) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?5, 0)",
            &[
                organization.id.param(),
                organization.version.param(),
                organization.currency.code().param(),
                to_json(&organization.settings).param(),
                organization.created_at.param(),
                ChainHash::GENESIS.param(),
            ],
        )?;
        self.submit(
            "INSERT INTO published (organization_id, seq) VALUES (?1, 0)",
            &[organization.id.param()],
        )?;
        self.founded(organization);
        Ok(())
    }

    /// A new version of the policy.
    pub fn insert_policy(&mut self, organization: OrganizationId, policy: &Policy) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO policy (organization_id, version, rules, since, approval_id) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                organization.param(),
                policy.version.param(),
                to_json(&policy.rules).param(),
                policy.since.param(),
                policy.approval_id.param(),
            ],
        )?;
        Ok(())
    }

    /// Notes how far the relay has come. Never goes back.
    pub fn mark_published(&mut self, organization: OrganizationId, seq: Seq) -> Result<(), StoreFault> {
        self.submit(
            "UPDATE published SET seq = ?2 WHERE organization_id = ?1 AND seq < ?2",
            &[organization.param(), seq.param()],
        )?;
        Ok(())
    }
}

fn organization(row: &dyn Row) -> Result<Organization, StoreFault> {
    Ok(Organization {
        id: get(row, 0)?,
        version: get(row, 1)?,
        currency: parsed(row, 2)?,
        settings: json(row, 3)?,
        created_at: get(row, 4)?,
    })
}
