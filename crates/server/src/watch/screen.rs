//! The screen as a function of the model: no terminal, so that tests read it as text.
//!
//! 80 columns by 24 lines hold everything; what is larger gives the room to the charts and the feed. Nothing is said by colour
//! alone.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Widget},
};
use unionflow_client::{ConnectionStatus, DashboardState};
use unionflow_protocol::Language;

use super::model::{Model, Notice};

mod dialog;
mod numbers;
mod requests;

/// How things are set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Palette {
    /// Whether there may be colours; without, there are bold and reversed letters.
    pub(super) colours: bool,
}

/// The smallest terminal that holds something of use.
const LEAST: (u16, u16) = (60, 18);
/// Lines of the figures, and of the requests, on the smallest usual terminal of 24.
const FIGURES: u16 = 8;
const REQUESTS: u16 = 7;
const USUAL: u16 = 24;

/// Draws everything.
pub(super) fn draw(model: &Model, palette: Palette, area: Rect, buffer: &mut Buffer) {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return draw_too_small(model, area, buffer);
    }
    let mut rest = area;
    title(model, palette, take(&mut rest, 1), buffer);
    for (text, style) in banners(model, palette) {
        put(buffer, take(&mut rest, 1), &text, style);
    }
    keys(model, palette, take_last(&mut rest, 1), buffer);
    if let Some((text, style)) = notice(model, palette) {
        put(buffer, take_last(&mut rest, 1), &text, style);
    }
    let extra = area.height.saturating_sub(USUAL) / 3;
    let (figures, charts) = halves(take(&mut rest, FIGURES + extra));
    numbers::figures(model, palette, figures, buffer);
    numbers::charts(model, palette, charts, buffer);
    let (list, detail) = halves(take(&mut rest, REQUESTS + extra));
    requests::list(model, palette, list, buffer);
    requests::detail(model, palette, detail, buffer);
    if rest.height > 2 {
        requests::feed(model, palette, rest, buffer);
    }
    if let Some(dialog) = &model.dialog {
        dialog::draw(model, dialog, palette, area, buffer);
    }
}

impl Palette {
    fn of(self, colour: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        if self.colours { style.fg(colour) } else { style }
    }

    fn good(self) -> Style {
        self.of(Color::Green, Modifier::empty())
    }

    fn warning(self) -> Style {
        self.of(Color::Yellow, Modifier::BOLD)
    }

    fn bad(self) -> Style {
        self.of(Color::Red, Modifier::BOLD)
    }

    fn quiet(self) -> Style {
        if self.colours { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }

    fn chart(self) -> Style {
        self.of(Color::Cyan, Modifier::empty())
    }

    const fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    const fn selected() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

fn say<'a>(model: &Model, french: &'a str, english: &'a str) -> &'a str {
    model.language.pick(french, english)
}

/// Who sees what, and how the connection stands.
fn title(model: &Model, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let status = model.connection_now();
    let (sign, style) = match &status {
        ConnectionStatus::Live => ("●", palette.good()),
        ConnectionStatus::CatchingUp | ConnectionStatus::Resyncing => ("◐", palette.warning()),
        ConnectionStatus::Connecting { .. } => ("◌", palette.warning()),
        ConnectionStatus::Disconnected
        | ConnectionStatus::Waiting { .. }
        | ConnectionStatus::Stopped { .. } => ("○", palette.bad()),
    };
    // Why it has ended is long, and stands in the line below.
    let text = match &status {
        ConnectionStatus::Stopped { .. } => say(model, "Arrêté", "Stopped").to_owned(),
        status => status.text(model.language),
    };
    let place = model.complete.map(|seq| format!(" · {} {seq}", say(model, "n°", "no."))).unwrap_or_default();
    let right = format!("{sign} {text}{place}");
    let right_width = width(&right).min(area.width);
    let left = fit(
        &format!("UnionFlow · {} · {}", model.organization, model.login),
        area.width.saturating_sub(right_width + 1),
    );
    put(buffer, area, &left, Palette::strong());
    let at = Rect { x: area.right() - right_width, width: right_width, ..area };
    put(buffer, at, &right, style);
}

/// What is wrong, a line each: with the connection, and with what was fetched.
fn banners(model: &Model, palette: Palette) -> Vec<(String, Style)> {
    let of_connection = model.connection.reason().map(|reason| reason.text(model.language));
    let of_data = match &model.dashboard {
        DashboardState::Failure { error, .. } => Some(error.text(model.language)),
        DashboardState::Initial | DashboardState::Loading | DashboardState::Loaded(_) => None,
    };
    let of_data = of_data.filter(|text| Some(*text) != of_connection);
    let both = [of_connection.map(str::to_owned), of_data.map(|text| stale(model, text))];
    both.into_iter().flatten().map(|text| (format!("! {text}"), palette.bad())).collect()
}

fn stale(model: &Model, text: &str) -> String {
    match (model.shown().is_some(), model.language) {
        (true, Language::French) => format!("{text} (chiffres d’avant)"),
        (true, Language::English) => format!("{text} (earlier figures)"),
        (false, _) => text.to_owned(),
    }
}

fn notice(model: &Model, palette: Palette) -> Option<(String, Style)> {
    Some(match model.notice.as_ref()? {
        Notice::Done(text) => (format!("✓ {text}"), palette.good()),
        Notice::Failed(text) => (format!("✗ {text}"), palette.bad()),
        Notice::Sending => (say(model, "Envoi…", "Sending…").to_owned(), palette.warning()),
    })
}

fn keys(model: &Model, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let text = say(
        model,
        "a approuver  r rejeter  ↑↓ choisir  Tab fil  g actualiser  ? aide  q quitter",
        "a approve  r reject  ↑↓ choose  Tab feed  g refresh  ? help  q quit",
    );
    put(buffer, area, text, palette.quiet());
}

fn draw_too_small(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut rest = area;
    let asked = format!(
        "{} {}×{}",
        say(model, "Fenêtre trop petite : il faut", "Too small: it takes"),
        LEAST.0,
        LEAST.1
    );
    let reason = model.connection.reason().map(|reason| reason.text(model.language).to_owned());
    let lines = [Some(asked), Some(model.connection_now().text(model.language)), reason];
    for text in lines.into_iter().flatten() {
        put(buffer, take(&mut rest, 1), &fit(&text, area.width), Style::new());
    }
}

/// A box; what is left inside.
fn boxed(heading: &str, is_focused: bool, area: Rect, buffer: &mut Buffer) -> Rect {
    let style = if is_focused { Palette::strong() } else { Style::new() };
    let heading = fit(heading, area.width.saturating_sub(6));
    let mark = if is_focused { "▸ " } else { "" };
    let block = Block::bordered().border_style(style).title(Line::from(format!(" {mark}{heading} ")));
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// The first lines of what is left.
fn take(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let taken = Rect { height, ..*rest };
    *rest = Rect { y: rest.y + height, height: rest.height - height, ..*rest };
    taken
}

/// The last lines of what is left.
fn take_last(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    rest.height -= height;
    Rect { y: rest.y + rest.height, height, ..*rest }
}

fn halves(area: Rect) -> (Rect, Rect) {
    let left = Rect { width: area.width / 2, ..area };
    (left, Rect { x: left.right(), width: area.width - left.width, ..area })
}

/// Columns that a text takes.
fn width(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// As much of a text as fits, with a sign that there is more.
fn fit(text: &str, columns: u16) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if width(&cut) >= columns {
            cut.pop();
            break;
        }
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// A text at the beginning of a line.
fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    if area.height > 0 {
        buffer.set_stringn(area.x, area.y, text, usize::from(area.width), style);
    }
}

/// A text at the beginning of a line, and one at its end, which is cut if there is no room.
fn put_both(
    buffer: &mut Buffer,
    area: Rect,
    (left, left_style): (&str, Style),
    (right, right_style): (&str, Style),
) {
    let room = area.width.saturating_sub(width(left) + 1);
    let right = fit(right, room);
    let x = area.right() - width(&right);
    put(buffer, area, left, left_style);
    put(buffer, Rect { x, width: area.right() - x, ..area }, &right, right_style);
}

/// The screen as text, for tests and reports.
#[cfg(test)]
pub(super) fn text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let line = |y: u16| {
        let line: String = (area.left()..area.right()).map(|x| buffer[(x, y)].symbol()).collect();
        line.trim_end().replace(['\u{a0}', '\u{202f}'], " ")
    };
    (area.top()..area.bottom()).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
