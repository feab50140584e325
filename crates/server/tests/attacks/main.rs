//! An administrator, a secretary and a plain member try every way to gain rights over money. Each ends in a refusal, or in a
//! request that others decide.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

mod credentials;
mod directory;
mod floods;
mod money;
mod rights;

use serde_json::{Value, json};
use unionflow_protocol::Role;
use unionflow_testkit::{Answer, Person, World};

/// Those who try: the one who keeps the settings, the one who keeps the members, and anybody.
const ATTACKERS: [Role; 3] = [Role::Admin, Role::Secretary, Role::Member];

/// A world, and what in it an attack must leave as it was.
struct Fort {
    world: World,
    president: Person,
    treasurer: Person,
    /// Balances, roles and rules, as they were.
    before: Value,
    tried: usize,
}

impl Fort {
    async fn build() -> Self {
        Self::on(World::start().await).await
    }

    async fn on(world: World) -> Self {
        let (president, treasurer) =
            (world.espoir(Role::President).await, world.espoir(Role::Treasurer).await);
        let mut fort = Self { world, president, treasurer, before: Value::Null, tried: 0 };
        fort.note().await;
        fort
    }

    /// What is so now is what an attack must leave.
    async fn note(&mut self) {
        self.before = self.treasure().await;
    }

    /// Balances, roles and rules: all that an attack is after.
    async fn treasure(&self) -> Value {
        let id = self.world.espoir.id;
        let here = format!("organizationId={id}");
        let accounts = self.treasurer.get(&format!("/finance/accounts?{here}")).await.expect(200);
        let members = self.president.get(&format!("/members?{here}&limit=200")).await.expect(200);
        let policy = self.president.get(&format!("/organizations/{id}/approval-policy")).await.expect(200);
        let pick = |list: &Value, keys: [&str; 3]| -> Vec<Value> {
            let items = list["items"].as_array().unwrap();
            items.iter().map(|item| json!(keys.map(|key| item[key].clone()))).collect()
        };
        let holders = pick(&members, ["id", "roles", "status"]);
        // Who has no role besides MEMBER may come and go.
        let holders: Vec<Value> =
            holders.into_iter().filter(|holder| holder[1] != json!(["MEMBER"])).collect();
        json!({
            "accounts": pick(&accounts, ["id", "balance", "available"]), "holders": holders,
            "policy": [policy["version"], policy["bands"], policy["levels"], policy["singleSignature"]]
        })
    }

    #[track_caller]
    fn refused(&mut self, answer: &Answer, statuses: &[u16]) {
        self.tried += 1;
        let status = answer.status;
        assert!(statuses.contains(&status), "{status} is none of {statuses:?}: {}", answer.text);
    }

    /// Refused, or a request that its maker cannot decide.
    async fn refused_or_left_to_others(&mut self, attacker: &Person, answer: Answer) {
        if answer.status != 202 {
            return self.refused(&answer, &[400, 403, 404, 409, 412, 422]);
        }
        self.tried += 1;
        assert_eq!(answer.body["status"], "PENDING", "{}", answer.text);
        let approved = attacker.approve(&answer.body).await;
        self.refused(&approved, &[403, 404]);
        let executed = attacker.execute(&answer.body).await;
        self.refused(&executed, &[403, 404, 409]);
        let path = format!("/finance/approvals/{}/cancel", answer.body["id"].as_str().unwrap());
        attacker.post(&path, &json!({})).await.expect(200);
    }

    async fn stands(self, what: &str) {
        assert_eq!(self.treasure().await, self.before, "{what}");
        println!("{what}: {} attempts, nothing gained", self.tried);
    }
}

fn member_path(person: &Person, rest: &str) -> String {
    format!("/members/{}{rest}", person.account.member_id)
}

fn approval_path(approval: &Value, rest: &str) -> String {
    format!("/finance/approvals/{}{rest}", approval["id"].as_str().unwrap())
}

fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
}
