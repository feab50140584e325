//! Two years of it, written through the use cases by a clock that is told what time it is.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use unionflow_auth::password::Passwords;
use unionflow_domain::{
    contact::{Email, LoginName},
    member::Name,
    organization::Settings,
    policy::demo_rules,
};
use unionflow_protocol::{
    Amount, Currency, Date, Language, Origin, Role, TimeZone, Timestamp,
    account::AccountKind,
    approval::{ApprovalStatus, TransactionType},
    id::{ApprovalId, OrganizationId},
    rest::{
        approval::{ApprovalDetails, Approve, Reject, SubmitApproval},
        member::{CreateMember, WithReason},
        notification::{Broadcast, ReadNotifications},
        organization::{OpeningBalances, UpdateOrganization},
    },
};
use unionflow_service::{
    Call, Service, approval, member,
    member::import::Wanted,
    notification, organization,
    organization::found::{Founding, NewFounder, create_person, found},
};
use unionflow_storage::{Clock, Scope, ScriptedClock, StoreFault, SystemClock, Tx, Undo};

use super::{
    Hand, Stage,
    cast::{Actor, Cast, Extra, Troupe, UNFINISHED, pick},
};

const DAYS: u64 = 730;
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
/// The last time that the inboxes were looked into: what is newer is left to the visitor.
const READ_ON: u64 = DAYS - 12;
/// Requests of yesterday that wait for the visitor's vote.
const WAITING: usize = 2;

/// Something that happened.
enum Deed {
    /// Somebody joined, one by one after the first file.
    Join(usize),
    Submit(usize),
    Decide(usize),
    Conclude(usize),
    Announce(&'static str),
    /// Everybody who has an account looks into the inbox.
    Read,
    /// Deadlines are looked at.
    Sweep,
}

/// A request for approval, and what was to become of it.
struct Request {
    kind: TransactionType,
    amount: i64,
    purpose: &'static str,
    from: AccountKind,
    to: Option<AccountKind>,
    requester: Role,
    fate: Fate,
    id: Option<ApprovalId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Executed,
    Rejected,
    Cancelled,
    /// Approved, and then forgotten.
    Lapsed,
    /// Nobody decided in time, or has yet.
    Expired,
}

/// A purpose, with the smallest and largest amount in thousands of francs.
type Purpose = (&'static str, i64, i64);

pub(super) const EXPENSES: &[Purpose] = &[
    ("Achat de fournitures de bureau", 8, 45),
    ("Location de la salle pour l’assemblée", 40, 150),
    ("Impression des cartes de membre", 15, 80),
    ("Transport de la délégation à Yamoussoukro", 60, 240),
    ("Location de chaises et de bâches", 25, 95),
    ("Réparation du groupe électrogène", 30, 180),
    ("Crédit de communication du bureau", 5, 20),
    ("Repas de la réunion mensuelle", 20, 75),
    ("Facture d’électricité du siège", 18, 60),
    ("Achat d’un ordinateur pour le secrétariat", 280, 420),
    ("Kits scolaires pour la rentrée", 300, 900),
    ("Acompte pour la réfection du siège", 1000, 1400),
];

pub(super) const AIDS: &[Purpose] = &[
    ("Aide pour frais médicaux", 25, 95),
    ("Aide pour funérailles", 100, 250),
    ("Aide pour un mariage", 30, 90),
    ("Aide pour une naissance", 20, 50),
    ("Aide après un incendie", 150, 400),
];

const MOVES: &[Purpose] = &[("Alimentation du compte mobile money", 150, 600)];

const ANNOUNCEMENTS: &[&str] = &[
    "Assemblée générale samedi à 9 h au siège. Votre présence compte.",
    "Le local sera fermé lundi. Bonne fête à toutes et à tous.",
    "Merci à celles et ceux qui ont aidé à préparer la fête de fin d’année.",
    "Les cartes de membre sont prêtes : passez les retirer au secrétariat.",
    "Réunion du bureau avancée à jeudi, 17 h.",
];

const REASONS: &[&str] = &[
    "Le devis n’est pas joint.",
    "Le montant dépasse le budget voté.",
    "Une demande semblable a été payée le mois dernier.",
];

const COMMENTS: &[&str] =
    &["D’accord.", "Vu le devis, d’accord.", "Bon pour accord.", "À payer avant vendredi."];

/// Writes the whole demonstration on an empty store.
pub(crate) async fn write_history(
    service: &Service,
    cast: &Cast,
    seed: u64,
    passwords: Passwords,
    clock: &ScriptedClock,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<Stage>, Undo> {
    let now = SystemClock.now();
    // Midnight in Abidjan, which keeps UTC: the hours of the deeds are those of the day.
    let begin =
        now.date_in(&TimeZone::UTC).start_in(&TimeZone::UTC).minus(DAY * u32::try_from(DAYS).unwrap_or(0));
    clock.set(begin);
    let stages = found_all(service, cast, passwords).await?;
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
    let mut plans: Vec<Plan> = cast.troupes.iter().map(|troupe| Plan::new(&mut rng, troupe, begin)).collect();
    let mut deeds: Vec<(Timestamp, usize, Deed)> = Vec::new();
    for (n, plan) in plans.iter_mut().enumerate() {
        deeds.extend(plan.deeds.drain(..).map(|(at, deed)| (at, n, deed)));
    }
    deeds.retain(|(at, ..)| *at < now);
    deeds.sort_by_key(|(at, ..)| *at);

    for (troupe, stage) in cast.troupes.iter().zip(&stages) {
        stage.import(troupe, begin).await?;
    }
    let total = deeds.len();
    for (done, (at, n, deed)) in deeds.into_iter().enumerate() {
        clock.set(at);
        stages[n].perform(&mut rng, &cast.troupes[n], &mut plans[n].requests, deed).await?;
        progress(done + 1, total);
    }
    clock.set(now);
    service.sweep_deadlines().await?;
    for stage in &stages {
        stage.finish().await?;
    }
    service.sweep_days().await?;
    clock.release();
    Ok(stages)
}

/// What is going to happen in an organisation.
struct Plan {
    deeds: Vec<(Timestamp, Deed)>,
    requests: Vec<Request>,
}

impl Plan {
    fn new(rng: &mut StdRng, troupe: &Troupe, begin: Timestamp) -> Self {
        let mut plan = Self { deeds: Vec::new(), requests: Vec::new() };
        let at = |rng: &mut StdRng, day: u64| {
            begin.plus(DAY * u32::try_from(day).unwrap_or(0) + working_hours(rng))
        };
        let late = first_file(troupe)..troupe.others.len();
        for joins in late {
            let day = rng.random_range(20..DAYS);
            plan.deeds.push((at(rng, day), Deed::Join(joins)));
        }
        let requests = u64::from(troupe.requests_a_month) * 24;
        for n in 0..requests {
            let day = 5 + n * (DAYS - 6) / requests;
            let submitted = at(rng, day);
            let request = Request::new(rng);
            plan.request(rng, submitted, request);
        }
        for _ in 0..WAITING {
            let submitted = at(rng, DAYS - 1);
            let request = Request { fate: Fate::Expired, ..Request::new(rng) };
            plan.request(rng, submitted, request);
        }
        for month in 0..24 {
            let (day, text) = (month * 30 + rng.random_range(3..28), pick(rng, ANNOUNCEMENTS));
            plan.deeds.push((at(rng, day), Deed::Announce(text)));
        }
        for day in (5..DAYS).step_by(5) {
            plan.deeds.push((at(rng, day), Deed::Sweep));
        }
        plan.deeds.push((at(rng, READ_ON), Deed::Read));
        plan
    }

    fn request(&mut self, rng: &mut StdRng, submitted: Timestamp, request: Request) {
        let n = self.requests.len();
        let decided = awake(submitted.plus(HOUR * rng.random_range(3..90)));
        let concluded = awake(decided.plus(HOUR * rng.random_range(2..72)));
        self.deeds.push((submitted, Deed::Submit(n)));
        if request.fate != Fate::Expired {
            self.deeds.push((decided, Deed::Decide(n)));
        }
        if request.fate == Fate::Executed {
            self.deeds.push((concluded, Deed::Conclude(n)));
        }
        self.requests.push(request);
    }
}

impl Request {
    fn new(rng: &mut StdRng) -> Self {
        use AccountKind::{Bank, Cash, MobileMoney};
        let (kind, purpose, from, to) = match rng.random_range(0..100) {
            0..55 => (TransactionType::Expense, choose(rng, EXPENSES), MobileMoney, None),
            55..75 => (TransactionType::Aid, choose(rng, AIDS), MobileMoney, None),
            75..85 => (TransactionType::Transfer, choose(rng, MOVES), Bank, Some(MobileMoney)),
            85..94 => (TransactionType::Withdrawal, ("Réserve pour la caisse", 50, 150), Bank, None),
            _ => (TransactionType::Deposit, ("Versement de la caisse à la banque", 20, 60), Bank, None),
        };
        let (purpose, least, most) = purpose;
        let amount = rng.random_range(least..=most) * 1000;
        let from = match (kind, amount) {
            (TransactionType::Expense | TransactionType::Aid, 150_000..) => Bank,
            (TransactionType::Expense | TransactionType::Aid, ..15_000) => Cash,
            _ => from,
        };
        let fate = match rng.random_range(0..100) {
            0..84 => Fate::Executed,
            84..91 => Fate::Rejected,
            91..95 => Fate::Cancelled,
            95..98 => Fate::Expired,
            _ => Fate::Lapsed,
        };
        let requester = match rng.random_range(0..3) {
            0 => Role::Secretary,
            1 => Role::BoardMember,
            _ => Role::Treasurer,
        };
        Self { kind, amount, purpose, from, to, requester, fate, id: None }
    }
}

fn choose(rng: &mut StdRng, from: &[Purpose]) -> Purpose {
    *from.choose(rng).unwrap_or_else(|| unreachable!("no list here is empty"))
}

/// Since midnight.
fn working_hours(rng: &mut StdRng) -> Duration {
    Duration::from_secs(rng.random_range(7 * 3600..19 * 3600))
}

/// Nobody decides at night: half a day later it is day.
fn awake(at: Timestamp) -> Timestamp {
    let hour = at.since(at.date_in(&TimeZone::UTC).start_in(&TimeZone::UTC)).as_secs() / 3600;
    if (7..19).contains(&hour) { at } else { at.plus(HOUR * 12) }
}

/// Those who came with the first file; the others joined one by one.
fn first_file(troupe: &Troupe) -> usize {
    troupe.others.len() * 3 / 4
}

async fn found_all(service: &Service, cast: &Cast, passwords: Passwords) -> Result<Vec<Stage>, Undo> {
    let actors = cast.troupes.iter().flat_map(|troupe| &troupe.actors).chain([&cast.in_both]);
    let given: Vec<String> = actors.map(|actor| actor.password.clone()).collect();
    let hashing = tokio::task::spawn_blocking(move || {
        given.iter().map(|password| passwords.hash(password)).collect::<Vec<String>>()
    });
    let hashes = hashing.await.map_err(|error| StoreFault::Malformed(error.to_string()))?;
    let (hash_in_both, hashes) = hashes.split_last().unwrap_or_else(|| unreachable!("the cast has people"));
    let mut hashes = hashes.iter();
    let mut stages = Vec::new();
    for troupe in &cast.troupes {
        let mut people: Vec<(Actor, String)> =
            troupe.actors.iter().cloned().zip(hashes.by_ref().take(troupe.actors.len()).cloned()).collect();
        people.push((cast.in_both.clone(), hash_in_both.clone()));
        let id = found_one(service, troupe, people).await?;
        let stage = Stage::enter(service, id, troupe).await?;
        stages.push(stage.unwrap_or_else(|| unreachable!("everybody was just put there")));
    }
    Ok(stages)
}

async fn found_one(
    service: &Service,
    troupe: &Troupe,
    people: Vec<(Actor, String)>,
) -> Result<OrganizationId, Undo> {
    let country = service.settings().country;
    let name = format!("{}{UNFINISHED}", troupe.name);
    let settings = Settings::new(&name, None, None, Some(Language::French))?;
    let [cash, bank, mobile_money] = troupe.opening.map(francs);
    let opening = OpeningBalances { cash, bank, mobile_money };
    let unit = move |tx: &mut Tx<'_>| {
        let mut founders = Vec::new();
        for (actor, hash) in people {
            let login = LoginName::parse(&actor.login, country)
                .unwrap_or_else(|| unreachable!("the cast's logins are e-mails"));
            // Who is in both organisations has an account already in the second.
            let person_id = match create_person(tx, &login, hash)? {
                Some(id) => id,
                None => {
                    tx.load_person_by_login(&login)?.map_or_else(|| unreachable!("taken"), |person| person.id)
                }
            };
            founders.push(NewFounder {
                name: Name { given: actor.given, family: actor.family },
                phone: None,
                email: Email::parse(&actor.login),
                person_id,
                roles: if actor.role == Role::Member { Vec::new() } else { vec![actor.role] },
            });
        }
        let origin = Origin::Operator;
        found(
            tx,
            Founding { settings, currency: Currency::XOF, rules: demo_rules(), opening, founders, origin },
        )
    };
    service.store().write(Scope::Server, unit).await
}

impl Stage {
    /// Most members come with a file, as they do for everyone who begins.
    async fn import(&self, troupe: &Troupe, begin: Timestamp) -> Result<(), Undo> {
        let zone = "Africa/Abidjan".parse().unwrap_or(TimeZone::UTC);
        let today = begin.date_in(&zone);
        let file = galette(&troupe.others[..first_file(troupe)], today);
        let wanted = Wanted {
            organization_id: self.organization,
            dry_run: false,
            skip_errors: false,
            language: Language::French,
        };
        self.service.import_members(None, file.into_bytes(), wanted, |_| ()).await?;
        Ok(())
    }

    async fn perform(
        &self,
        rng: &mut StdRng,
        troupe: &Troupe,
        requests: &mut [Request],
        deed: Deed,
    ) -> Result<(), Undo> {
        match deed {
            Deed::Join(n) => self.join(&troupe.others[n]).await,
            Deed::Submit(n) => self.submit(&mut requests[n]).await,
            Deed::Decide(n) => self.decide(rng, &requests[n]).await,
            Deed::Conclude(n) => self.conclude(&requests[n]).await,
            Deed::Announce(text) => self.announce(text).await,
            Deed::Read => self.read().await,
            Deed::Sweep => self.service.sweep_deadlines().await,
        }
    }

    async fn join(&self, extra: &Extra) -> Result<(), Undo> {
        let create = CreateMember {
            organization_id: self.organization,
            given_name: extra.given.clone(),
            family_name: extra.family.clone(),
            phone: Some(extra.phone.clone()),
            email: None,
            member_number: None,
            status: None,
            joined_on: None,
        };
        let secretary = self.listed(Role::Secretary).person;
        self.act(secretary, move |tx, call| member::create::create(tx, call, &create)).await?;
        Ok(())
    }

    async fn submit(&self, request: &mut Request) -> Result<(), Undo> {
        let hand = self.listed(request.requester);
        let beneficiary = self.listed(Role::Member).member;
        let submit = SubmitApproval {
            organization_id: self.organization,
            transaction_type: request.kind,
            amount: francs(request.amount),
            currency: Currency::XOF,
            purpose: request.purpose.to_owned(),
            details: self.details(request.kind, request.from, request.to, Some(beneficiary)),
        };
        let made = self.act(hand.person, move |tx, call| approval::submit::submit(tx, call, &submit)).await?;
        request.id = Some(made.id);
        Ok(())
    }

    pub(super) fn details(
        &self,
        kind: TransactionType,
        from: AccountKind,
        to: Option<AccountKind>,
        beneficiary: Option<unionflow_protocol::id::MemberId>,
    ) -> ApprovalDetails {
        ApprovalDetails {
            account_id: self.accounts.get(&from).copied(),
            to_account_id: to.and_then(|to| self.accounts.get(&to).copied()),
            beneficiary_member_id: beneficiary.filter(|_| kind == TransactionType::Aid),
            ..ApprovalDetails::default()
        }
    }

    async fn decide(&self, rng: &mut StdRng, request: &Request) -> Result<(), Undo> {
        let Some(id) = request.id else { return Ok(()) };
        match request.fate {
            Fate::Expired => Ok(()),
            Fate::Cancelled => {
                let requester = self.listed(request.requester).person;
                self.act(requester, move |tx, call| approval::cancel::cancel(tx, call, id)).await.map(drop)
            }
            Fate::Rejected => {
                let reject = Reject { reason: pick(rng, REASONS).to_owned(), content_hash: None };
                let president = self.listed(Role::President).person;
                let unit =
                    move |tx: &mut Tx<'_>, call: &Call| approval::reject::reject(tx, call, id, &reject);
                self.act(president, unit).await.map(drop)
            }
            Fate::Executed | Fate::Lapsed => self.approve(rng, request, id).await,
        }
    }

    /// The president, then whoever else may vote, until it is approved.
    async fn approve(&self, rng: &mut StdRng, request: &Request, id: ApprovalId) -> Result<(), Undo> {
        let voters = [Role::President, Role::Secretary, Role::BoardMember, Role::Treasurer];
        for role in voters.into_iter().filter(|role| *role != request.requester) {
            let comment = rng.random_bool(0.4).then(|| pick(rng, COMMENTS).to_owned());
            let approve = Approve { comment, content_hash: None };
            let person = self.listed(role).person;
            let unit = move |tx: &mut Tx<'_>, call: &Call| approval::approve::approve(tx, call, id, &approve);
            if self.act(person, unit).await?.status == ApprovalStatus::Approved {
                break;
            }
        }
        Ok(())
    }

    async fn conclude(&self, request: &Request) -> Result<(), Undo> {
        let Some(id) = request.id else { return Ok(()) };
        let treasurer = self.listed(Role::Treasurer).person;
        self.act(treasurer, move |tx, call| approval::execute::execute(tx, call, id)).await.map(drop)
    }

    pub(super) async fn announce(&self, text: &'static str) -> Result<(), Undo> {
        let broadcast = Broadcast {
            organization_id: self.organization,
            message: text.to_owned(),
            roles: None,
            severity: None,
        };
        let secretary = self.listed(Role::Secretary).person;
        self.act(secretary, move |tx, call| notification::broadcast(tx, call, &broadcast)).await.map(drop)
    }

    async fn read(&self) -> Result<(), Undo> {
        let organization_id = self.organization;
        for hand in &self.hands {
            let unit = move |tx: &mut Tx<'_>, call: &Call| {
                let up_to = tx.head()?;
                notification::read(tx, call, ReadNotifications { organization_id, up_to })
            };
            self.act(hand.person, unit).await?;
        }
        Ok(())
    }

    /// Some people left; and the organisation gets its own name, by which a finished history is known.
    async fn finish(&self) -> Result<(), Undo> {
        let secretary = self.listed(Role::Secretary).person;
        let applicant = CreateMember {
            organization_id: self.organization,
            given_name: "Inès".to_owned(),
            family_name: "Kouyaté".to_owned(),
            phone: None,
            email: None,
            member_number: None,
            status: Some(unionflow_protocol::member::MemberStatus::Applicant),
            joined_on: None,
        };
        let applied =
            self.act(secretary, move |tx, call| member::create::create(tx, call, &applicant)).await?;
        let refuse = WithReason { reason: Some("Dossier incomplet.".to_owned()) };
        let unit = move |tx: &mut Tx<'_>, call: &Call| {
            use unionflow_domain::member::StatusChange;
            member::change_status::change_status(tx, call, applied.id, StatusChange::Refuse, &refuse)
        };
        self.act(secretary, unit).await?;
        let update = UpdateOrganization { name: Some(self.name.clone()), ..UpdateOrganization::default() };
        let president: Hand = self.listed(Role::President).clone();
        let unit = move |tx: &mut Tx<'_>, call: &Call| organization::update::update(tx, call, &update);
        self.act(president.person, unit).await?;
        Ok(())
    }
}

/// The export of a member list, as Galette writes it.
fn galette(extras: &[Extra], today: Date) -> String {
    let mut file =
        String::from("id_adh;nom_adh;prenom_adh;tel_adh;gsm_adh;email_adh;date_crea_adh;activite_adh\r\n");
    for (n, extra) in extras.iter().enumerate() {
        let joined = today.plus_days(-i32::try_from(n * 11 % 4000).unwrap_or(0));
        file.push_str(&format!(
            "{};{};{};;{};;{:02}/{:02}/{:04};Oui\r\n",
            1001 + n,
            extra.family,
            extra.given,
            extra.phone,
            joined.day(),
            joined.month(),
            joined.year()
        ));
    }
    file
}

pub(super) fn francs(amount: i64) -> Amount {
    Amount::new(amount).unwrap_or(Amount::ZERO)
}
