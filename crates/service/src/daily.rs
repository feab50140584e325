//! What a member may do so many times a day.

use unionflow_domain::Refusal;
use unionflow_protocol::{id::MemberId, problem::ErrorCode};
use unionflow_storage::{Tx, Undo, tables::done_today::Counted};

const fn times_max(what: Counted) -> u32 {
    match what {
        Counted::Requests => 10,
        Counted::TestEvents => 60,
        Counted::OwnContacts | Counted::ServiceKeys => 20,
    }
}

/// Counts once more; refused until tomorrow, there, when it has been often enough today.
pub(crate) fn count(tx: &mut Tx<'_>, member: MemberId, what: Counted) -> Result<(), Undo> {
    let (now, today) = (tx.now(), tx.today()?);
    if tx.count_today(member, what, today)? <= times_max(what) {
        return Ok(());
    }
    let tomorrow = today.plus_days(1).start_in(&tx.organization()?.settings.time_zone);
    let wait = u32::try_from(tomorrow.since(now).as_secs()).unwrap_or(u32::MAX).max(1);
    Err(Refusal::retry_after(ErrorCode::TooOftenToday, wait).into())
}
