//! Events as sentences. They name nobody: whoever shows them looks names and purposes up.

use unionflow_protocol::{
    Amount, Currency, Language,
    approval::TransactionType,
    event::{Event, dashboard::DashboardStatsUpdate},
    id::{ApprovalId, MemberId},
};

use crate::words;

/// What events leave out.
pub(crate) trait Known {
    /// What a member is called.
    fn name(&self, id: MemberId) -> Option<&str>;
    /// What a request is for.
    fn purpose(&self, id: ApprovalId) -> Option<&str>;
}

/// What happened, in a line.
pub(crate) fn sentence(event: &Event, language: Language, known: &impl Known) -> String {
    let say = |french, english| language.pick(french, english);
    let about = |id| purpose(id, language, known);
    match event {
        Event::ApprovalPending(e) => {
            let content = &e.content;
            let what = money(content.transaction_type, content.amount, content.currency, language);
            format!("{} {what}{}", say("Demande :", "Request:"), about(e.id))
        }
        Event::ApprovalVoteRecorded(e) => {
            let votes = format!("{}/{}", e.votes_in_step, e.votes_needed);
            format!("{} ({votes}){}", say("Vote favorable", "Vote in favour"), about(e.id))
        }
        Event::ApprovalApproved(e) => {
            let what = money(e.transaction_type, e.amount, e.currency, language);
            format!("{} {what}{}", say("✓ Approuvé :", "✓ Approved:"), about(e.id))
        }
        Event::ApprovalRejected(e) => {
            let what = money(e.transaction_type, e.amount, e.currency, language);
            format!("{} {what}{}", say("✗ Rejeté :", "✗ Rejected:"), about(e.id))
        }
        Event::ApprovalExecuted(e) => {
            let what = money(e.transaction_type, e.amount, e.currency, language);
            format!("{} {what}{}", say("⇒ Exécuté :", "⇒ Executed:"), about(e.id))
        }
        Event::LedgerEntryPosted(e) => {
            let lines = e.lines.iter().map(|line| {
                let account = words::account(line.kind, language);
                format!("{account} {}", line.amount.format(e.currency, language))
            });
            format!("{} {}", say("Écriture :", "Entry:"), lines.collect::<Vec<_>>().join(", "))
        }
        Event::MemberCreated(e) => {
            format!("{} {}", say("Nouveau membre n°", "New member no."), e.member_number)
        }
        Event::RoleGranted(e) => {
            let role = words::role(e.role, language);
            format!("{} {role} — {}", say("Rôle donné :", "Role given:"), name(e.id, known))
        }
        Event::RoleRevoked(e) => {
            let role = words::role(e.role, language);
            format!("{} {role} — {}", say("Rôle retiré :", "Role taken:"), name(e.id, known))
        }
        Event::UserNotification(e) => {
            let what = words::notification(e.kind, language);
            format!("{} {what}", say("Notification :", "Notification:"))
        }
        Event::DashboardStatsUpdate(e) => figures(e, language),
        other => {
            let name = other.event_type().map_or(other.type_name(), |kind| words::event(kind, language));
            format!("{name}{}", approval_of(other).map(about).unwrap_or_default())
        }
    }
}

/// A type and an amount, but for requests that are not about money.
pub(crate) fn money(kind: TransactionType, amount: Amount, currency: Currency, language: Language) -> String {
    let name = words::transaction(kind, language);
    if kind.is_governance() {
        return name.to_owned();
    }
    format!("{name} {}", amount.format(currency, language))
}

/// A text of people, in the quotation marks of the language.
pub(crate) fn quoted(text: &str, language: Language) -> String {
    // The space within belongs to the mark: no line ends there.
    format!("{}{text}{}", language.pick("«\u{a0}", "“"), language.pick("\u{a0}»", "”"))
}

/// The request that an event is about.
pub(crate) fn approval_of(event: &Event) -> Option<ApprovalId> {
    Some(match event {
        Event::ApprovalPending(e) => e.id,
        Event::ApprovalUpdated(e) => e.id,
        Event::ApprovalVoteRecorded(e) => e.id,
        Event::ApprovalVoteWithdrawn(e) => e.id,
        Event::ApprovalBlocked(e) => e.id,
        Event::ApprovalUnblocked(e) => e.id,
        Event::ApprovalApproved(e) => e.id,
        Event::ApprovalRejected(e) => e.id,
        Event::ApprovalCancelled(e) => e.id,
        Event::ApprovalExpired(e) => e.id,
        Event::ApprovalLapsed(e) => e.id,
        Event::ApprovalExecuted(e) => e.id,
        Event::ApprovalExecutionFailed(e) => e.id,
        _ => return None,
    })
}

fn figures(stats: &DashboardStatsUpdate, language: Language) -> String {
    let say = |french, english| language.pick(french, english);
    let balance = stats.balance.as_ref().map(|balance| {
        format!(" · {} {}", say("solde", "balance"), balance.total.format(stats.currency, language))
    });
    format!(
        "{} {} {} · {} {}{}",
        say("Chiffres :", "Figures:"),
        stats.members.total,
        say("membres", "members"),
        stats.approvals.pending_count,
        say("en attente", "pending"),
        balance.unwrap_or_default(),
    )
}

fn purpose(id: ApprovalId, language: Language, known: &impl Known) -> String {
    known.purpose(id).map(|purpose| format!(" {}", quoted(purpose, language))).unwrap_or_default()
}

fn name(id: MemberId, known: &impl Known) -> &str {
    known.name(id).unwrap_or("?")
}
