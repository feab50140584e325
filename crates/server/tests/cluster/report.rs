//! What came of the runs of a scenario.

use std::{collections::HashMap, fmt, time::Duration};

use unionflow_testkit::{Books, Tally};

use crate::client::{Client, Life, hash_of};

/// One line of the table of faults.
#[derive(Default)]
pub(crate) struct Report {
    name: &'static str,
    seeds: (u64, u64),
    pub(crate) runs: u64,
    clients: usize,
    pub(crate) tally: Tally,
    deliveries: usize,
    reconnects: usize,
    resyncs: usize,
    /// How often clients must have been told to fetch anew.
    pub(crate) expected_resyncs: usize,
    lost: usize,
    doubled: usize,
    out_of_order: usize,
    /// From the end of each fault until every client held every event acknowledged.
    pub(crate) recovered: Vec<Duration>,
    /// From the end of each fault until every server said that it is whole.
    pub(crate) ready: Vec<Duration>,
}

impl Report {
    /// Nothing yet. `seeds`: the first and the last.
    pub(crate) fn of(name: &'static str, seeds: (u64, u64)) -> Self {
        Self { name, seeds, ..Self::default() }
    }

    /// What a client saw, beside the journals of all incarnations.
    pub(crate) fn compare(&mut self, client: &Client, journals: &HashMap<String, Books>) {
        self.clients += 1;
        self.reconnects += client.welcomes.saturating_sub(1);
        self.resyncs += client.lives.len() - 1;
        self.doubled += client.doubled;
        self.out_of_order += client.out_of_order;
        self.tally.faults.extend(client.faults.iter().cloned());
        for life in &client.lives {
            self.deliveries += life.seen.len();
            match journals.get(&life.epoch) {
                Some(books) => self.compare_life(client, life, books),
                None => self.tally.faults.push(format!("no journal of the epoch {}", life.epoch)),
            }
        }
    }

    fn compare_life(&mut self, client: &Client, life: &Life, books: &Books) {
        let account = &client.person.account;
        let due: HashMap<u64, u64> = books
            .due(account.member_id, account.roles())
            .filter(|(seq, _)| *seq > life.begins && *seq <= life.cursor)
            .map(|(seq, text)| (seq, hash_of(text)))
            .collect();
        let wrong: Vec<u64> = life
            .seen
            .iter()
            .filter(|seen| due.get(&seen.seq) != Some(&seen.hash))
            .map(|seen| seen.seq)
            .collect();
        if !wrong.is_empty() {
            self.tally.faults.push(format!("{} saw what is not so: {wrong:?}", account.login));
        }
        let lost = due.len().saturating_sub(life.seen.len() - wrong.len());
        if lost > 0 {
            let missing = due.keys().filter(|seq| life.seen.binary_search_by_key(*seq, |s| s.seq).is_err());
            let missing: Vec<&u64> = missing.collect();
            self.tally.faults.push(format!("{} did not see {missing:?}", account.login));
        }
        self.lost += lost;
    }

    /// Everything that must be nothing is nothing.
    pub(crate) fn is_clean(&self) -> bool {
        self.tally.faults.is_empty()
            && self.resyncs == self.expected_resyncs
            && self.lost + self.doubled + self.out_of_order + self.kept_wrong() == 0
    }

    fn kept_wrong(&self) -> usize {
        self.tally.lost + self.tally.doubled
    }
}

fn spread(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort();
    let last = times.len().saturating_sub(1);
    let at = |of: usize| times.get(of).copied().unwrap_or_default().as_secs_f64();
    format!("{:.2} / {:.2} s", at(last / 2), at(last))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| scenario | seeds | runs | faults | clients | commands | repeated | events | deliveries | reconnects | resyncs | lost | \
             doubled | out of order | recovered (median / longest) | ready again (median / longest) |"
        )?;
        let (first, last) = self.seeds;
        let Tally { acknowledged, repeated, events, .. } = self.tally;
        write!(
            f,
            "| {} | {first}–{last} | {} | {} | {} | {acknowledged} | {repeated} | {events} | {} | {} | {} | {} | {} | {} | {} | {} |",
            self.name,
            self.runs,
            self.recovered.len(),
            self.clients,
            self.deliveries,
            self.reconnects,
            self.resyncs,
            self.lost + self.tally.lost,
            self.doubled + self.tally.doubled,
            self.out_of_order,
            spread(&self.recovered),
            spread(&self.ready),
        )
    }
}
