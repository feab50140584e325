//! Figures, and twelve months of them.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Palette, boxed, fit, put, put_both, say, take, width};
use crate::watch::{
    bars::bars,
    figures::{Series, initials, rows, series},
    model::Model,
};

pub(super) fn figures(model: &Model, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let heading = say(model, "Chiffres", "Figures");
    let Some(dashboard) = model.shown() else {
        let inner = boxed(heading, false, area, buffer);
        return put(buffer, inner, say(model, "Chargement…", "Loading…"), palette.quiet());
    };
    let heading = format!("{heading} · {}", dashboard.stats.as_of_date);
    let mut rest = boxed(&heading, false, area, buffer);
    for row in rows(&dashboard.stats.figures, model.language) {
        let right = match row.more.is_empty() {
            true => row.value,
            false => format!("{}   {}", row.value, row.more),
        };
        put_both(buffer, take(&mut rest, 1), (row.label, Style::new()), (&right, Palette::strong()));
    }
}

pub(super) fn charts(model: &Model, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let mut rest = boxed(say(model, "Douze mois", "Twelve months"), false, area, buffer);
    let Some(kpis) = model.shown().and_then(|dashboard| dashboard.kpis.as_ref()) else {
        return put(buffer, rest, say(model, "Chargement…", "Loading…"), palette.quiet());
    };
    let all = series(&kpis.figures, model.language);
    let longest = |text: fn(&Series) -> &str| all.iter().map(|series| width(text(series))).max().unwrap_or(0);
    let (labels, lasts) = (longest(|series| series.label) + 1, longest(|series| &series.last) + 1);
    let months = u16::try_from(kpis.figures.months.len()).unwrap_or(12).max(1);
    let column = (rest.width.saturating_sub(labels + lasts) / months).clamp(1, 4);
    let count = u16::try_from(all.len()).unwrap_or(1).max(1);
    let height = (rest.height.saturating_sub(1) / count).max(1);
    let axis = super::take_last(&mut rest, 1);
    for series in &all {
        if rest.height < height {
            break;
        }
        let area = take(&mut rest, height);
        one(series, palette, area, (labels, column), buffer);
    }
    let initials = initials(&kpis.figures.months).into_iter();
    let axis_text: String =
        initials.map(|initial| format!("{initial:<width$}", width = usize::from(column))).collect();
    put(
        buffer,
        Rect { x: axis.x + labels, width: axis.width.saturating_sub(labels), ..axis },
        &axis_text,
        palette.quiet(),
    );
}

fn one(series: &Series, palette: Palette, area: Rect, (labels, column): (u16, u16), buffer: &mut Buffer) {
    let lines = bars(&series.values, series.base, usize::from(area.height), usize::from(column));
    for (y, line) in (area.top()..).zip(&lines) {
        let at = Rect { x: area.x + labels, y, width: area.width.saturating_sub(labels), height: 1 };
        put(buffer, at, line, palette.chart());
    }
    let foot = Rect { y: area.bottom() - 1, height: 1, ..area };
    put(buffer, foot, series.label, Style::new());
    let drawn = labels + column * u16::try_from(series.values.len()).unwrap_or(0);
    let room = area.width.saturating_sub(drawn + 1);
    // Without room the currency is left out, which the figures beside it name, and not a digit.
    let number = series.last.rsplit_once('\u{a0}').map_or(&*series.last, |(number, _)| number);
    let last = if width(&series.last) > room { number } else { &series.last };
    let last = fit(last, room);
    let x = area.right() - width(&last);
    put(buffer, Rect { x, width: area.right() - x, ..foot }, &last, Palette::strong());
}
