//! What stands above everything else until it is answered.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::Line,
    widgets::{Clear, Paragraph, Widget, Wrap},
};
use unionflow_protocol::limits;

use super::{Palette, boxed, put, requests::about, say, take_last, width};
use crate::watch::model::{Dialog, Model};

pub(super) fn draw(model: &Model, dialog: &Dialog, palette: Palette, area: Rect, buffer: &mut Buffer) {
    match dialog {
        Dialog::Help => help(model, area, buffer),
        Dialog::Approve(approval) => {
            let lines = about(model, approval, palette);
            let height = 4 + height_of(&lines, area);
            let inner = above(say(model, "Approuver ?", "Approve?"), height, area, buffer);
            let answers = say(model, "Entrée : oui    Échap : non", "Enter: yes    Esc: no");
            question(lines, answers, inner, buffer);
        }
        Dialog::Reject { approval, reason } => {
            let lines = about(model, approval, palette);
            let height = 7 + height_of(&lines, area);
            let mut inner = above(say(model, "Rejeter", "Reject"), height, area, buffer);
            let written = take_last(&mut inner, 5);
            let answers = say(model, "Entrée : rejeter    Échap : annuler", "Enter: reject    Esc: cancel");
            question(lines, "", inner, buffer);
            reject(model, reason, palette, answers, written, buffer);
        }
    }
}

/// A box in the middle.
fn above(heading: &str, height: u16, area: Rect, buffer: &mut Buffer) -> Rect {
    let (width, height) = (width_in(area), height.min(area.height));
    let at =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(at, buffer);
    boxed(heading, true, at, buffer)
}

/// Columns of a box in the middle.
fn width_in(area: Rect) -> u16 {
    area.width.saturating_sub(6).min(76)
}

/// Lines that a request takes there: whoever decides sees all of it.
fn height_of(lines: &[Line<'_>], area: Rect) -> u16 {
    // Words are not cut, so a line may hold less than its width.
    let columns = usize::from(width_in(area).saturating_sub(2)) * 9 / 10;
    let height: usize = lines.iter().map(|line| line.width() / columns.max(1) + 1).sum();
    u16::try_from(height).unwrap_or(u16::MAX)
}

fn question(lines: Vec<Line<'_>>, answers: &str, area: Rect, buffer: &mut Buffer) {
    let mut rest = area;
    if !answers.is_empty() {
        put(buffer, take_last(&mut rest, 1), answers, Palette::strong());
    }
    Paragraph::new(lines).wrap(Wrap { trim: true }).render(rest, buffer);
}

/// The reason as far as it is written; of a long one, its end.
fn reject(model: &Model, reason: &str, palette: Palette, answers: &str, area: Rect, buffer: &mut Buffer) {
    let mut rest = area;
    put(buffer, take_last(&mut rest, 1), answers, Palette::strong());
    let (least, most) = (limits::REASON_CHARS.start(), limits::REASON_CHARS.end());
    let written = reason.trim().chars().count();
    let heading = format!(
        "{} ({least} {} {most}) : {written}",
        say(model, "Motif, en caractères", "Reason, in characters"),
        say(model, "à", "to")
    );
    let style = if limits::REASON_CHARS.contains(&written) { Palette::strong() } else { palette.warning() };
    put(buffer, super::take(&mut rest, 1), &heading, style);
    let shown = format!("{reason}▏");
    let lines = lines_of(&shown, rest.width);
    let first = lines.len().saturating_sub(usize::from(rest.height));
    for line in &lines[first..] {
        put(buffer, super::take(&mut rest, 1), line, Palette::selected());
    }
}

/// A text cut where the line ends: whoever types sees each letter stay where it is.
fn lines_of(text: &str, columns: u16) -> Vec<String> {
    let mut lines = vec![String::new()];
    for c in text.chars() {
        let last = lines.last().map_or(0, |line| width(line));
        if last + width(&c.to_string()) > columns {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
    }
    lines
}

fn help(model: &Model, area: Rect, buffer: &mut Buffer) {
    let inner = above(say(model, "Aide", "Help"), 16, area, buffer);
    let lines: Vec<Line<'_>> = HELP
        .iter()
        .map(|(keys, french, english)| Line::raw(format!("{keys:<14} {}", say(model, french, english))))
        .collect();
    Paragraph::new(lines).render(inner, buffer);
}

const HELP: &[(&str, &str, &str)] = &[
    ("a", "approuver la demande choisie", "approve the request that is chosen"),
    ("r", "la rejeter, avec un motif", "reject it, with a reason"),
    ("↑ ↓  j k", "choisir une demande, ou remonter le fil", "choose a request, or look back in the feed"),
    ("Tab", "passer des demandes au fil", "go from the requests to the feed"),
    ("g  F5", "tout relire, et retenter la connexion", "read everything anew, and try the connection"),
    ("q  Ctrl-C", "quitter", "quit"),
    ("", "", ""),
    ("•", "cette demande attend votre vote", "this request waits for your vote"),
    ("1/2", "votes reçus et nécessaires à cette étape", "votes received and needed in this step"),
    ("#3077", "la place d’un événement dans le journal", "the place of an event in the journal"),
    ("", "", ""),
    ("", "Les heures sont en temps universel (UTC).", "Times are universal time (UTC)."),
];
