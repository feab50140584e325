//! The table that is printed.

use std::time::Duration;

/// What was measured.
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
}

impl Report {
    pub(crate) fn begin() -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        eprintln!("measuring on {cores} cores; other work on the machine shows in every figure");
        Self { rows: Vec::new() }
    }

    /// A figure, what it was beside, and what it must be.
    pub(crate) fn row(&mut self, measure: &str, figure: String, baseline: String, must: &str, is_met: bool) {
        let verdict = if is_met { "met" } else { "MISSED" };
        eprintln!("{measure}: {figure}   (baseline {baseline}; must be {must}: {verdict})");
        self.rows.push([measure.to_owned(), figure, baseline, must.to_owned(), verdict.to_owned()]);
    }

    /// A figure that is only told.
    pub(crate) fn note(&mut self, measure: &str, figure: String) {
        eprintln!("{measure}: {figure}");
        self.rows.push([measure.to_owned(), figure, String::new(), String::new(), String::new()]);
    }

    pub(crate) fn print(&self) {
        println!("\n| measure | figure | baseline, same run | must | |\n|---|---|---|---|---|");
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
    }
}

/// The value below which this share of the times lies.
pub(crate) fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let place = (share * last as f64).ceil() as usize;
    times.get(place.min(last)).copied().unwrap_or_default()
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
