//! Every event that the core can produce, to everybody: who saw its frame, against the catalogue's audiences.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};
use unionflow_protocol::{
    Audience, Role, RoleSet, Seq, View,
    event::EventType,
    id::{MemberId, OrganizationId},
};
use unionflow_testkit::{Frame, Person, Socket, World};

use crate::Tally;

/// Those of the catalogue that come with later issues: nothing in the core can produce them.
const LATER: [EventType; 11] = [
    EventType::MemberErased,
    EventType::ImportUndone,
    EventType::ContributionPlanPublished,
    EventType::ContributionPlanRetired,
    EventType::DuesIssued,
    EventType::ContributionDue,
    EventType::ContributionDeclared,
    EventType::ContributionPaid,
    EventType::ContributionRefused,
    EventType::ContributionReversed,
    EventType::ContributionWaived,
];

const OFFICERS: [Role; 5] =
    [Role::President, Role::Treasurer, Role::Secretary, Role::BoardMember, Role::Auditor];
const MONEY: [Role; 4] = [Role::President, Role::Treasurer, Role::Secretary, Role::Auditor];
const KEEPERS: [Role; 6] =
    [Role::Admin, Role::President, Role::Treasurer, Role::Secretary, Role::BoardMember, Role::Auditor];

/// Somebody who looks, and what came.
struct Screen {
    name: String,
    person: Person,
    roles: RoleSet,
    socket: Socket,
    frames: Vec<Frame>,
}

impl Screen {
    /// From the first event on: the replay is held to the same rules as what comes live.
    async fn open(name: &str, person: Person, role: Role) -> Self {
        let roles = RoleSet::of(&[Role::Member, role]);
        let socket = person.connect("&after=0").await.unwrap();
        Self { name: name.to_owned(), person, roles, socket, frames: Vec::new() }
    }

    async fn look(&mut self, head: Seq) {
        self.frames.extend(self.socket.sees_until(head.0).await);
    }

    /// Comes back with a new sign-in where it was.
    async fn come_back(&mut self) {
        self.person = self.person.another_device().await;
        let resume = self.socket.resume();
        self.socket = self.person.connect(&resume).await.unwrap();
    }

    /// Both kinds; what was paid out changes an officer's numbers, and may leave a plain member's as they were.
    fn figures_came(&self) -> bool {
        let came = |kind: &str| self.frames.iter().any(|frame| frame.event_type() == kind);
        came("KPI_UPDATE") && (!self.is_officer() || came("DASHBOARD_STATS_UPDATE"))
    }

    fn is_officer(&self) -> bool {
        OFFICERS.iter().any(|role| self.roles.contains(*role))
    }

    fn member(&self) -> MemberId {
        self.person.account.member_id
    }

    fn facts(&self) -> HashSet<u64> {
        self.frames.iter().filter(|frame| frame.is_event()).filter_map(Frame::seq).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_reaches_its_audience_and_nobody_else() {
    let world = World::start().await;
    let mut screens = Vec::new();
    for role in Role::ALL {
        let person = world.espoir(*role).await;
        screens.push(Screen::open(role.as_str(), person, *role).await);
        let person = world.solidarite(*role).await;
        screens.push(Screen::open(&format!("{role} of the other"), person, *role).await);
    }
    let both = world.sign_in(&world.espoir, world.espoir.in_all()).await;
    screens.push(Screen::open("in both, here", both, Role::Member).await);
    let both = world.sign_in(&world.solidarite, world.solidarite.in_all()).await;
    screens.push(Screen::open("in both, there", both, Role::Member).await);
    let newcomer = world.newcomer("nouvelle@mutuelleespoir.test").await;
    screens.push(Screen::open("newcomer", newcomer.clone(), Role::Member).await);

    live(&world, &newcomer).await;
    let [here, there] = world.heads().await;
    for screen in &mut screens {
        let head = if screen.person.organization == world.espoir.id { here } else { there };
        screen.look(head).await;
        while !screen.figures_came() {
            screen.frames.push(screen.socket.frame().await);
        }
    }
    time_passes(&world).await;
    let [here, there] = world.heads().await;
    for screen in &mut screens {
        let head = if screen.person.organization == world.espoir.id { here } else { there };
        screen.come_back().await;
        screen.look(head).await;
    }

    let mut tally = Tally::default();
    let mut produced = facts(&world, world.espoir.id, &screens, &mut tally).await;
    facts(&world, world.solidarite.id, &screens, &mut tally).await;
    produced.extend(states(&screens, &mut tally));
    crossed(&world, &screens, &mut tally).await;
    let missing: Vec<&EventType> =
        EventType::ALL.iter().filter(|kind| !LATER.contains(kind) && !produced.contains(kind)).collect();
    assert!(missing.is_empty(), "the scene must produce {missing:?}");
    tally.print_and_check("events by role");
}

/// One of everything.
async fn live(world: &World, newcomer: &Person) {
    let (president, treasurer) = (world.espoir(Role::President).await, world.espoir(Role::Treasurer).await);
    money(world, &president, &treasurer).await;
    governance(world, &president, &treasurer).await;
    members(world, newcomer).await;
    service_keys(world).await;
    notifications(world).await;
    let there = world.solidarite(Role::Treasurer).await;
    let request = there.submit(55_501).await;
    world.solidarite(Role::President).await.approve(&request).await.expect(200);
    there.execute(&request).await.expect(200);
    // Figures are sent where they differ, and a request that came and went may leave a plain member's as they were.
    world.solidarite(Role::Secretary).await.add_member("Autre", "Membre").await;
}

async fn act(person: &Person, request: &Value, verb: &str, body: &Value) -> Value {
    let path = format!("/finance/approvals/{}/{verb}", request["id"].as_str().unwrap());
    person.post(&path, body).await.expect(200)
}

async fn money(world: &World, president: &Person, treasurer: &Person) {
    let (secretary, board) = (world.espoir(Role::Secretary).await, world.espoir(Role::BoardMember).await);
    let member = world.espoir(Role::Member).await;
    let request = treasurer.submit(73_511).await;
    let path = format!("/finance/approvals/{}", request["id"].as_str().unwrap());
    let edited = treasurer.patch(&path, &json!({"amount": 73_512})).await.expect(200);
    act(&secretary, &edited, "approve", &json!({"contentHash": edited["contentHash"]})).await;
    treasurer.execute(&edited).await.expect(200);

    let request = treasurer.submit(2_073_513).await;
    president.approve(&request).await.expect(200);
    secretary.approve(&request).await.expect(200);
    act(&secretary, &request, "withdraw", &json!({})).await;
    act(&secretary, &request, "reject", &json!({"reason": "Trop cher"})).await;

    let request = treasurer.submit(73_514).await;
    act(treasurer, &request, "cancel", &json!({})).await;

    let mut aid = member.expense(73_515);
    aid["transactionType"] = json!("AID");
    aid["details"] = json!({"beneficiaryMemberId": member.account.member_id});
    let aid = member.post("/finance/approvals", &aid).await.expect(201);
    president.approve(&aid).await.expect(200);

    let request = treasurer.submit(50_073_516).await;
    for voter in [president, &secretary, &board] {
        voter.approve(&request).await.expect(200);
    }
    treasurer.execute(&request).await.refused(409, "INSUFFICIENT_FUNDS");
}

async fn governance(world: &World, president: &Person, treasurer: &Person) {
    // Only a president may take the first step, and the only one is its maker.
    let blocked = president.submit(273_517).await;
    assert!(blocked["blocked"].is_object(), "{blocked}");
    let second = world.newcomer("seconde@mutuelleespoir.test").await;
    world.appoint(&second, Role::President).await;
    let path = format!("/members/{}/roles/PRESIDENT", second.account.member_id);
    second.ask("DELETE".parse().unwrap(), &path).json(&json!({})).send().await.expect(200);

    let member = world.espoir(Role::Member).await;
    let path = format!("/members/{}/roles/AUDITOR", member.account.member_id);
    let asked = president.put(&path, &json!({})).await.expect(202);
    act(president, &asked, "cancel", &json!({})).await;

    let path = format!("/organizations/{}", world.espoir.id);
    let rules = president.get(&format!("{path}/approval-policy")).await.expect(200);
    let wanted = json!({"bands": rules["bands"], "levels": rules["levels"], "singleSignature": true});
    let asked = president.put(&format!("{path}/approval-policy"), &wanted).await.expect(202);
    treasurer.approve(&asked).await.expect(200);
    president.patch(&path, &json!({"name": "Mutuelle Espoir Nouvelle"})).await.expect(200);
}

async fn members(world: &World, newcomer: &Person) {
    let secretary = world.espoir(Role::Secretary).await;
    let act = async |id: &str, verb: &str| {
        secretary.post(&format!("/members/{id}/{verb}"), &json!({})).await.expect(200);
    };
    for verbs in [&["admit"][..], &["refuse"]] {
        let body = json!({
            "organizationId": world.espoir.id, "givenName": "Candide", "familyName": "Date", "status": "APPLICANT"
        });
        let applicant = secretary.post("/members", &body).await.expect(201);
        for verb in verbs {
            act(applicant["id"].as_str().unwrap(), verb).await;
        }
    }
    let member = secretary.add_member("Simple", "Membre").await;
    for verb in ["suspend", "reinstate", "invite", "leave"] {
        act(member["id"].as_str().unwrap(), verb).await;
    }
    let path = format!("/members/{}", newcomer.account.member_id);
    secretary.patch(&path, &json!({"phone": "0708123456"})).await.expect(200);
    let person = world.newcomer("oublieuse@mutuelleespoir.test").await;
    act(&person.account.member_id.to_string(), "reset").await;
    let file = "Nom;Prénom;Numéro adhérent\r\nImportée;Une;Z-1\r\n";
    let path = format!("/members/imports?organizationId={}", world.espoir.id);
    secretary.ask("POST".parse().unwrap(), &path).text(file).send().await.expect(200);
}

async fn service_keys(world: &World) {
    let admin = world.espoir(Role::Admin).await;
    let path = format!("/organizations/{}/service-keys", world.espoir.id);
    let made = admin.post(&path, &json!({"name": "Site", "scopes": ["read:members"]})).await.expect(201);
    admin.delete(&format!("{path}/{}", made["id"].as_str().unwrap())).await.expect(200);
}

async fn notifications(world: &World) {
    let (admin, member) = (world.espoir(Role::Admin).await, world.espoir(Role::Member).await);
    let here = json!({"organizationId": world.espoir.id});
    let mut broadcast = here.clone();
    broadcast["message"] = json!("Réunion samedi");
    admin.post("/notifications/broadcast", &broadcast).await.expect(201);
    broadcast["roles"] = json!(["AUDITOR"]);
    admin.post("/notifications/broadcast", &broadcast).await.expect(201);
    member.post("/realtime/test-events", &here).await.expect(201);
    let mut read = here;
    read["upTo"] = json!(1);
    member.post("/notifications/read", &read).await.expect(200);
}

/// Nobody decides, and nobody executes, until it is too late.
async fn time_passes(world: &World) {
    let treasurer = world.espoir(Role::Treasurer).await;
    treasurer.submit(73_518).await;
    let request = treasurer.submit(73_519).await;
    world.espoir(Role::President).await.approve(&request).await.expect(200);
    let service = world.server().service().clone();
    let now = service.read(|reader| Ok(reader.now())).await.unwrap();
    world.clock.set(now.plus(std::time::Duration::from_secs(60 * 24 * 3600)));
    service.sweep_deadlines().await.unwrap();
}

/// Facts of an organisation: who saw which. The types that were seen.
async fn facts(
    world: &World,
    organization: OrganizationId,
    screens: &[Screen],
    tally: &mut Tally,
) -> BTreeSet<EventType> {
    let service = world.server().service().clone();
    let records =
        service.read(move |reader| Ok(reader.journal_after(organization, Seq::ZERO, 10_000)?)).await.unwrap();
    let envelopes: Vec<Value> =
        records.iter().map(|record| serde_json::from_slice(&record.value).unwrap()).collect();
    let mut catalogue = Catalogue::default();
    let mut produced = BTreeSet::new();
    for (at, envelope) in envelopes.iter().enumerate() {
        let kind: EventType = envelope["eventType"].as_str().unwrap().parse().unwrap();
        let next = envelopes.get(at + 1).and_then(|next| next["eventType"].as_str());
        let expected = catalogue
            .audience(kind, envelope, next == Some("APPROVAL_APPROVED"))
            .unwrap_or_else(|| records[at].audience.clone());
        let seq = envelope["seq"].as_u64().unwrap();
        produced.insert(kind);
        for screen in screens {
            let same = screen.person.organization == organization;
            let may = same && expected.admits(screen.member(), screen.roles);
            let saw = screen.facts().contains(&seq)
                && screen.frames.iter().any(|frame| frame.value["eventId"] == envelope["eventId"]);
            tally.wrong_unless(may == saw, || {
                format!("{kind} {seq}, for {expected}: {} may see it: {may}; saw it: {saw}", screen.name)
            });
        }
    }
    produced
}

/// What the catalogue says, from the events alone.
#[derive(Default)]
pub(crate) struct Catalogue {
    /// Of each request: whom it is about besides the officers, and whether it changes a role.
    requests: BTreeMap<String, (MemberId, Option<MemberId>, bool)>,
}

impl Catalogue {
    /// `None`: the persons meant, who are in the record only.
    pub(crate) fn audience(&mut self, kind: EventType, envelope: &Value, decided: bool) -> Option<Audience> {
        use EventType as E;
        let data = &envelope["data"];
        let member = |key: &str| data[key].as_str().and_then(|id| id.parse::<MemberId>().ok());
        if envelope["origin"] == "import" && kind != E::ImportApplied {
            return Some(Audience::none());
        }
        let roles = |roles: &[Role]| Audience::roles(RoleSet::of(roles));
        Some(match kind {
            E::UserNotification | E::BroadcastNotification => return None,
            E::PolicyChanged | E::ImportApplied | E::ServiceKeyCreated | E::ServiceKeyRevoked => {
                roles(&KEEPERS)
            }
            E::AccountOpened | E::LedgerEntryPosted => roles(&MONEY),
            E::RoleGranted | E::RoleRevoked | E::OrganizationCreated | E::OrganizationUpdated => {
                Audience::everyone()
            }
            E::MemberCreated
            | E::MemberUpdated
            | E::MemberAdmitted
            | E::MemberRefused
            | E::MemberSuspended
            | E::MemberReinstated
            | E::MemberLeft
            | E::MemberInvited
            | E::MemberResetIssued => roles(&KEEPERS).and_member(member("id").unwrap()),
            _ => {
                assert!(kind.as_str().starts_with("APPROVAL_"), "{kind} is in the catalogue above");
                let id = data["id"].as_str().unwrap().to_owned();
                if kind == E::ApprovalPending {
                    let changes_role = data["transactionType"] == "ROLE_CHANGE";
                    let about = (member("requesterId").unwrap(), member("beneficiaryMemberId"), changes_role);
                    self.requests.insert(id.clone(), about);
                }
                let (requester, beneficiary, changes_role) = self.requests[&id];
                let granted = match kind {
                    E::ApprovalVoteRecorded => decided,
                    E::ApprovalApproved
                    | E::ApprovalExecuted
                    | E::ApprovalExecutionFailed
                    | E::ApprovalLapsed => true,
                    _ => false,
                };
                let beneficiary = beneficiary.filter(|_| !changes_role || granted);
                roles(&OFFICERS).and_member(requester).and_member_if(beneficiary)
            }
        })
    }
}

/// Figures in one's own edition, and read marks to oneself.
fn states(screens: &[Screen], tally: &mut Tally) -> BTreeSet<EventType> {
    let mut produced = BTreeSet::new();
    for screen in screens {
        let view = if screen.is_officer() { View::Officers } else { View::Members };
        for frame in screen.frames.iter().filter(|frame| frame.is_event() && frame.seq().is_none()) {
            let kind: EventType = frame.event_type().parse().unwrap();
            produced.insert(kind);
            let own = frame.value["organizationId"] == json!(screen.person.organization);
            let meant = match kind {
                EventType::NotificationRead => screen.name == "MEMBER",
                _ => frame.data()["view"] == json!(view),
            };
            tally.wrong_unless(own && meant, || format!("{} saw {}", screen.name, frame.text));
        }
    }
    produced
}

/// Ids and amounts of one organisation in frames of the other.
async fn crossed(world: &World, screens: &[Screen], tally: &mut Tally) {
    for (theirs, others) in [(&world.espoir, &world.solidarite), (&world.solidarite, &world.espoir)] {
        let organization = theirs.id;
        let service = world.server().service().clone();
        let records = service
            .read(move |reader| Ok(reader.journal_after(organization, Seq::ZERO, 10_000)?))
            .await
            .unwrap();
        let mut secrets: BTreeSet<String> = BTreeSet::from([organization.to_string(), theirs.name.clone()]);
        for record in &records {
            let envelope: Value = serde_json::from_slice(&record.value).unwrap();
            ids(&envelope, &mut secrets);
        }
        for screen in screens.iter().filter(|screen| screen.person.organization == others.id) {
            for frame in &screen.frames {
                tally.tried += 1;
                tally.crossed += secrets
                    .iter()
                    .map(|secret| frame.text.matches(secret.as_str()).count() * secret.len())
                    .sum::<usize>();
            }
        }
    }
}

fn ids(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.parse::<uuid::Uuid>().is_ok() => drop(into.insert(text.clone())),
        Value::Number(number) if number.as_i64().is_some_and(|n| n.to_string().contains("735")) => {
            into.insert(number.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| ids(item, into)),
        Value::Object(fields) => fields.values().for_each(|item| ids(item, into)),
        _ => {}
    }
}
