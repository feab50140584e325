//! What the figures say, in the words of a language.

use unionflow_protocol::{
    Amount, Currency, Language,
    event::dashboard::{DashboardStatsUpdate, KpiUpdate},
};

use super::bars::Base;
use crate::words;

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    /// What else there is to say of it.
    pub(crate) more: String,
}

/// A figure at each of twelve months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) label: &'static str,
    pub(crate) values: Vec<i64>,
    pub(crate) base: Base,
    /// The last value.
    pub(crate) last: String,
}

/// The figures; those that the viewer's edition leaves out are left out.
pub(crate) fn rows(stats: &DashboardStatsUpdate, language: Language) -> Vec<Row> {
    let say = |french, english| language.pick(french, english);
    let count = |number: u32| language.count(number);
    let money = |amount: Amount| amount.format(stats.currency, language);
    let row = |label, value, more| Row { label, value, more };
    let members = &stats.members;
    let mut of_members = vec![format!("{} {}", count(members.active), say("actifs", "active"))];
    // Those that the smallest screens cut off come last.
    let some = [
        (members.new_this_month, say("nouveaux", "new")),
        (members.suspended, say("suspendus", "suspended")),
    ];
    of_members.extend(some.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))));
    let mut rows = vec![row(say("Membres", "Members"), count(members.total), of_members.join(" · "))];
    if let Some(balance) = &stats.balance {
        rows.push(row(say("Solde", "Balance"), money(balance.total), String::new()));
    }
    let approvals = &stats.approvals;
    let pending = approvals.pending_amount.map(money).unwrap_or_default();
    rows.push(row(say("En attente", "Pending"), count(approvals.pending_count), pending));
    for (label, amount) in [
        (say("Approuvé ce mois", "Approved this month"), approvals.approved_this_month),
        (say("Exécuté ce mois", "Executed this month"), approvals.executed_this_month),
    ] {
        rows.extend(amount.map(|amount| row(label, money(amount), String::new())));
    }
    let contributions = &stats.contributions;
    let collected = match (contributions.collected, contributions.issued) {
        (Some(collected), Some(issued)) => format!("{} / {}", money(collected), money(issued)),
        _ => String::new(),
    };
    let rate = rate(contributions.collection_rate, language);
    rows.push(row(say("Cotisations", "Contributions"), rate, collected));
    for account in stats.balance.iter().flat_map(|balance| &balance.accounts) {
        rows.push(row(words::account(account.kind, language), money(account.balance), String::new()));
    }
    rows
}

/// Twelve months of them.
pub(crate) fn series(kpis: &KpiUpdate, language: Language) -> Vec<Series> {
    let say = |french, english| language.pick(french, english);
    let amounts =
        |label, values: &Vec<Amount>, base| of_amounts(label, values, base, kpis.currency, language);
    let mut all = vec![of_counts(say("Membres", "Members"), &kpis.members.total, Base::Lowest, language)];
    let (approvals, balance) = (&kpis.approvals, kpis.balance.as_ref());
    all.extend(balance.map(|balance| amounts(say("Solde", "Balance"), &balance.total, Base::Lowest)));
    all.push(of_counts(say("En attente", "Pending"), &approvals.pending_count, Base::Zero, language));
    let monthly = [
        (say("Approuvé", "Approved"), &approvals.approved_this_month),
        (say("Exécuté", "Executed"), &approvals.executed_this_month),
    ];
    all.extend(
        monthly
            .iter()
            .filter_map(|(label, values)| values.as_ref().map(|values| amounts(label, values, Base::Zero))),
    );
    if balance.is_none() {
        all.push(of_counts(say("Nouveaux", "New"), &kpis.members.new_this_month, Base::Zero, language));
        let rates = &kpis.contributions.collection_rate;
        let last = rates.last().map(|last| rate(*last, language)).unwrap_or_default();
        let label = say("Cotisations", "Contributions");
        all.push(Series { last, ..of_counts(label, rates, Base::Zero, language) });
    }
    all
}

/// The first letter of each month, the same in both languages.
pub(crate) fn initials(months: &[String]) -> Vec<char> {
    let initial = |month: &String| {
        let number: usize = month.get(5..7).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        "JFMAMJJASOND".chars().nth(number.wrapping_sub(1)).unwrap_or('?')
    };
    months.iter().map(initial).collect()
}

fn of_counts(label: &'static str, values: &[u32], base: Base, language: Language) -> Series {
    let last = values.last().map(|last| language.count(*last)).unwrap_or_default();
    Series { label, values: values.iter().copied().map(i64::from).collect(), base, last }
}

fn of_amounts(
    label: &'static str,
    values: &[Amount],
    base: Base,
    currency: Currency,
    language: Language,
) -> Series {
    let last = values.last().map(|last| last.format(currency, language)).unwrap_or_default();
    Series { label, values: values.iter().map(|amount| amount.minor_units()).collect(), base, last }
}

/// Hundredths of a per cent.
fn rate(hundredths: u32, language: Language) -> String {
    let (whole, tenth) = (hundredths / 100, hundredths % 100 / 10);
    match language {
        Language::French => format!("{whole},{tenth}\u{a0}%"),
        Language::English => format!("{whole}.{tenth}%"),
    }
}
