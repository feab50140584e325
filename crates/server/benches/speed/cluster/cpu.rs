//! Processor time of this process and of those that it started: on a machine that is busy, a better figure than any rate.

use std::{collections::HashMap, fmt, fs, time::Duration};

/// What was used so far, or between two moments.
#[derive(Clone, Copy, Default)]
pub(super) struct Cpu {
    ours: Duration,
    postgres: Duration,
    kafka: Duration,
}

impl Cpu {
    pub(super) fn now() -> Self {
        let processes: HashMap<u32, Process> = fs::read_dir("/proc")
            .expect("Linux")
            .flatten()
            .filter_map(|entry| process(&entry.path()))
            .collect();
        let mut used = Self::default();
        for (id, process) in &processes {
            let is_ours =
                std::iter::successors(Some(*id), |id| processes.get(id).map(|process| process.parent))
                    .any(|id| id == std::process::id());
            match process.name.as_str() {
                _ if !is_ours => {}
                "postgres" => used.postgres += process.used,
                "java" => used.kafka += process.used,
                _ => used.ours += process.used,
            }
        }
        used
    }

    /// Since then, for each of so many.
    pub(super) fn each_since(self, then: Self, count: u64) -> Self {
        let each = |now: Duration, then: Duration| now.saturating_sub(then).div_f64(count.max(1) as f64);
        Self {
            ours: each(self.ours, then.ours),
            postgres: each(self.postgres, then.postgres),
            kafka: each(self.kafka, then.kafka),
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ours, postgres, kafka] = [self.ours, self.postgres, self.kafka].map(|used| used.as_micros());
        write!(f, "{ours} µs here, {postgres} µs in PostgreSQL, {kafka} µs in Kafka")
    }
}

struct Process {
    name: String,
    parent: u32,
    used: Duration,
}

fn process(path: &std::path::Path) -> Option<(u32, Process)> {
    let id = path.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    // The name may hold blanks; after it the parent is the 2nd, user and system time the 12th and 13th.
    let (begin, rest) = stat.rsplit_once(')')?;
    let name = begin.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some((
        id,
        Process { name, parent: fields.get(1)?.parse().ok()?, used: Duration::from_millis(ticks * 10) },
    ))
}
