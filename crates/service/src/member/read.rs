//! `GET /members` and `GET /members/{id}`

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use unionflow_domain::{Refusal, contact::fold, hint::Hint, member::Member as Kept, permissions::Action};
use unionflow_protocol::{
    id::{MemberId, OrganizationId},
    limits::{SEARCH_CHARS, SEARCH_FOLDED_BYTES},
    member::MemberStatus,
    problem::{ErrorCode, FieldCode},
    rest::{Page, member::Member},
};
use unionflow_storage::{
    Reader, Undo,
    tables::member::{MemberCursor, MemberFilter},
};

use super::view;
use crate::{Principal, membership::Viewer};

/// What a list of members is to hold.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Part of a name or number, as people type it; of a phone too for who may see it.
    pub search: Option<String>,
    /// Only these statuses.
    pub statuses: Vec<MemberStatus>,
    /// Only these members, whatever else is asked for.
    pub ids: Vec<MemberId>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// How many.
    pub limit: usize,
}

/// One member: oneself, or anybody for those who see the directory.
pub fn read(reader: &mut Reader<'_>, principal: &Principal, id: MemberId) -> Result<Member, Undo> {
    let member = reader.load_member(id)?.ok_or(ErrorCode::NotFound)?;
    let viewer = Viewer::belonging(reader, principal, member.organization_id)?;
    let organization = reader.load_organization(member.organization_id)?.ok_or(ErrorCode::NotFound)?;
    let directory = viewer.sees_directory(organization.settings.directory_open_to_members);
    if !viewer.is(member.id) && !directory {
        return Err(ErrorCode::NotFound.into());
    }
    let as_of = reader.as_of(member.organization_id)?;
    view::read(reader, &member, sees_contacts(&viewer, &member), as_of)
}

/// A page of members by folded name.
pub fn list(
    reader: &mut Reader<'_>,
    principal: &Principal,
    organization: OrganizationId,
    wanted: &Wanted,
) -> Result<Page<Member>, Undo> {
    let viewer = Viewer::active(reader, principal, organization)?;
    let settings = reader.load_organization(organization)?.ok_or(ErrorCode::NotFound)?.settings;
    if !viewer.sees_directory(settings.directory_open_to_members) {
        return Err(viewer.no_directory().into());
    }
    let as_of = reader.as_of(organization)?;
    let mut items = Vec::new();
    if !wanted.ids.is_empty() {
        for id in &wanted.ids {
            if let Some(member) =
                reader.load_member(*id)?.filter(|member| member.organization_id == organization)
            {
                items.push(view::read(reader, &member, sees_contacts(&viewer, &member), as_of)?);
            }
        }
        return Ok(Page { items, next_cursor: None, as_of });
    }
    let after = wanted.after.as_deref().map(read_cursor).transpose()?;
    let search = wanted.search.as_deref().map(read_search).transpose()?.filter(|text| !text.is_empty());
    // Searched, not left out afterwards: a page that holds less than it might would tell of phones too.
    let in_contacts = viewer.may(Action::SeeContacts);
    let filter = MemberFilter { search, in_contacts, statuses: wanted.statuses.clone() };
    let mut found = reader.load_members(organization, &filter, after.as_ref(), wanted.limit + 1)?;
    let more = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    let last = found.last().filter(|_| more);
    let next_cursor =
        last.map(|member| cursor(&MemberCursor { sort_key: member.name.sort_key(), id: member.id }));
    for member in &found {
        items.push(view::read(reader, member, sees_contacts(&viewer, member), as_of)?);
    }
    Ok(Page { items, next_cursor, as_of })
}

fn sees_contacts(viewer: &Viewer, of: &Kept) -> bool {
    viewer.is(of.id) || viewer.may(Action::SeeContacts)
}

/// What is searched for: no longer than any name, and than what the store can match.
fn read_search(text: &str) -> Result<String, Refusal> {
    let (min, max) = SEARCH_CHARS.into_inner();
    let key = if text.chars().count() > max { None } else { Some(search_key(text)) };
    key.filter(|key| key.len() <= SEARCH_FOLDED_BYTES).ok_or_else(|| {
        let hint = Hint::Characters { min, max };
        Refusal::from(ErrorCode::InvalidRequest).at("search", FieldCode::TooLarge, hint)
    })
}

/// Phones are found however they are typed, by their digits; a leading 0 may belong to the number or stand for the country.
fn search_key(typed: &str) -> String {
    let folded = fold(typed);
    let digits: String = folded.chars().filter(|c| !c.is_whitespace()).collect();
    let is_phone = digits.len() >= 6 && digits.chars().all(|c| c.is_ascii_digit());
    if is_phone { digits } else { folded }
}

fn cursor(cursor: &MemberCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}\n{}", cursor.id, cursor.sort_key))
}

fn read_cursor(text: &str) -> Result<MemberCursor, Refusal> {
    let read = || {
        let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (id, sort_key) = decoded.split_once('\n')?;
        Some(MemberCursor { id: id.parse().ok()?, sort_key: sort_key.to_owned() })
    };
    read().ok_or_else(|| {
        Refusal::from(ErrorCode::InvalidRequest).at("after", FieldCode::Invalid, Hint::DoesNotExist)
    })
}
