//! Two organisations with somebody of every kind, what they act on, and what of the first must never reach the second.

use std::collections::{BTreeMap, HashMap};

use reqwest::Method;
use serde_json::{Value, json};
use unionflow_protocol::{Role, id::OrganizationId};
use unionflow_testkit::{Answer, Person, World};

use crate::cases::Case;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// An active member with this role besides MEMBER.
    Holder(Role),
    /// A treasurer who is suspended: the role rests.
    Suspended,
    /// A president who has left.
    Left,
    /// The president of the other organisation.
    Stranger,
    /// Nobody signed in.
    Nobody,
}

/// What a route's `{id}` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fixture {
    Nothing,
    Organization,
    /// A member without an account.
    PlainMember,
    Applicant,
    SuspendedMember,
    /// A plain member with an account, of this organisation only.
    Resettable,
    /// An auditor with an account.
    Officer,
    /// A sign-in of somebody else.
    SignInOfAnother,
    /// A request of the treasurer that waits for one vote.
    Pending,
    /// A request of the treasurer with the secretary's vote in the open step.
    Voted,
    /// A request that the president approved.
    Approved,
    Account,
    /// A key of another system.
    ServiceKey,
}

impl Who {
    pub(crate) fn all() -> Vec<Self> {
        let holders = Role::ALL.iter().map(|role| Self::Holder(*role));
        holders.chain([Self::Suspended, Self::Left, Self::Stranger, Self::Nobody]).collect()
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Holder(role) => role.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// Nothing of the first organisation may reach them.
    pub(crate) fn is_outside(self) -> bool {
        matches!(self, Self::Stranger | Self::Nobody)
    }
}

/// The world of the test.
pub(crate) struct Stage {
    pub(crate) world: World,
    people: BTreeMap<Who, Person>,
    /// Made once and used until something happens to it.
    fixtures: HashMap<Fixture, String>,
    /// Texts of the first organisation.
    secrets: Vec<String>,
    policy: Value,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let world = World::start().await;
        let mut people = BTreeMap::new();
        for role in Role::ALL {
            people.insert(Who::Holder(*role), world.espoir(*role).await);
        }
        people.insert(Who::Stranger, world.solidarite(Role::President).await);
        people.insert(
            Who::Nobody,
            Person::stranger(&world.address(), &world.espoir, world.espoir.account(Role::Member)),
        );
        let suspended = world.newcomer("suspendue@espoir.test").await;
        world.appoint(&suspended, Role::Treasurer).await;
        let path = format!("/members/{}/suspend", suspended.account.member_id);
        let president = world.espoir(Role::President).await;
        let asked = president.post(&path, &json!({"reason": "Enquête"})).await.expect(202);
        // The secretary invited her, and so has no vote on what concerns her.
        world.espoir(Role::BoardMember).await.approve(&asked).await.expect(200);
        people.insert(Who::Suspended, suspended);
        let left = world.newcomer("partie@espoir.test").await;
        world.appoint(&left, Role::President).await;
        let path = format!("/members/{}/leave", left.account.member_id);
        left.post(&path, &json!({})).await.expect(200);
        people.insert(Who::Left, left);

        let path = format!("/organizations/{}/approval-policy", world.espoir.id);
        let policy = president.get(&path).await.expect(200);
        let mut secrets = vec![world.espoir.id.to_string(), "Zibeline".to_owned(), "73519".to_owned()];
        secrets.push("mutuelleespoir".to_owned());
        secrets.push("Mutuelle Espoir".to_owned());
        secrets.extend(people.values().map(|person| person.account.member_id.to_string()));
        let stranger = people[&Who::Stranger].account.member_id.to_string();
        secrets.retain(|secret| *secret != stranger);
        Self { world, people, fixtures: HashMap::new(), secrets, policy }
    }

    pub(crate) fn organization(&self) -> OrganizationId {
        self.world.espoir.id
    }

    pub(crate) fn person(&self, who: Who) -> &Person {
        &self.people[&who]
    }

    /// Other rules than those in force.
    pub(crate) fn policy(&self) -> Value {
        json!({"bands": self.policy["bands"], "levels": self.policy["levels"], "singleSignature": true})
    }

    /// Oneself where one belongs here, or else the plain member.
    pub(crate) fn own_or_some_member(&self, who: Who) -> Value {
        let who = if matches!(who, Who::Holder(_)) { who } else { Who::Holder(Role::Member) };
        json!(self.person(who).account.member_id)
    }

    /// How many bytes of the first organisation are in what somebody outside got.
    pub(crate) fn crossed(&self, text: &str) -> usize {
        self.secrets.iter().map(|secret| text.matches(secret.as_str()).count() * secret.len()).sum()
    }

    /// Sends a case's request about its fixture, or about another id.
    pub(crate) async fn call(&self, case: &Case, who: Who, about: &About, key: &str) -> Answer {
        // Signing out is asked without a sign-in: there would be no caller left for the next case.
        let caller = if case.path == "/auth/logout" { Who::Nobody } else { who };
        self.call_as(self.person(caller), case, who, about, key).await
    }

    /// The same with what somebody else shows.
    pub(crate) async fn call_as(
        &self,
        caller: &Person,
        case: &Case,
        who: Who,
        about: &About,
        key: &str,
    ) -> Answer {
        let path = case.path.replace("{id}", &about.id).replace("{organization}", &about.organization);
        let method: Method = case.method.parse().expect("a method");
        let ask = caller.ask(method, &path).key(key);
        let ask = match case.body.map(|body| body(self, who)) {
            None => ask,
            Some(Value::String(file)) => ask.text(file).header("content-type", "text/csv"),
            Some(mut body) => {
                if body.get("organizationId").is_some() {
                    body["organizationId"] = json!(about.organization);
                }
                ask.json(&body)
            }
        };
        ask.send().await
    }

    /// What a case is about, made where it is not there.
    pub(crate) async fn about(&mut self, case: &Case) -> About {
        let id = match self.fixtures.get(&case.fixture) {
            Some(id) => id.clone(),
            None => self.make(case.fixture).await,
        };
        About { id, organization: self.organization().to_string() }
    }

    /// Something happened to it: the next case needs a new one.
    pub(crate) fn used(&mut self, fixture: Fixture) {
        self.fixtures.remove(&fixture);
    }

    async fn make(&mut self, fixture: Fixture) -> String {
        let id = self.new_id(fixture).await;
        self.fixtures.insert(fixture, id.clone());
        if fixture != Fixture::SignInOfAnother && !id.is_empty() {
            self.secrets.push(id.clone());
        }
        id
    }

    async fn new_id(&self, fixture: Fixture) -> String {
        let (secretary, treasurer) = (self.holder(Role::Secretary), self.holder(Role::Treasurer));
        let text = |value: &Value| value["id"].as_str().expect("it has an id").to_owned();
        match fixture {
            Fixture::Nothing => String::new(),
            Fixture::Organization => self.organization().to_string(),
            Fixture::PlainMember => text(&secretary.add_member("Zibeline", "Simple").await),
            Fixture::Applicant => {
                let body = json!({
                    "organizationId": self.organization(), "givenName": "Zibeline", "familyName": "Candidate",
                    "status": "APPLICANT"
                });
                text(&secretary.post("/members", &body).await.expect(201))
            }
            Fixture::SuspendedMember => {
                let id = text(&secretary.add_member("Zibeline", "Suspendue").await);
                secretary.post(&format!("/members/{id}/suspend"), &json!({})).await.expect(200);
                id
            }
            Fixture::Resettable => self.newcomer().await.account.member_id.to_string(),
            Fixture::Officer => {
                let person = self.newcomer().await;
                self.world.appoint(&person, Role::Auditor).await;
                person.account.member_id.to_string()
            }
            Fixture::SignInOfAnother => {
                text(&self.newcomer().await.get("/me/sessions").await.expect(200)["items"][0])
            }
            Fixture::Pending => text(&treasurer.submit(73_519).await),
            Fixture::Voted => {
                let request = treasurer.submit(2_073_519).await;
                self.holder(Role::President).approve(&request).await.expect(200);
                secretary.approve(&request).await.expect(200);
                text(&request)
            }
            Fixture::Approved => {
                let request = treasurer.submit(735).await;
                self.holder(Role::President).approve(&request).await.expect(200);
                text(&request)
            }
            Fixture::ServiceKey => {
                let path = format!("/organizations/{}/service-keys", self.organization());
                let body = json!({"name": "Zibeline", "scopes": ["read:members"]});
                text(&self.holder(Role::Admin).post(&path, &body).await.expect(201))
            }
            Fixture::Account => {
                let path = format!("/finance/accounts?organizationId={}", self.organization());
                text(&treasurer.get(&path).await.expect(200)["items"][0])
            }
        }
    }

    fn holder(&self, role: Role) -> &Person {
        self.person(Who::Holder(role))
    }

    async fn newcomer(&self) -> Person {
        self.world.newcomer(&format!("{}@mutuelleespoir.test", Person::fresh_key())).await
    }
}

/// What a request names.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) id: String,
    pub(crate) organization: String,
}

impl About {
    /// Ids that nothing has.
    pub(crate) fn nothing() -> Self {
        let id = "0199c5d2-7f00-7abc-8def-0123456789ab".to_owned();
        Self { organization: id.clone(), id }
    }
}
