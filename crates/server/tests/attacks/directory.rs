//! Searching the members: what who may not see contact data can learn, and what a plain member sees of the others.

use serde_json::{Value, json};
use unionflow_protocol::Role;
use unionflow_testkit::{Person, World};

/// Every member has a phone of its own.
async fn with_phones() -> World {
    let world = World::start().await;
    let secretary = world.espoir(Role::Secretary).await;
    for (n, account) in world.espoir.accounts.iter().enumerate() {
        let phone = format!("+22507080910{n:02}");
        secretary
            .patch(&format!("/members/{}", account.member_id), &json!({"phone": phone}))
            .await
            .expect(200);
    }
    world
}

async fn page(person: &Person, search: &str, more: &str) -> Value {
    let path = format!("/members?organizationId={}&search={search}{more}", person.organization);
    person.get(&path).await.expect(200)
}

/// All pages of one member each.
async fn all_pages(person: &Person, search: &str) -> Vec<Value> {
    let (mut ids, mut more) = (Vec::new(), "&limit=1".to_owned());
    loop {
        let page = page(person, search, &more).await;
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(after) = page["nextCursor"].as_str() else { return ids };
        more = format!("&limit=1&after={after}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_tells_of_phones_to_those_who_may_not_see_them() {
    let world = with_phones().await;
    let secretary = world.espoir(Role::Secretary).await;
    let members = world.espoir.accounts.len();
    assert_eq!(all_pages(&secretary, "070809").await.len(), members);
    for role in [Role::BoardMember, Role::Auditor] {
        let viewer = world.espoir(role).await;
        for limit in ["&limit=1", "&limit=3", ""] {
            let nothing = page(&viewer, "no-such-name", limit).await;
            assert_eq!(nothing["items"], json!([]));
            for digits in ["225070809", "070809", "7080910", "0708091000", "0809101"] {
                assert_eq!(page(&viewer, digits, limit).await, nothing, "{role} {digits} {limit}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hit_is_on_some_page_whatever_else_a_search_would_find_by_phone() {
    let world = with_phones().await;
    let (secretary, auditor) = (world.espoir(Role::Secretary).await, world.espoir(Role::Auditor).await);
    let unknown = format!("/members?organizationId={}&after=zzz", auditor.organization);
    auditor.get(&unknown).await.refused(400, "INVALID_REQUEST");
    for search in ["a", "1", "00", "0"] {
        let found = all_pages(&auditor, search).await;
        let listed = page(&secretary, search, "&limit=200").await;
        let folded =
            |item: &Value| format!("{} {} {}", item["familyName"], item["givenName"], item["memberNumber"]);
        let by_name_or_number = listed["items"].as_array().unwrap().iter();
        let expected: Vec<Value> = by_name_or_number
            .filter(|item| folded(item).to_lowercase().contains(search))
            .map(|item| item["id"].clone())
            .collect();
        assert!(!expected.is_empty(), "{search}");
        assert_eq!(found, expected, "{search}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_member_sees_names_where_the_directory_is_open_and_no_contacts() {
    let world = with_phones().await;
    let (president, member) = (world.espoir(Role::President).await, world.espoir(Role::Member).await);
    let path = format!("/members?organizationId={}", member.organization);
    member.get(&path).await.refused(403, "FORBIDDEN");
    let open = json!({"directoryOpenToMembers": true});
    president.patch(&format!("/organizations/{}", member.organization), &open).await.expect(200);
    let listed = member.get(&path).await.expect(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), world.espoir.accounts.len());
    let own = json!(member.account.member_id);
    for item in items {
        assert!(item["familyName"].is_string(), "{item}");
        let is_own = item["id"] == own;
        assert_eq!(item.get("phone").is_some_and(Value::is_string), is_own, "{item}");
    }
    assert_eq!(page(&member, "070809", "").await["items"], json!([]));
}
