//! Words of people, each in a row of its own that can be erased.

use unionflow_domain::text::Salt;
use unionflow_protocol::id::{AggregateId, MemberId, OrganizationId};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{ToParam, get},
    tx::Tx,
};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// What a request is for.
    Purpose,
    /// A comment on a vote; `n` is the vote's place in the request.
    Comment,
    /// Why a request was rejected, or a membership changed.
    Reason,
    /// The words of an announcement.
    Message,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What it belongs to.
    pub owner_id: AggregateId,
    /// What it is.
    pub kind: TextKind,
    /// Tells several of a kind apart.
    pub n: u32,
    /// Who wrote it.
    pub author_id: Option<MemberId>,
    /// Beside it, so that its hash in an event says nothing without it.
    pub salt: Salt,
    /// The words.
    pub body: String,
}

impl TextKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Purpose => "PURPOSE",
            Self::Comment => "COMMENT",
            Self::Reason => "REASON",
            Self::Message => "MESSAGE",
        }
    }
}

impl Reader<'_> {
    /// A text; `None` if there was none, or it was erased.
    pub fn load_text(
        &mut self,
        owner: AggregateId,
        kind: TextKind,
        n: u32,
    ) -> Result<Option<String>, StoreFault> {
        self.value(
            "SELECT body FROM text WHERE owner_id = ?1 AND kind = ?2 AND n = ?3",
            &[owner.param(), kind.as_str().param(), n.param()],
        )
    }

    /// The salt and the words of a text.
    pub fn load_salted_text(
        &mut self,
        owner: AggregateId,
        kind: TextKind,
        n: u32,
    ) -> Result<Option<(Salt, String)>, StoreFault> {
        self.first(
            "SELECT salt, body FROM text WHERE owner_id = ?1 AND kind = ?2 AND n = ?3",
            &[owner.param(), kind.as_str().param(), n.param()],
            |row| Ok((get(row, 0)?, get(row, 1)?)),
        )
    }

    /// All texts of a kind, by `n`.
    pub fn load_texts(
        &mut self,
        owner: AggregateId,
        kind: TextKind,
    ) -> Result<Vec<(u32, String)>, StoreFault> {
        self.all(
            "SELECT n, body FROM text WHERE owner_id = ?1 AND kind = ?2 ORDER BY n",
            &[owner.param(), kind.as_str().param()],
            |row| Ok((get(row, 0)?, get(row, 1)?)),
        )
    }
}

impl Tx<'_> {
    /// Keeps a text, in place of the one before.
    pub fn save_text(&mut self, organization: OrganizationId, text: &Text) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO text (owner_id, kind, n, organization_id, author_id, salt, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (owner_id, kind, n) DO UPDATE SET author_id = excluded.author_id, salt = excluded.salt, \
             body = excluded.body",
            &[
                text.owner_id.param(),
                text.kind.as_str().param(),
                text.n.param(),
                organization.param(),
                text.author_id.param(),
                text.salt.param(),
                text.body.param(),
            ],
        )?;
        Ok(())
    }
}
