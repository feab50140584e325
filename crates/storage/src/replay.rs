//! The tables held against the journal.

use unionflow_domain::replay::{Difference, Replay, Replayed, differs};
use unionflow_protocol::{
    Envelope, Event, Origin, Seq,
    event::approvals::{EntryLine, LedgerEntryPosted},
    id::OrganizationId,
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{ToParam, get, json, parsed, to_json},
};

/// Events read at once.
const PAGE: u32 = 500;

impl Reader<'_> {
    /// Reads the whole journal of an organisation once more, and says what is stored otherwise than it tells: entries,
    /// balances, reservations, where requests stand, figures. The first of them. That the journal itself is whole is
    /// [`verify_journal`](Self::verify_journal)'s to say.
    pub fn verify_state(&mut self, organization: OrganizationId) -> Result<Option<Difference>, StoreFault> {
        let (mut replay, mut seq, mut entries, mut lines) = (Replay::default(), Seq::ZERO, 0, 0);
        loop {
            let page = self.journal_after(organization, seq, PAGE)?;
            let Some(last) = page.last() else { break };
            seq = last.position.seq();
            for record in &page {
                let envelope = Envelope::decode(&record.value).map_err(|error| {
                    StoreFault::Malformed(format!("entry {}: {error}", record.position.seq()))
                })?;
                replay.hear(&envelope);
                if let (Event::LedgerEntryPosted(data), false) =
                    (&envelope.event, envelope.head.origin == Origin::Inbound)
                {
                    entries += 1;
                    lines += data.lines.len() as u64;
                    let different = self.entry_differs(data, record.position.seq())?;
                    if different.is_some() {
                        return Ok(different);
                    }
                }
            }
        }
        let counted = [
            (Replayed::Entries, entries, "SELECT count(*) FROM entry WHERE organization_id = ?1"),
            (
                Replayed::Lines,
                lines,
                "SELECT count(*) FROM entry_line l JOIN account a ON a.id = l.account_id WHERE a.organization_id = ?1",
            ),
        ];
        for (what, told, sql) in counted {
            let stored: Option<u64> = self.value(sql, &[organization.param()])?;
            let different = differs(what, told, stored.unwrap_or_default());
            if different.is_some() {
                return Ok(different);
            }
        }
        let chart = self.load_chart(organization)?;
        let requests = self.all(
            "SELECT id, status FROM approval WHERE organization_id = ?1 ORDER BY id",
            &[organization.param()],
            |row| Ok((get(row, 0)?, parsed(row, 1)?)),
        )?;
        let figures = self.load_figures(organization)?;
        Ok(replay.difference(&chart, &requests, figures.as_ref()))
    }

    fn entry_differs(
        &mut self,
        told: &LedgerEntryPosted,
        seq: Seq,
    ) -> Result<Option<Difference>, StoreFault> {
        let sql = "SELECT lines FROM entry WHERE id = ?1 AND seq = ?2";
        let stored: Option<Vec<EntryLine>> =
            self.first(sql, &[told.id.param(), seq.param()], |row| json(row, 0))?;
        let in_words = |lines: &Vec<EntryLine>| to_json(lines);
        let stored = stored.as_ref().map_or_else(String::new, in_words);
        let different = differs(Replayed::Entry(told.id), in_words(&told.lines), stored);
        if different.is_some() {
            return Ok(different);
        }
        for line in &told.lines {
            let sql = "SELECT amount FROM entry_line WHERE account_id = ?1 AND seq = ?2 AND entry_id = ?3";
            let stored: Option<i64> =
                self.value(sql, &[line.account_id.param(), seq.param(), told.id.param()])?;
            let in_words = |minor: Option<i64>| minor.map_or_else(String::new, |minor| minor.to_string());
            let told_amount = in_words(Some(line.amount.minor_units()));
            let different = differs(Replayed::Entry(told.id), told_amount, in_words(stored));
            if different.is_some() {
                return Ok(different);
            }
        }
        Ok(None)
    }
}
