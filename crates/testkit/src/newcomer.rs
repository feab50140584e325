//! Somebody new: added, invited and signed in by the way that people go; and given a role by the votes it takes.

use reqwest::Method;
use serde_json::{Value, json};
use unionflow_protocol::{Role, Seq, id::OrganizationId};

use crate::{cast::Account, person::Person, world::World};

impl World {
    /// A plain member of the first organisation with an account of their own, signed in.
    pub async fn newcomer(&self, login: &str) -> Person {
        let secretary = self.espoir(Role::Secretary).await;
        let member = secretary.add_member("Nouvelle", "Venue").await;
        let code = secretary.invite(&member).await;
        let password = format!("fromager-{login}-marigot-17");
        let body = json!({"code": code, "login": login, "password": password});
        let account = Account {
            role: Role::Member,
            login: login.to_owned(),
            password,
            member_id: id_of(&member),
            ..self.espoir.account(Role::Member).clone()
        };
        let mut person = Person::stranger(&self.address(), &self.espoir, &account);
        let signed_in = person.post("/auth/activate", &body).await.expect(200);
        person.take_tokens(&signed_in);
        let me = person.get("/me").await.expect(200);
        person.account.person_id = id(&me["personId"]);
        person
    }

    /// Gives somebody of the first organisation a role: the president asks, the treasurer agrees.
    pub async fn appoint(&self, person: &Person, role: Role) {
        let president = self.espoir(Role::President).await;
        let treasurer = self.espoir(Role::Treasurer).await;
        let path = format!("/members/{}/roles/{role}", person.account.member_id);
        let asked = president.put(&path, &json!({"reason": "Assemblée générale"})).await.expect(202);
        assert_eq!(treasurer.approve(&asked).await.expect(200)["status"], "EXECUTED");
    }

    /// The newest event of both organisations: what a refused command must leave as it is.
    pub async fn heads(&self) -> [Seq; 2] {
        [self.head_of(self.espoir.id).await, self.head_of(self.solidarite.id).await]
    }

    async fn head_of(&self, organization: OrganizationId) -> Seq {
        let service = self.server().service().clone();
        let read = service.read(move |reader| Ok(reader.as_of(organization)?.as_of_seq)).await;
        read.unwrap_or_else(|undo| panic!("the store can be read: {undo}"))
    }
}

impl Person {
    /// Adds a plain member without an account to the organisation.
    pub async fn add_member(&self, given: &str, family: &str) -> Value {
        let body = json!({"organizationId": self.organization, "givenName": given, "familyName": family});
        self.post("/members", &body).await.expect(201)
    }

    /// Invites a member; the code.
    pub async fn invite(&self, member: &Value) -> String {
        let path = format!("/members/{}/invite", member["id"].as_str().expect("a member has an id"));
        let answer = self.post(&path, &json!({})).await.expect(200);
        answer["code"].as_str().expect("the code is shown once").to_owned()
    }

    /// Takes up the tokens of an answer that signs in.
    pub fn take_tokens(&mut self, signed_in: &Value) {
        let text = |key: &str| signed_in[key].as_str().unwrap_or_default().to_owned();
        (self.token, self.refresh_token) = (text("accessToken"), text("refreshToken"));
    }

    /// The same, without a sign-in.
    #[must_use]
    pub fn signed_out(&self) -> Self {
        let mut nobody = self.clone();
        nobody.token.clear();
        nobody
    }

    /// Signs in once more, as another device would.
    pub async fn another_device(&self) -> Self {
        let body = json!({"login": self.account.login, "password": self.account.password});
        let mut other = self.signed_out();
        let signed_in = other.ask(Method::POST, "/auth/login").json(&body).send().await.expect(200);
        other.take_tokens(&signed_in);
        other
    }
}

fn id_of<T: std::str::FromStr<Err: std::fmt::Debug>>(resource: &Value) -> T {
    id(&resource["id"])
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().expect("an id is a text").parse().expect("an id of the server is one")
}
