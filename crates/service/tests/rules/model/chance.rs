//! What chance makes people do.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use unionflow_domain::{Refusal, member::StatusChange, policy};
use unionflow_protocol::{
    Role, RoleSet, Seq,
    approval::{ApprovalStatus, Level, LevelRules, PolicyRules, Step, TransactionType},
    id::{AccountId, ApprovalId, MemberId},
    member::MemberStatus,
    problem::ErrorCode,
    rest::{
        approval::{ApprovalDetails, Approve, EditApproval},
        member::{CodeOrRequest, CreateMember, MemberOrRequest, WithReason},
    },
};
use unionflow_service::{approval, member, operator};
use unionflow_storage::{
    Scope,
    tables::{approval::ApprovalFilter, member::MemberFilter},
};

use super::super::scene::{Club, Town, Wanted, Who, amount};

/// Two organisations with a person in both, and what happened so far.
pub(super) struct World {
    pub(super) town: Town,
    pub(super) scenes: Vec<Scene>,
    rng: StdRng,
    /// The role asked for last: people ask again.
    asked: Option<(MemberId, Role, bool)>,
    /// How often each deed came about, and each refusal.
    pub(super) seen: BTreeMap<String, u32>,
}

/// An organisation, and the ids that people there may know.
pub(super) struct Scene {
    pub(super) club: Club,
    approvals: Vec<ApprovalId>,
    members: Vec<MemberId>,
    /// Those that hold money first.
    accounts: Vec<AccountId>,
}

/// What a deed did: made a request, or something else.
type Done = Result<Option<ApprovalId>, Refusal>;

/// The demonstration's rules, but small amounts need two votes: so votes wait for others.
fn two_of_the_board() -> PolicyRules {
    let mut rules = policy::demo_rules();
    let two = Step { roles: RoleSet::VOTING, min_approvals: 2 };
    rules.levels.insert(Level::Level1, LevelRules::of(vec![two]));
    rules
}

/// There is nothing to do it to.
fn nothing() -> Done {
    Err(ErrorCode::NotFound.into())
}

const KEEPERS: RoleSet = RoleSet::of(&[Role::Admin, Role::President, Role::Secretary]);

pub(super) const DEEDS: &[(&str, u32)] = &[
    ("submit", 30),
    ("ask for oneself", 8),
    ("approve", 40),
    ("reject", 3),
    ("withdraw", 8),
    ("edit", 5),
    ("cancel", 2),
    ("execute", 14),
    ("ask role", 10),
    ("ask policy", 2),
    ("status", 7),
    ("create", 3),
    ("reset", 6),
    ("operator", 3),
    ("wait", 7),
    ("sweep", 3),
];

impl World {
    pub(super) async fn new(seed: u64) -> Self {
        let town = Town::seeded(seed).await;
        let large: &[&[Role]] = &[
            &[Role::President],
            &[Role::Treasurer],
            &[Role::Secretary],
            &[Role::Secretary],
            &[Role::BoardMember],
            &[Role::BoardMember],
            &[Role::BoardMember, Role::Treasurer],
            &[Role::Auditor],
            &[Role::Admin],
            &[],
            &[],
        ];
        let small: &[&[Role]] = &[&[Role::President, Role::Treasurer], &[], &[]];
        let mut scenes = Vec::new();
        for (rules, people) in [(two_of_the_board(), large), (policy::default_rules(true), small)] {
            let club = town.found(rules, people).await;
            let id = club.id;
            let accounts = town.service.read(move |reader| {
                let mut accounts = reader.load_chart(id)?.accounts().to_vec();
                accounts.sort_by_key(|account| !account.kind.holds_money());
                Ok(accounts.iter().map(|account| account.id).collect())
            });
            let members = club.people.iter().map(|who| who.member).collect();
            let accounts = accounts.await.expect("they are read");
            scenes.push(Scene { club, approvals: Vec::new(), members, accounts });
        }
        let rng = StdRng::seed_from_u64(seed);
        let mut world = Self { town, scenes, rng, asked: None, seen: BTreeMap::new() };
        world.join_both().await;
        world
    }

    /// Somebody of the first organisation becomes a member of the second too.
    async fn join_both(&mut self) {
        let person = self.scenes[0].club.people[9].person;
        let made = self.create(1, self.scenes[1].club.people[0], MemberStatus::Active).await;
        let member = made.expect("the president adds members");
        let locked = Scope::Organization(self.scenes[1].club.id);
        let linked =
            self.town.service.store().write(locked, move |tx| operator::link(tx, member, person).map(|_| ()));
        linked.await.expect("nobody has this account there");
        self.scenes[1].club.people.push(Who { person, member });
    }

    /// Somebody does something. A refusal changes nothing; nothing of one organisation changes the other.
    pub(super) async fn step(&mut self) {
        let total = DEEDS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.rng.random_range(0..total);
        let (deed, _) = DEEDS
            .iter()
            .find(|(_, weight)| {
                let here = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                here
            })
            .expect("the weights add up");
        let here = usize::from(self.rng.random_bool(0.35));
        let before = self.heads().await;
        let done = self.attempt(deed, here).await;
        let after = self.heads().await;
        match done {
            Ok(made) => {
                *self.seen.entry((*deed).to_owned()).or_default() += 1;
                self.scenes[here].approvals.extend(made);
                if *deed != "sweep" {
                    assert_eq!(
                        before[1 - here],
                        after[1 - here],
                        "`{deed}` is told in the other organisation"
                    );
                }
            }
            Err(refusal) => {
                let internal = matches!(refusal.code, ErrorCode::Internal | ErrorCode::Unavailable);
                assert!(!internal, "`{deed}` was refused with {}", refusal.code);
                assert_eq!(before, after, "`{deed}` was refused with {} and is told", refusal.code);
                *self.seen.entry(refusal.code.to_string()).or_default() += 1;
            }
        }
    }

    async fn heads(&self) -> Vec<Seq> {
        let mut heads = Vec::new();
        for scene in &self.scenes {
            heads.push(self.town.head(&scene.club).await);
        }
        heads
    }

    async fn attempt(&mut self, deed: &str, here: usize) -> Done {
        match deed {
            "wait" => {
                let hours = *[0, 1, 1, 1, 5, 5, 20, 70, 150].choose(&mut self.rng).expect("some");
                self.town.wait(hours);
                return Ok(None);
            }
            "sweep" => {
                self.town.sweep().await;
                return Ok(None);
            }
            _ => {}
        }
        let who = match deed {
            "submit" | "approve" | "reject" | "ask role" | "ask policy" => {
                self.holder(here, RoleSet::VOTING).await
            }
            "status" | "create" | "reset" => self.holder(here, KEEPERS).await,
            "execute" => self.holder(here, RoleSet::of(&[Role::Treasurer])).await,
            _ => self.somebody(here),
        };
        match deed {
            "submit" => self.submit(here, who).await,
            "ask for oneself" => self.ask_for_oneself(here, who).await,
            "approve" => self.approve(here, who).await,
            "edit" => self.edit(here, who).await,
            "reject" | "withdraw" | "cancel" | "execute" => self.end(deed, here, who).await,
            "ask policy" => {
                let rules = self.rules();
                self.town.ask_policy(&self.scenes[here].club, who, rules).await.map(|made| Some(made.id))
            }
            "create" => {
                let status =
                    *[MemberStatus::Active, MemberStatus::Applicant].choose(&mut self.rng).expect("two");
                self.create(here, who, status).await.map(|_| None)
            }
            "ask role" | "status" | "reset" | "operator" => self.about_a_member(deed, here, who).await,
            other => unreachable!("{other}"),
        }
    }

    /// Mostly somebody of the organisation, now and then somebody of the other.
    fn somebody(&mut self, here: usize) -> Who {
        let there = if self.rng.random_bool(0.04) { 1 - here } else { here };
        *self.scenes[there].club.people.choose(&mut self.rng).expect("there are people")
    }

    /// Mostly somebody who holds one of these roles now, if there is any.
    async fn holder(&mut self, here: usize, roles: RoleSet) -> Who {
        let id = self.scenes[here].club.id;
        let read = self
            .town
            .service
            .read(move |reader| Ok(reader.load_members(id, &MemberFilter::default(), None, 100_000)?));
        let members = read.await.expect("they are read");
        let holds = |who: &Who| {
            let member = members.iter().find(|member| member.id == who.member);
            member.is_some_and(|member| member.effective_roles().intersects(roles))
        };
        let people = self.scenes[here].club.people.iter().copied();
        let holders: Vec<Who> = people.filter(holds).collect();
        let one = holders.choose(&mut self.rng).copied().filter(|_| self.rng.random_bool(0.8));
        one.unwrap_or_else(|| self.somebody(here))
    }

    /// Mostly one that stands so, now and then any, or one of the other organisation.
    async fn an_approval(&mut self, here: usize, status: ApprovalStatus) -> Option<ApprovalId> {
        let there = if self.rng.random_bool(0.02) { 1 - here } else { here };
        if self.rng.random_bool(0.1) {
            return self.scenes[there].approvals.choose(&mut self.rng).copied();
        }
        let id = self.scenes[there].club.id;
        let filter = ApprovalFilter { status: Some(status), about: None };
        let read = self.town.service.read(move |reader| Ok(reader.load_approvals(id, &filter, None, 20)?));
        let standing: Vec<ApprovalId> =
            read.await.expect("they are read").iter().map(|approval| approval.id).collect();
        standing.choose(&mut self.rng).copied()
    }

    /// Mostly whoever made it.
    async fn maker(&mut self, here: usize, id: ApprovalId, who: Who) -> Who {
        let requester = self.town.approval(id).await.requester_id;
        let maker = self.scenes[here].club.people.iter().find(|who| who.member == requester).copied();
        maker.filter(|_| self.rng.random_bool(0.7)).unwrap_or(who)
    }

    /// Mostly somebody who voted for it.
    async fn a_voter(&mut self, here: usize, id: ApprovalId, who: Who) -> Who {
        let votes = self.town.approval(id).await.votes;
        let voter = votes.last().map(|vote| vote.voter_id);
        let voter = self.scenes[here].club.people.iter().find(|who| Some(who.member) == voter).copied();
        voter.filter(|_| self.rng.random_bool(0.8)).unwrap_or(who)
    }

    fn a_member(&mut self, here: usize) -> MemberId {
        let there = if self.rng.random_bool(0.02) { 1 - here } else { here };
        *self.scenes[there].members.choose(&mut self.rng).expect("there are members")
    }

    fn an_account(&mut self, here: usize) -> Option<AccountId> {
        if self.rng.random_bool(0.4) {
            return None;
        }
        let there = if self.rng.random_bool(0.03) { 1 - here } else { here };
        self.scenes[there].accounts[..4].choose(&mut self.rng).copied()
    }

    fn an_amount(&mut self) -> i64 {
        let edges = [1, 5_000, 99_999, 100_000, 400_000, 999_999, 1_000_000, 3_000_000];
        *edges.choose(&mut self.rng).expect("some")
    }

    fn details(&mut self, here: usize, kind: TransactionType) -> ApprovalDetails {
        use TransactionType::{Aid, Expense, Transfer};
        let odd = self.rng.random_bool(0.05);
        let for_somebody = kind == Aid || (kind == Expense && self.rng.random_bool(0.3));
        ApprovalDetails {
            account_id: self.an_account(here),
            to_account_id: if kind == Transfer || odd { self.an_account(here) } else { None },
            beneficiary_member_id: (for_somebody || odd).then(|| self.a_member(here)),
            due_id: None,
            payment_id: None,
        }
    }

    async fn submit(&mut self, here: usize, who: Who) -> Done {
        use TransactionType::{Aid, Deposit, Expense, Transfer, Withdrawal};
        let here_now = [Deposit, Withdrawal, Expense, Expense, Transfer, Aid];
        let kinds = if self.rng.random_bool(0.05) { TransactionType::ALL } else { &here_now };
        let kind = *kinds.choose(&mut self.rng).expect("some");
        let (minor, details) = (self.an_amount(), self.details(here, kind));
        let wanted = Wanted { kind, minor, details };
        self.town.submit(&self.scenes[here].club, who, wanted).await.map(|made| Some(made.id))
    }

    async fn ask_for_oneself(&mut self, here: usize, who: Who) -> Done {
        let details =
            ApprovalDetails { beneficiary_member_id: Some(who.member), ..ApprovalDetails::default() };
        let wanted = Wanted { kind: TransactionType::Aid, minor: self.an_amount(), details };
        self.town.submit(&self.scenes[here].club, who, wanted).await.map(|made| Some(made.id))
    }

    async fn approve(&mut self, here: usize, who: Who) -> Done {
        let Some(id) = self.an_approval(here, ApprovalStatus::Pending).await else { return nothing() };
        let seen = if self.rng.random_bool(0.8) {
            Some(self.town.approval(id).await.terms.content_hash)
        } else {
            self.rng.random_bool(0.2).then(|| "0".repeat(64))
        };
        let comment = self.rng.random_bool(0.2).then(|| "d'accord".to_owned());
        let body = Approve { comment, content_hash: seen };
        let club = &self.scenes[here].club;
        let voted =
            self.town.act(club, who, move |tx, call| approval::approve::approve(tx, call, id, &body)).await;
        voted.map(|_| None)
    }

    async fn edit(&mut self, here: usize, who: Who) -> Done {
        let Some(id) = self.an_approval(here, ApprovalStatus::Pending).await else { return nothing() };
        let who = self.maker(here, id, who).await;
        let request = self.town.approval(id).await;
        let body = EditApproval {
            amount: self.rng.random_bool(0.7).then(|| amount(self.an_amount())),
            purpose: self.rng.random_bool(0.3).then(|| "autre toit".to_owned()),
            details: self.rng.random_bool(0.3).then(|| self.details(here, request.content.transaction_type)),
        };
        self.town.edit(&self.scenes[here].club, who, id, body).await.map(|_| None)
    }

    async fn end(&mut self, deed: &str, here: usize, who: Who) -> Done {
        let status = if deed == "execute" { ApprovalStatus::Approved } else { ApprovalStatus::Pending };
        let Some(id) = self.an_approval(here, status).await else { return nothing() };
        let who = match deed {
            "cancel" => self.maker(here, id, who).await,
            "withdraw" => self.a_voter(here, id, who).await,
            _ => who,
        };
        let club = &self.scenes[here].club;
        match deed {
            "reject" => self.town.reject(club, who, id).await.map(|_| None),
            "withdraw" => self.town.withdraw(club, who, id).await.map(|_| None),
            "cancel" => self.town.cancel(club, who, id).await.map(|_| None),
            _ => self.town.execute(club, who, id).await.map(|_| None),
        }
    }

    async fn about_a_member(&mut self, deed: &str, here: usize, who: Who) -> Done {
        let about = if self.rng.random_bool(0.15) {
            who.member
        } else {
            if deed == "reset" { self.somebody(here).member } else { self.a_member(here) }
        };
        let role = *Role::ALL.choose(&mut self.rng).expect("some");
        let grant = self.rng.random_bool(0.8);
        let again = self.asked.filter(|_| deed == "ask role" && self.rng.random_bool(0.3));
        let (about, role, grant) = again.unwrap_or((about, role, grant));
        self.asked = Some((about, role, grant));
        let changes = [
            StatusChange::Admit,
            StatusChange::Admit,
            StatusChange::Admit,
            StatusChange::Refuse,
            StatusChange::Refuse,
            StatusChange::Suspend,
            StatusChange::Reinstate,
            StatusChange::Reinstate,
            StatusChange::Leave,
        ];
        let change = *changes.choose(&mut self.rng).expect("some");
        let club = &self.scenes[here].club;
        let made = |answer| match answer {
            MemberOrRequest::Request(request) => Some(request.id),
            MemberOrRequest::Member(_) => None,
        };
        match deed {
            "ask role" => self.town.ask_role(club, who, about, role, grant).await.map(made),
            "status" => self.town.change_status(club, who, about, change).await.map(made),
            "operator" => {
                self.town.operator_role(club, about, role, grant).await.map(|_| None).map_err(Into::into)
            }
            _ => {
                let with = WithReason::default();
                let unit = move |tx: &mut unionflow_storage::Tx<'_>, call: &unionflow_service::Call| {
                    member::reset::reset(tx, call, about, &with, "https://union.example")
                };
                self.town.act(club, who, unit).await.map(|answer| match answer {
                    CodeOrRequest::Request(request) => Some(request.id),
                    CodeOrRequest::Code(_) => None,
                })
            }
        }
    }

    async fn create(&mut self, here: usize, who: Who, status: MemberStatus) -> Result<MemberId, Refusal> {
        let club = &self.scenes[here].club;
        let body = CreateMember {
            organization_id: club.id,
            given_name: "Issa".into(),
            family_name: "Traoré".into(),
            phone: None,
            email: None,
            member_number: None,
            status: Some(status),
            joined_on: None,
        };
        let made = self.town.act(club, who, move |tx, call| member::create::create(tx, call, &body)).await?;
        self.scenes[here].members.push(made.id);
        Ok(made.id)
    }

    /// Rules that ask for more or for less; some of them not valid.
    fn rules(&mut self) -> PolicyRules {
        let mut rules = two_of_the_board();
        rules.single_signature = self.rng.random_bool(0.5);
        let step =
            Step::of(self.rng.random_range(1..3), &[Role::President, Role::Treasurer, Role::Secretary]);
        match self.rng.random_range(0..5) {
            0 => drop(rules.levels.insert(Level::Level1, LevelRules::of(vec![step]))),
            1 => rules
                .bands
                .iter_mut()
                .filter(|band| band.transaction_type == TransactionType::Deposit)
                .for_each(|band| band.required_level = Level::None),
            2 => rules.bands.retain(|band| band.transaction_type != TransactionType::Transfer),
            3 => rules.bands.iter_mut().for_each(|band| band.required_level = Level::None),
            _ => {
                let wide = Step::of(2, &[Role::Treasurer, Role::Secretary, Role::BoardMember]);
                rules.levels.insert(Level::Level2, LevelRules::of(vec![step, wide]));
            }
        }
        rules
    }
}
