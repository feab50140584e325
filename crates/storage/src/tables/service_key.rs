//! Keys of other systems, and the hashes of their secrets.

use unionflow_domain::service_key::ServiceKey;
use unionflow_protocol::{
    Timestamp,
    id::{OrganizationId, ServiceKeyId},
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{Row, ToParam, get, json, to_json},
    tx::Tx,
};

macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "SELECT id, organization_id, version, name, scopes, created_by, created_at, last_used_at, revoked_at, secret_hash \
             FROM service_key ",
            $rest
        )
    };
}

impl Reader<'_> {
    /// A key, and the hash of its secret.
    pub fn load_service_key(
        &mut self,
        id: ServiceKeyId,
    ) -> Result<Option<(ServiceKey, [u8; 32])>, StoreFault> {
        self.first(select_keys!("WHERE id = ?1"), &[id.param()], |row| Ok((key(row)?, get(row, 9)?)))
    }

    /// A page of an organisation's keys, those that no longer work among them, newest first.
    pub fn load_service_keys(
        &mut self,
        organization: OrganizationId,
        before: Option<ServiceKeyId>,
        limit: usize,
    ) -> Result<Vec<ServiceKey>, StoreFault> {
        let limit = limit as u64;
        self.all(
            select_keys!("WHERE organization_id = ?1 AND (id < ?2 OR ?2 IS NULL) ORDER BY id DESC LIMIT ?3"),
            &[organization.param(), before.param(), limit.param()],
            key,
        )
    }

    /// How many keys of an organisation work.
    pub fn count_service_keys(&mut self, organization: OrganizationId) -> Result<u32, StoreFault> {
        let sql = "SELECT count(*) FROM service_key WHERE organization_id = ?1 AND revoked_at IS NULL";
        Ok(self.value(sql, &[organization.param()])?.unwrap_or(0))
    }
}

impl Tx<'_> {
    /// A new key, by the hash of its secret.
    pub fn insert_service_key(&mut self, key: &ServiceKey, secret_hash: &[u8; 32]) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO service_key (id, organization_id, version, name, scopes, secret_hash, created_by, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &[
                key.id.param(),
                key.organization_id.param(),
                key.version.param(),
                key.name.param(),
                to_json(&key.scopes).param(),
                secret_hash.param(),
                key.created_by.param(),
                key.created_at.param(),
            ],
        )
    }

    /// A key that was revoked.
    pub fn save_service_key(&mut self, key: &ServiceKey) -> Result<(), StoreFault> {
        self.submit(
            "UPDATE service_key SET version = ?2, revoked_at = ?3 WHERE id = ?1",
            &[key.id.param(), key.version.param(), key.revoked_at.param()],
        )
    }

    /// Notes that a key was used, unless somebody noted it since `before`.
    pub fn note_service_key(&mut self, id: ServiceKeyId, before: Timestamp) -> Result<(), StoreFault> {
        let now = self.now();
        self.submit(
            "UPDATE service_key SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)",
            &[id.param(), now.param(), before.param()],
        )
    }
}

fn key(row: &dyn Row) -> Result<ServiceKey, StoreFault> {
    Ok(ServiceKey {
        id: get(row, 0)?,
        organization_id: get(row, 1)?,
        version: get(row, 2)?,
        name: get(row, 3)?,
        scopes: json(row, 4)?,
        created_by: get(row, 5)?,
        created_at: get(row, 6)?,
        last_used_at: get(row, 7)?,
        revoked_at: get(row, 8)?,
    })
}
