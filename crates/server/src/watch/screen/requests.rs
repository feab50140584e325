//! Requests that wait for votes, the one that is looked at, and what happens.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::Line,
    widgets::{Paragraph, Widget, Wrap},
};
use unionflow_protocol::rest::approval::{Approval, ApprovalAction};

use super::{Palette, boxed, fit, put, put_both, say, take, width};
use crate::{
    sentences::{Known, money, quoted},
    watch::{
        harmless,
        model::{Focus, Model, may},
        text,
    },
    words,
};

pub(super) fn list(model: &Model, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let requests = model.requests();
    let listed = model.shown().and_then(|dashboard| dashboard.approvals.as_ref());
    let more = if listed.is_some_and(|listed| listed.has_more) { "+" } else { "" };
    let heading = format!("{} ({}{more})", say(model, "À décider", "To decide"), requests.len());
    let mut rest = boxed(&heading, model.focus == Focus::Requests, area, buffer);
    if listed.is_none() {
        return put(buffer, rest, say(model, "Chargement…", "Loading…"), palette.quiet());
    }
    if requests.is_empty() {
        return put(
            buffer,
            rest,
            say(model, "Rien n’attend de vote.", "Nothing waits for a vote."),
            palette.quiet(),
        );
    }
    let selected = requests.iter().position(|approval| Some(approval.id) == model.selected).unwrap_or(0);
    let first = selected.saturating_sub(usize::from(rest.height).saturating_sub(1));
    for (at, approval) in requests.iter().enumerate().skip(first).take(usize::from(rest.height)) {
        line(model, approval, at == selected, take(&mut rest, 1), buffer);
    }
}

/// `▸` is looked at, `•` waits for this person's vote, `…` is being decided.
fn line(model: &Model, approval: &Approval, is_selected: bool, area: Rect, buffer: &mut Buffer) {
    let cursor = if is_selected { "▸" } else { " " };
    let mine = match (model.deciding.contains(&approval.id), may(approval, ApprovalAction::Approve)) {
        (true, _) => "…",
        (false, true) => "•",
        (false, false) => " ",
    };
    let votes = match approval.votes_needed {
        ..=1 => String::new(),
        needed => format!("{}/{needed}", approval.votes_in_step),
    };
    let room = area.width.saturating_sub(width(&votes) + 1);
    let left = fit(&format!("{cursor}{mine} {}", what(model, approval)), room);
    let style = if is_selected { Palette::selected() } else { Style::new() };
    buffer.set_style(area, style);
    put_both(buffer, area, (&left, style), (&votes, style));
}

/// What is asked for, and what for.
pub(super) fn what(model: &Model, approval: &Approval) -> String {
    let purpose = approval.purpose.as_deref().map(|text| format!(" {}", quoted(text, model.language)));
    harmless(&format!("{}{}", sum(model, approval), purpose.unwrap_or_default()))
}

fn sum(model: &Model, approval: &Approval) -> String {
    let content = &approval.content;
    money(content.transaction_type, content.amount, content.currency, model.language)
}

pub(super) fn detail(model: &Model, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let inner = boxed(say(model, "Demande", "Request"), false, area, buffer);
    let Some(approval) = model.looked_at() else { return };
    Paragraph::new(about(model, approval, palette)).wrap(Wrap { trim: true }).render(inner, buffer);
}

/// All there is to know before deciding; what people wrote last, because it may be long.
pub(super) fn about(model: &Model, approval: &Approval, palette: Palette) -> Vec<Line<'static>> {
    let name = |id| harmless(model.known.name(id).unwrap_or("…"));
    let mut people = format!("{} {}", say(model, "de", "by"), name(approval.requester_id));
    if let Some(id) = approval.content.beneficiary_member_id {
        people.push_str(&format!(" {} {}", say(model, "pour", "for"), name(id)));
    }
    if let Some(number) = &approval.beneficiary_member_number {
        people.push_str(&format!(" ({} {})", say(model, "n°", "no."), harmless(number)));
    }
    let until = approval.terms.decide_by.to_string();
    let until = format!("{} {}", say(model, "avant le", "before"), until.get(..10).unwrap_or_default());
    let step = approval.current_step.and_then(|step| {
        let step = approval.terms.policy.steps.get(usize::from(step).checked_sub(1)?)?;
        let voters = say(model, "Peuvent voter :", "May vote:");
        Some(format!("{voters} {}", words::roles(step.roles, model.language)))
    });
    let votes = format!(
        "{} {}/{} · {until}",
        say(model, "votes", "votes"),
        approval.votes_in_step,
        approval.votes_needed
    );
    let mut lines =
        vec![Line::styled(sum(model, approval), Palette::strong()), Line::raw(people), Line::raw(votes)];
    if approval.blocked.is_some() {
        let text = say(model, "Bloquée : trop peu de personnes peuvent voter.", "Blocked: too few may vote.");
        lines.push(Line::styled(text.to_owned(), palette.bad()));
    }
    if approval.terms.policy.single_signature {
        let text = say(
            model,
            "Signature unique : qui vote seul décide seul.",
            "Single signature: who votes alone decides alone.",
        );
        lines.push(Line::styled(text.to_owned(), palette.warning()));
    }
    if !approval.terms.code_givers.is_empty() {
        let givers: Vec<String> = approval.terms.code_givers.iter().map(|id| name(*id)).collect();
        let text = say(
            model,
            "Attention : un code d’accès du demandeur ou du bénéficiaire a été montré à",
            "Beware: a code to the account of its maker or beneficiary was shown to",
        );
        lines.push(Line::styled(format!("{text} {}", givers.join(", ")), palette.warning()));
    }
    lines.extend(approval.purpose.as_deref().map(|text| Line::raw(quoted(&harmless(text), model.language))));
    lines.extend(step.map(|roles| Line::styled(roles, palette.quiet())));
    lines
}

pub(super) fn feed(model: &Model, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let mut rest = boxed(say(model, "Fil", "Feed"), model.focus == Focus::Feed, area, buffer);
    if model.feed.is_empty() {
        let text = say(model, "Rien ne s’est passé depuis.", "Nothing has happened since.");
        return put(buffer, rest, text, palette.quiet());
    }
    for happened in model.feed.iter().skip(model.feed_offset).take(usize::from(rest.height)) {
        let area = take(&mut rest, 1);
        let line = text::event(&happened.told, &happened.event, model.language, &model.known);
        let who = text::who(&happened.told, &model.known).unwrap_or_default();
        // Of a long line the end is cut, which repeats what a request is for, and not who it was.
        let line = fit(&line, area.width.saturating_sub(width(&who) + 1));
        put_both(buffer, area, (&line, Style::new()), (&who, palette.quiet()));
    }
}
