//! Members: adding, editing, admitting, suspending, letting go; inviting; roles.

pub mod ask_role;
pub mod change_status;
pub(crate) mod codes;
pub mod create;
pub mod edit;
pub mod import;
pub mod invite;
pub mod read;
pub mod reset;
pub(crate) mod view;

use unionflow_domain::member::Member;
use unionflow_protocol::{id::MemberId, problem::ErrorCode};
use unionflow_storage::{Tx, Undo};

use crate::{Call, membership};

/// A member of the organisation that the unit has locked, and who acts. Whoever may not see the directory sees nobody else.
pub(crate) fn load_for(tx: &mut Tx<'_>, call: &Call, id: MemberId) -> Result<(Member, Member), Undo> {
    let actor = membership::acting(tx, call)?;
    let organization = tx.organization()?.clone();
    let visible = |member: &Member| {
        member.organization_id == organization.id
            && (member.id == actor.id
                || membership::sees_directory(&actor, organization.settings.directory_open_to_members))
    };
    let member = tx.load_member(id)?.filter(visible).ok_or(ErrorCode::NotFound)?;
    call.expects(member.version)?;
    Ok((member, actor))
}
