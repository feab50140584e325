//! Made-up organisations with one person in every role, founded straight on a store.

use std::collections::BTreeMap;

use unionflow_auth::password::{Cost, Passwords};
use unionflow_domain::{
    contact::{Country, Email, LoginName},
    member::Name,
    organization::Settings,
    policy::demo_rules,
};
use unionflow_protocol::{
    Amount, Currency, Language, Origin, Role, RoleSet,
    approval::PolicyRules,
    id::{MemberId, OrganizationId, PersonId},
    rest::organization::OpeningBalances,
};
use unionflow_service::{
    Service,
    organization::found::{Founding, NewFounder, create_person, found},
};
use unionflow_storage::{Scope, Undo};

/// An organisation of a test: everybody in it can sign in.
#[derive(Debug, Clone)]
pub struct Troupe {
    /// The organisation.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its people: one per role, and the one who is in every troupe as a plain member, last.
    pub accounts: Vec<Account>,
}

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The role held besides MEMBER.
    pub role: Role,
    /// E-mail.
    pub login: String,
    /// Password.
    pub password: String,
    /// The person.
    pub person_id: PersonId,
    /// The member in this troupe.
    pub member_id: MemberId,
}

/// The person who is a plain member of every troupe.
const IN_ALL: &str = "partout@exemple.test";

impl Troupe {
    /// Founds an organisation with the demonstration's policy, a million francs in each money account, one person per role
    /// (`role@name.test`) and the person who is in all.
    pub async fn found(service: &Service, name: &str) -> Self {
        Self::found_with(service, name, demo_rules()).await
    }

    /// The same with other rules.
    pub async fn found_with(service: &Service, name: &str, rules: PolicyRules) -> Self {
        Self::found_larger(service, name, rules, &[]).await
    }

    /// The same with more holders of some roles: see [`Troupe::holders`].
    pub async fn found_larger(
        service: &Service,
        name: &str,
        rules: PolicyRules,
        more: &[(Role, usize)],
    ) -> Self {
        let million = Amount::new(1_000_000).expect("within range");
        let opening = OpeningBalances { cash: million, bank: million, mobile_money: million };
        let domain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        let people = people(&domain, more);
        let cast: Vec<(Role, String, String)> = people
            .into_iter()
            .map(|(role, login)| {
                let password = password(&login);
                (role, login, password)
            })
            .collect();
        let passwords = Passwords::new(Cost::CHEAP);
        let hashed: Vec<(Role, String, String)> = cast
            .iter()
            .map(|(role, login, password)| (*role, login.clone(), passwords.hash(password)))
            .collect();
        let settings = Settings::new(name, None, None, Some(Language::French)).expect("a good name");
        let founded = service
            .store()
            .write(Scope::Server, move |tx| {
                let mut founders = Vec::new();
                for (role, login, hash) in hashed {
                    let parsed = LoginName::parse(&login, Country::CI).expect("an e-mail");
                    let person_id = match create_person(tx, &parsed, hash)? {
                        Some(id) => id,
                        None => tx.load_person_by_login(&parsed)?.expect("it is taken").id,
                    };
                    founders.push(NewFounder {
                        name: name_of(role, &login),
                        phone: None,
                        email: Email::parse(&login),
                        person_id,
                        roles: if role == Role::Member { Vec::new() } else { vec![role] },
                    });
                }
                let ids: Vec<PersonId> = founders.iter().map(|founder| founder.person_id).collect();
                let (currency, origin) = (Currency::XOF, Origin::Operator);
                let id = found(tx, Founding { settings, currency, rules, opening, founders, origin })?;
                let mut members = BTreeMap::new();
                for person in &ids {
                    let member = tx.load_membership(*person, id)?.expect("founded with it");
                    members.insert(*person, member.id);
                }
                Ok((id, ids, members))
            })
            .await;
        let (id, ids, members) = founded.unwrap_or_else(|undo: Undo| panic!("founding: {undo}"));
        let accounts = cast
            .into_iter()
            .zip(ids)
            .map(|((role, login, password), person_id)| Account {
                role,
                login,
                password,
                person_id,
                member_id: members[&person_id],
            })
            .collect();
        Self { id, name: name.to_owned(), accounts }
    }

    /// Whoever holds a role; for MEMBER, the plain member who is only here.
    pub fn account(&self, role: Role) -> &Account {
        self.accounts.iter().find(|account| account.role == role).expect("one per role")
    }

    /// Everybody who holds a role.
    pub fn holders(&self, role: Role) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(move |account| account.role == role)
    }

    /// The plain member who is in every troupe.
    pub fn in_all(&self) -> &Account {
        self.accounts.last().expect("the last one is in all")
    }
}

impl Account {
    /// The roles held.
    pub fn roles(&self) -> RoleSet {
        RoleSet::of(&[self.role, Role::Member])
    }
}

/// One holder of each role, so many more of some, and the one who is in every troupe, last.
fn people(domain: &str, more: &[(Role, usize)]) -> Vec<(Role, String)> {
    let mut people: Vec<(Role, String)> =
        Role::ALL.iter().map(|role| (*role, format!("{}@{domain}.test", slug(*role)))).collect();
    for (role, count) in more {
        people.extend((1..=*count).map(|n| (*role, format!("{}-{n}@{domain}.test", slug(*role)))));
    }
    people.push((Role::Member, IN_ALL.to_owned()));
    people
}

fn slug(role: Role) -> String {
    role.as_str().to_lowercase().replace('_', "-")
}

/// Strong enough for the server, and derived, so that a store that is opened again needs no notes.
fn password(login: &str) -> String {
    format!("baobab-{login}-pirogue-42")
}

fn name_of(role: Role, login: &str) -> Name {
    let given = match role {
        Role::Admin => "Awa",
        Role::President => "Bakary",
        Role::Treasurer => "Clarisse",
        Role::Secretary => "Drissa",
        Role::BoardMember => "Efua",
        Role::Auditor => "Fanta",
        Role::Member if login == IN_ALL => "Honoré",
        Role::Member => "Gnamien",
    };
    Name { given: given.to_owned(), family: "Exemple".to_owned() }
}
