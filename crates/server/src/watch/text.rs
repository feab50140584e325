//! The dashboard as text, for `--once`, and events as lines.

use unionflow_protocol::{Language, Position, event::Event, rest::approval::Approval};

use super::{
    Snapshot, Told,
    bars::bars,
    figures::{initials, rows, series},
    harmless,
};
use crate::sentences::{Known, money, quoted, sentence};

/// The figures, twelve months of them, and what waits for votes.
pub(super) fn dashboard(snapshot: &Snapshot, organization: &str, language: Language) -> String {
    let say = |french, english| language.pick(french, english);
    let Snapshot { stats, kpis, approvals } = snapshot;
    let (day, seq) = (stats.as_of_date, stats.as_of.as_of_seq);
    let mut lines = vec![format!("{} · {day} · {} {seq}", harmless(organization), say("n°", "no."))];
    if stats.single_signature_in_effect {
        lines.push(
            say(
                "  Attention : une seule personne décide en ce moment (signature unique).",
                "  Warning: one person decides alone at present (single signature).",
            )
            .to_owned(),
        );
    }
    for row in rows(&stats.figures, language) {
        let line = format!("  {:<20} {:>18}   {}", row.label, row.value, row.more);
        lines.push(line.trim_end().to_owned());
    }
    lines.push(format!("\n{}", say("Douze mois", "Twelve months")));
    let months: String = initials(&kpis.figures.months).into_iter().collect();
    lines.push(format!("  {:<20} {months}", ""));
    for series in series(&kpis.figures, language) {
        let bars = bars(&series.values, series.base, 1, 1).concat();
        lines.push(format!("  {:<20} {bars} {:>18}", series.label, series.last));
    }
    let more = if approvals.next_cursor.is_some() { "+" } else { "" };
    lines.push(format!("\n{} ({}{more})", say("À décider", "To decide"), approvals.items.len()));
    lines.extend(approvals.items.iter().map(|approval| format!("  {}", request(approval, language))));
    lines.join("\n")
}

/// A request that waits, in a line.
fn request(approval: &Approval, language: Language) -> String {
    let content = &approval.content;
    let what = money(content.transaction_type, content.amount, content.currency, language);
    let purpose = approval.purpose.as_deref().map(|purpose| format!(" {}", quoted(purpose, language)));
    let until = approval.terms.decide_by.to_string();
    let until = until.get(..10).unwrap_or_default();
    let text = format!(
        "{what}{} · {}/{} · {} {until}",
        purpose.unwrap_or_default(),
        approval.votes_in_step,
        approval.votes_needed,
        language.pick("avant le", "before"),
    );
    harmless(&text)
}

/// When (UTC), where in the journal, and what.
pub(super) fn event(told: &Told, event: &Event, language: Language, known: &impl Known) -> String {
    let at = told.head.timestamp.to_string();
    let time = at.get(11..19).unwrap_or_default();
    format!("{time}  {:>7}  {}", place(told), harmless(&sentence(event, language, known)))
}

/// Who did it, where that is known.
pub(super) fn who(told: &Told, known: &impl Known) -> Option<String> {
    told.head.actor_id.and_then(|id| known.name(id)).map(harmless)
}

/// The place in the journal; of figures, that they are figures.
fn place(told: &Told) -> String {
    match told.head.position {
        Position::Fact(seq) => format!("#{seq}"),
        Position::State { .. } => "≈".to_owned(),
    }
}
