//! The figures on screens: what a known history of several months looks like by REST and on sockets, and what midnight does.

use serde_json::{Value, json};
use unionflow_protocol::{Role, Timestamp};
use unionflow_testkit::{Person, Socket, World};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time of a test")
}

async fn read(person: &Person, what: &str) -> Value {
    person.get(&format!("/dashboard/{what}?organizationId={}", person.organization)).await.expect(200)
}

/// The first frame of a type that says this; what else comes meanwhile is of a moment before.
async fn shows(socket: &mut Socket, event_type: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = socket.until(event_type).await.pop().expect("the last one is of this type");
        if wanted(frame.data()) {
            return frame.value;
        }
    }
}

/// Without what only an answer of REST says.
fn figures(mut answer: Value) -> Value {
    let fields = answer.as_object_mut().expect("an object");
    for of_rest in ["organizationId", "asOfDate", "asOfSeq", "epoch", "singleSignatureInEffect"] {
        assert!(fields.remove(of_rest).is_some(), "{of_rest}");
    }
    answer
}

/// From March to September 2025, so that half a year before the foundation is in the curves too. In the last month one request
/// waits, and one that was approved in the month before has not been executed yet: that one is the answer.
async fn half_a_year(world: &World) -> Value {
    world.clock.set(time("2025-05-14T10:00:00Z"));
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let secretary = world.espoir(Role::Secretary).await;
    let newcomer = json!({"organizationId": world.espoir.id, "givenName": "Ines", "familyName": "Kouyate"});
    let newcomer = secretary.post("/members", &newcomer).await.expect(201);
    let paid = treasurer.submit(60_000).await;
    president.approve(&paid).await.expect(200);
    treasurer.execute(&paid).await.expect(200);

    world.clock.set(time("2025-08-25T10:00:00Z"));
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let secretary = world.espoir(Role::Secretary).await;
    let path = format!("/members/{}/suspend", newcomer["id"].as_str().expect("an id"));
    secretary.post(&path, &json!({"reason": "Cotisations"})).await.expect(200);
    treasurer.submit(40_000).await;
    let approved = treasurer.submit(25_000).await;
    president.approve(&approved).await.expect(200);

    world.clock.set(time("2025-09-01T10:00:00Z"));
    approved
}

const FOUNDED: u64 = 8;

fn months() -> Value {
    let months = ["10", "11", "12"].map(|month| format!("2024-{month}")).into_iter();
    months.chain((1..=9).map(|month| format!("2025-{month:02}"))).collect()
}

fn members() -> Value {
    json!({
        "total": [0, 0, 0, 0, 0, 8, 8, 9, 9, 9, 9, 9],
        "active": [0, 0, 0, 0, 0, 8, 8, 9, 9, 9, 8, 8],
        "suspended": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
        "newThisMonth": [0, 0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0],
    })
}

const WAITING: [u64; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];

/// The series after the last execution, as officers see them: `accounts` names the money accounts by their kind.
fn officers_series(accounts: &[(String, String)]) -> Value {
    let cash = [0, 0, 0, 0, 0, 1_000_000, 1_000_000, 940_000, 940_000, 940_000, 940_000, 915_000];
    let untouched = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1].map(|millions| millions * 1_000_000);
    let total = std::array::from_fn::<u64, 12, _>(|i| cash[i] + 2 * untouched[i]);
    let balance = |kind: &str| if kind == "CASH" { cash } else { untouched };
    let accounts: Vec<Value> = accounts
        .iter()
        .map(|(id, kind)| json!({"accountId": id, "kind": kind, "balance": balance(kind)}))
        .collect();
    json!({
        "view": "officers",
        "months": months(),
        "members": members(),
        "contributions": contributions(true),
        "approvals": {
            "pendingCount": WAITING,
            "pendingAmount": WAITING.map(|count| count * 40_000),
            "approvedThisMonth": [0, 0, 0, 0, 0, 0, 0, 60_000, 0, 0, 25_000, 0],
            "executedThisMonth": [0, 0, 0, 0, 0, 0, 0, 60_000, 0, 0, 0, 25_000],
        },
        "balance": {"total": total, "accounts": accounts},
        "currency": "XOF",
    })
}

fn members_series() -> Value {
    json!({
        "view": "members",
        "months": months(),
        "members": members(),
        "contributions": contributions(false),
        "approvals": {"pendingCount": WAITING},
        "currency": "XOF",
    })
}

/// There are none before the part that keeps them.
fn contributions(amounts: bool) -> Value {
    let none = [0; 12];
    if amounts {
        json!({"issued": none, "collected": none, "outstanding": none, "overdue": none, "collectionRate": none})
    } else {
        json!({"collectionRate": none})
    }
}

/// A series shown as of its last month only: what the other figures must say.
fn last_month(series: &Value) -> Value {
    match series {
        Value::Array(months) if months.len() == 12 && !months[0].is_string() => months[11].clone(),
        Value::Array(several) => several.iter().map(last_month).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "months")
            .map(|(name, value)| (name.clone(), last_month(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

async fn accounts(person: &Person) -> Vec<(String, String)> {
    let stats = read(person, "stats").await;
    let accounts = stats["balance"]["accounts"].as_array().expect("officers see them").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    accounts.map(|account| (text(&account["accountId"]), text(&account["kind"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curves_and_figures_of_a_known_history_are_the_same_by_rest_and_socket_in_both_views() {
    let world = World::start_at(time("2025-03-10T09:00:00Z")).await;
    assert_eq!(world.espoir.accounts.len() as u64, FOUNDED);
    let approved = half_a_year(&world).await;
    let (treasurer, member) = (world.espoir(Role::Treasurer).await, world.espoir(Role::Member).await);
    let president = world.espoir(Role::President).await;
    let (mut officers, mut members) = (world.socket(&treasurer).await, world.socket(&member).await);
    treasurer.execute(&approved).await.expect(200);

    let seen_by_officers = officers_series(&accounts(&treasurer).await);
    let seen_by_members = members_series();
    for (person, socket, series) in
        [(&treasurer, &mut officers, &seen_by_officers), (&member, &mut members, &seen_by_members)]
    {
        let kpis = read(person, "kpis").await;
        assert_eq!(kpis["asOfDate"], "2025-09-01");
        assert_eq!(figures(kpis), *series);
        assert_eq!(figures(read(person, "stats").await), last_month(series));
        if person.account.role == Role::Member {
            continue; // nothing that plain members see changed with the execution
        }
        let frame = shows(socket, "KPI_UPDATE", |data| data == series).await;
        assert_eq!(
            (&frame["asOfDate"], &frame["organizationId"]),
            (&json!("2025-09-01"), &json!(person.organization))
        );
    }

    let path = format!("/organizations/{}", world.espoir.id);
    president.patch(&path, &json!({"amountsOpenToMembers": true})).await.expect(200);
    let mut opened = seen_by_officers.clone();
    opened["view"] = json!("members");
    assert_eq!(figures(read(&member, "kpis").await), opened);
    assert_eq!(figures(read(&member, "stats").await), last_month(&opened));
    shows(&mut members, "DASHBOARD_STATS_UPDATE", |data| *data == last_month(&opened)).await;
    shows(&mut members, "KPI_UPDATE", |data| *data == opened).await;

    president.patch(&path, &json!({"amountsOpenToMembers": false})).await.expect(200);
    assert_eq!(figures(read(&member, "kpis").await), seen_by_members);
    shows(&mut members, "KPI_UPDATE", |data| *data == seen_by_members).await;
}

/// An hour ahead of the clock of the test, so that its midnight is nobody else's.
const ZONE: &str = "Africa/Douala";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_midnight_where_the_organisation_is_screens_show_the_new_day_and_a_new_month_begins_at_nothing() {
    let world = World::start_at(time("2025-08-31T22:50:00Z")).await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let mut socket = world.socket(&treasurer).await;
    let path = format!("/organizations/{}", world.espoir.id);
    president.patch(&path, &json!({"timeZone": ZONE})).await.expect(200);
    let paid = treasurer.submit(60_000).await;
    president.approve(&paid).await.expect(200);
    treasurer.execute(&paid).await.expect(200);
    // Nothing that happened is left to be shown: what comes after this comes from the clock.
    let paid_out = |data: &Value| data["approvals"]["executedThisMonth"][11] == 60_000;
    shows(&mut socket, "KPI_UPDATE", paid_out).await;
    let before = read(&treasurer, "stats").await;
    assert_eq!(
        (&before["asOfDate"], &before["members"]["newThisMonth"]),
        (&json!("2025-08-31"), &json!(FOUNDED))
    );
    assert_eq!(before["approvals"]["executedThisMonth"], 60_000);

    // The second before it is still yesterday; nothing but the clock changes at it.
    world.clock.set(time("2025-08-31T22:59:59Z"));
    assert_eq!(read(&treasurer, "stats").await["asOfDate"], "2025-08-31");
    world.clock.set(time("2025-08-31T23:00:00Z"));
    let frame = loop {
        let frame = socket.until("DASHBOARD_STATS_UPDATE").await.pop().expect("the last one");
        if frame.value["asOfDate"] != "2025-08-31" {
            break frame;
        }
    };
    assert_eq!(frame.value["asOfDate"], "2025-09-01");
    let data = frame.data();
    assert_eq!((&data["members"]["total"], &data["members"]["newThisMonth"]), (&json!(FOUNDED), &json!(0)));
    let approvals = &data["approvals"];
    assert_eq!((&approvals["approvedThisMonth"], &approvals["executedThisMonth"]), (&json!(0), &json!(0)));
    assert_eq!(data["balance"]["total"], 2_940_000);
    let kpis = shows(&mut socket, "KPI_UPDATE", |data| data["months"][11] == "2025-09").await;
    assert_eq!(
        kpis["data"]["approvals"]["executedThisMonth"],
        json!([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60_000, 0])
    );
}
