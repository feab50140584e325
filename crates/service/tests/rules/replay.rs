//! Whoever writes to the tables beside the journal is found out.

use unionflow_domain::{policy, replay::Replayed};
use unionflow_protocol::{Language, Role};

use super::scene::{Club, Town, Wanted};

/// One request executed, one approved, one that waits.
async fn scene() -> (Town, Club) {
    let town = Town::open().await;
    let roles: &[&[Role]] = &[&[Role::President], &[Role::Treasurer]];
    let club = town.found(policy::default_rules(false), roles).await;
    let [president, treasurer] = [0, 1].map(|n| club.people[n]);
    for (minor, executed) in [(30_000, true), (20_000, false)] {
        let request = town.submit(&club, president, Wanted::expense(minor)).await.expect("it is allowed");
        town.approve(&club, treasurer, request.id).await.expect("it is allowed");
        if executed {
            town.execute(&club, treasurer, request.id).await.expect("it is allowed");
        }
    }
    town.submit(&club, president, Wanted::expense(7_000)).await.expect("it is allowed");
    (town, club)
}

async fn found(town: &Town, club: &Club) -> Option<(Replayed, String)> {
    let id = club.id;
    let read = town.service.read(move |reader| Ok(reader.verify_state(id)?));
    let difference = read.await.expect("it is read");
    difference.map(|difference| (difference.what, difference.text(Language::English)))
}

#[tokio::test]
async fn what_is_stored_otherwise_than_the_journal_tells_it_is_named() {
    let (town, club) = scene().await;
    assert_eq!(found(&town, &club).await, None);
    let tampered = [
        (
            "account SET balance = balance + 5 WHERE kind = 'CASH'",
            "balance = balance - 5 WHERE kind = 'CASH'",
        ),
        (
            "account SET reserved = reserved - 1 WHERE kind = 'CASH'",
            "reserved = reserved + 1 WHERE kind = 'CASH'",
        ),
        (
            "approval SET status = 'APPROVED' WHERE status = 'PENDING'",
            "status = 'PENDING' WHERE deadline IS NOT NULL AND rowid = (SELECT max(rowid) FROM approval)",
        ),
        (
            "figures SET body = replace(body, '\"pending\":7000', '\"pending\":7')",
            "body = replace(body, '\"pending\":7,', '\"pending\":7000,')",
        ),
    ];
    let expected = [
        "the balance of account",
        "what is reserved of account",
        "the status of request",
        "approvals.pendingAmount",
    ];
    for ((change, back), words) in tampered.into_iter().zip(expected) {
        assert_eq!(town.tamper(&format!("UPDATE {change}")), Ok(1));
        let (_, text) = found(&town, &club).await.expect("it is found");
        assert!(text.contains(words), "{text}");
        let table = change.split(' ').next().expect("a table");
        assert_eq!(town.tamper(&format!("UPDATE {table} SET {back}")), Ok(1));
        assert_eq!(found(&town, &club).await, None, "{change}");
    }
}

#[tokio::test]
async fn an_entry_is_neither_changed_nor_removed_and_one_more_is_found() {
    let (town, club) = scene().await;
    for sql in [
        "UPDATE entry SET lines = '[]'",
        "DELETE FROM entry",
        "UPDATE entry_line SET amount = amount + 1",
        "DELETE FROM entry_line",
    ] {
        let refused = town.tamper(sql).expect_err("the store refuses");
        assert!(refused.contains("an entry is never"), "{sql}: {refused}");
    }
    town.tamper("DROP TRIGGER entry_line_is_never_changed").unwrap();
    town.tamper("UPDATE entry_line SET amount = amount + 1 WHERE amount = 30000").unwrap();
    let (what, text) = found(&town, &club).await.expect("it is found");
    assert!(matches!(what, Replayed::Entry(_)) && text.contains("stored `30001`"), "{text}");
    town.tamper("UPDATE entry_line SET amount = amount - 1 WHERE amount = 30001").unwrap();
    let copied = "INSERT INTO entry SELECT zeroblob(16), organization_id, seq, posted_at, value_date, currency, 'OPENING', \
                  cause_id, lines FROM entry WHERE cause = 'APPROVAL'";
    assert_eq!(town.tamper(copied), Ok(1));
    assert_eq!(found(&town, &club).await.map(|(what, _)| what), Some(Replayed::Entries));
}
