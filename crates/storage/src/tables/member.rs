//! Members.

use std::collections::BTreeSet;

use unionflow_domain::{
    approval::{Electorate, GivenCode, Voter},
    contact::{Email, Phone},
    member::{CodeGiver, Member, MemberNumber, Name},
};
use unionflow_protocol::{
    RoleSet,
    id::{MemberId, OrganizationId, PersonId},
    member::MemberStatus,
};

use crate::{
    fault::{StoreFault, Undo},
    reader::Reader,
    sql::{Param, Row, ToParam, get, json, parsed, to_json},
    tx::Tx,
};

/// Which members a list holds.
#[derive(Debug, Clone, Default)]
pub struct MemberFilter {
    /// Part of a folded name or number.
    pub search: Option<String>,
    /// Whether it may be part of a phone too.
    pub in_contacts: bool,
    /// Only these statuses; all when empty.
    pub statuses: Vec<MemberStatus>,
}

/// Where a page of members begins: after this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberCursor {
    /// Its folded name.
    pub sort_key: String,
    /// Its id.
    pub id: MemberId,
}

macro_rules! select_members {
    ($rest:literal) => {
        concat!(
            "SELECT id, organization_id, version, number, person_id, status, roles, given_name, family_name, phone, email, \
             joined_on, left_on, updated_at, code_givers FROM member ",
            $rest
        )
    };
}

macro_rules! select_page {
    ($searched:literal) => {
        concat!(
            select_members!(
                "WHERE organization_id = ?1 AND (sort_key > ?2 OR (sort_key = ?2 AND id > ?3)) AND ("
            ),
            $searched,
            " LIKE ?4 ESCAPE '\\' OR ?4 IS NULL) \
             AND (?5 = '' OR ',' || ?5 || ',' LIKE '%,' || status || ',%') \
             ORDER BY sort_key, id LIMIT ?6"
        )
    };
}

impl Reader<'_> {
    /// A member.
    pub fn load_member(&mut self, id: MemberId) -> Result<Option<Member>, StoreFault> {
        self.first(select_members!("WHERE id = ?1"), &[id.param()], member)
    }

    /// Who a person is in an organisation, whatever the status.
    pub fn load_membership(
        &mut self,
        person: PersonId,
        organization: OrganizationId,
    ) -> Result<Option<Member>, StoreFault> {
        self.first(
            select_members!("WHERE person_id = ?1 AND organization_id = ?2"),
            &[person.param(), organization.param()],
            member,
        )
    }

    /// All memberships of a person.
    pub fn load_memberships(&mut self, person: PersonId) -> Result<Vec<Member>, StoreFault> {
        self.all(select_members!("WHERE person_id = ?1 ORDER BY id"), &[person.param()], member)
    }

    /// The member with a number.
    pub fn load_member_by_number(
        &mut self,
        organization: OrganizationId,
        number: &MemberNumber,
    ) -> Result<Option<Member>, StoreFault> {
        self.first(
            select_members!("WHERE organization_id = ?1 AND number = ?2"),
            &[organization.param(), number.as_str().param()],
            member,
        )
    }

    /// Everybody of a name, folded as [`Name::sort_key`](unionflow_domain::member::Name::sort_key) does it.
    pub fn load_namesakes(
        &mut self,
        organization: OrganizationId,
        sort_key: &str,
    ) -> Result<Vec<Member>, StoreFault> {
        self.all(
            select_members!("WHERE organization_id = ?1 AND sort_key = ?2 ORDER BY id"),
            &[organization.param(), sort_key.param()],
            member,
        )
    }

    /// A page of members by folded name.
    pub fn load_members(
        &mut self,
        organization: OrganizationId,
        filter: &MemberFilter,
        after: Option<&MemberCursor>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreFault> {
        let pattern = filter.search.as_deref().map(like_pattern);
        let statuses = filter.statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(",");
        let limit = limit as u64;
        let sql =
            if filter.in_contacts { select_page!("search_key") } else { select_page!("public_search_key") };
        self.all(
            sql,
            &[
                organization.param(),
                after.map_or("", |cursor| cursor.sort_key.as_str()).param(),
                after.map_or([0; 16], |cursor| *cursor.id.as_bytes()).param(),
                pattern.param(),
                statuses.param(),
                limit.param(),
            ],
            member,
        )
    }

    /// Every active member with a role that can vote, with the codes that opened their accounts and those of these makers and
    /// beneficiaries.
    pub fn load_electorate(
        &mut self,
        organization: OrganizationId,
        makers: impl IntoIterator<Item = MemberId>,
    ) -> Result<Electorate, StoreFault> {
        let mut codes = Vec::new();
        let mut note = |receiver_id, givers: Vec<CodeGiver>| {
            codes.extend(givers.into_iter().map(|giver| GivenCode { receiver_id, giver }));
        };
        let holders = self.all(
            "SELECT id, roles, code_givers FROM member WHERE organization_id = ?1 AND (roles & 63) <> 0 AND status = ?2",
            &[organization.param(), MemberStatus::Active.as_str().param()],
            |row| Ok((get::<MemberId>(row, 0)?, get::<RoleSet>(row, 1)?, json::<Vec<CodeGiver>>(row, 2)?)),
        )?;
        let mut voters = Vec::new();
        for (member_id, roles, givers) in holders {
            voters.push(Voter { member_id, roles });
            note(member_id, givers);
        }
        let makers: BTreeSet<MemberId> = makers.into_iter().collect();
        for id in makers.into_iter().filter(|id| voters.iter().all(|voter| voter.member_id != *id)) {
            let sql = "SELECT code_givers FROM member WHERE id = ?1 AND organization_id = ?2";
            let givers = self.first(sql, &[id.param(), organization.param()], |row| json(row, 0))?;
            note(id, givers.unwrap_or_default());
        }
        Ok(Electorate::new(voters).with_codes(codes))
    }

    /// Of the electorate, those who can sign in: they have an account, and it is not disabled.
    pub fn load_deciders(&mut self, organization: OrganizationId) -> Result<Electorate, StoreFault> {
        let voters = self.all(
            "SELECT m.id, m.roles FROM member m JOIN person p ON p.id = m.person_id \
             WHERE m.organization_id = ?1 AND (m.roles & 63) <> 0 AND m.status = ?2 AND p.disabled_at IS NULL",
            &[organization.param(), MemberStatus::Active.as_str().param()],
            |row| Ok(Voter { member_id: get(row, 0)?, roles: get::<RoleSet>(row, 1)? }),
        )?;
        Ok(Electorate::new(voters))
    }
}

impl Tx<'_> {
    /// A new member. The number must be free.
    pub fn insert_member(&mut self, member: &Member) -> Result<(), StoreFault> {
        let texts = Texts::of(member);
        self.submit(
            "INSERT INTO member (id, organization_id, version, number, person_id, status, roles, given_name, family_name, \
             phone, email, joined_on, left_on, sort_key, search_key, updated_at, \
             code_givers, public_search_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            &columns(member, &texts),
        )?;
        Ok(())
    }

    /// A changed member.
    pub fn save_member(&mut self, member: &Member) -> Result<(), StoreFault> {
        let texts = Texts::of(member);
        self.submit(
            "UPDATE member SET version = ?3, number = ?4, person_id = ?5, status = ?6, roles = ?7, given_name = ?8, \
             family_name = ?9, phone = ?10, email = ?11, joined_on = ?12, left_on = ?13, sort_key = ?14, search_key = ?15, \
             updated_at = ?16, code_givers = ?17, public_search_key = ?18 WHERE id = ?1 AND organization_id = ?2",
            &columns(member, &texts),
        )?;
        Ok(())
    }

    /// The next number that nobody has or had.
    pub fn next_member_number(&mut self) -> Result<MemberNumber, Undo> {
        let organization = self.organization()?.id;
        loop {
            let next: u64 = self
                .value(
                    "UPDATE organization SET last_member_number = last_member_number + 1 WHERE id = ?1 \
                     RETURNING last_member_number",
                    &[organization.param()],
                )?
                .unwrap_or(1);
            let number = MemberNumber::numbered(next);
            if self.load_member_by_number(organization, &number)?.is_none() {
                return Ok(number);
            }
        }
    }
}

/// What of a member is stored in other words than it is held.
struct Texts {
    joined_on: String,
    left_on: Option<String>,
    sort_key: String,
    search_key: String,
    public_search_key: String,
    code_givers: String,
}

impl Texts {
    fn of(member: &Member) -> Self {
        Self {
            joined_on: member.joined_on.to_string(),
            left_on: member.left_on.map(|date| date.to_string()),
            sort_key: member.name.sort_key(),
            search_key: member.search_key(),
            public_search_key: member.public_search_key(),
            code_givers: to_json(&member.code_givers),
        }
    }
}

fn columns<'a>(member: &'a Member, texts: &'a Texts) -> [Param<'a>; 18] {
    [
        member.id.param(),
        member.organization_id.param(),
        member.version.param(),
        Param::Text(member.number.as_str()),
        member.person_id.as_ref().map_or(Param::Null, ToParam::param),
        Param::Text(member.status.as_str()),
        member.roles.param(),
        member.name.given.param(),
        member.name.family.param(),
        member.phone.as_ref().map_or(Param::Null, |phone| Param::Text(phone.as_str())),
        member.email.as_ref().map_or(Param::Null, |email| Param::Text(email.as_str())),
        Param::Text(&texts.joined_on),
        texts.left_on.as_deref().map_or(Param::Null, Param::Text),
        Param::Text(&texts.sort_key),
        Param::Text(&texts.search_key),
        member.updated_at.param(),
        Param::Text(&texts.code_givers),
        Param::Text(&texts.public_search_key),
    ]
}

fn member(row: &dyn Row) -> Result<Member, StoreFault> {
    Ok(Member {
        id: get(row, 0)?,
        organization_id: get(row, 1)?,
        version: get(row, 2)?,
        number: MemberNumber::from_stored(get(row, 3)?),
        person_id: get(row, 4)?,
        status: parsed(row, 5)?,
        roles: get(row, 6)?,
        name: Name { given: get(row, 7)?, family: get(row, 8)? },
        phone: get::<Option<String>>(row, 9)?.map(Phone::from_stored),
        email: get::<Option<String>>(row, 10)?.map(Email::from_stored),
        joined_on: get(row, 11)?,
        left_on: get(row, 12)?,
        updated_at: get(row, 13)?,
        code_givers: json(row, 14)?,
    })
}

/// A pattern that finds the text anywhere, its own wildcards taken literally.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
