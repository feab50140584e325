//! The founding of an organisation: one transaction, without approvals.

use unionflow_domain::{
    ledger::{Account, Chart, DEFAULT_ACCOUNTS, Entry},
    member::{Member, Name},
    organization::{Organization, Settings},
    policy::Policy,
    refusal::Faults,
};
use unionflow_protocol::{
    Amount, Currency, Origin, Role, RoleSet,
    account::{AccountKind, EntryCause},
    approval::PolicyRules,
    event::approvals::EntryLine,
    id::{AccountId, EntryId, MemberId, OrganizationId, PersonId},
    member::MemberStatus,
    problem::{ErrorCode, FieldCode},
    rest::organization::OpeningBalances,
};
use unionflow_storage::{Author, Scope, Store, Tx, Undo, tables::person::Person};

use unionflow_domain::{
    Fault, Refusal,
    contact::{Country, Email, LoginName, Phone, fold},
    hint::Hint,
};
use unionflow_protocol::rest::organization::{FounderAccount, Setup};

use crate::{Publish, Service, auth::activate::check_strength};

/// An organisation to be founded.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Its settings.
    pub settings: Settings,
    /// Its currency; never changes.
    pub currency: Currency,
    /// Its first policy.
    pub rules: PolicyRules,
    /// What the accounts open with.
    pub opening: OpeningBalances,
    /// Its first members.
    pub founders: Vec<NewFounder>,
    /// Who founds it.
    pub origin: Origin,
}

/// A first member and the roles given at founding.
#[derive(Debug, Clone)]
pub struct NewFounder {
    /// The name.
    pub name: Name,
    /// Contact data.
    pub phone: Option<Phone>,
    /// Contact data.
    pub email: Option<Email>,
    /// The account.
    pub person_id: PersonId,
    /// Roles besides MEMBER.
    pub roles: Vec<Role>,
}

/// Founds an organisation: `ORGANIZATION_CREATED`, the founders, their roles, the accounts, policy 1.
pub fn found(tx: &mut Tx<'_>, founding: Founding) -> Result<OrganizationId, Undo> {
    unionflow_domain::policy::validate(&founding.rules)?;
    let (id, now) = (OrganizationId::from_uuid(tx.new_uuid()), tx.now());
    let mut organization = Organization {
        id,
        version: 1,
        currency: founding.currency,
        settings: founding.settings,
        created_at: now,
    };
    tx.insert_organization(organization.clone())?;
    tx.act_as(Author { member_id: None, origin: founding.origin });
    tx.publish().organization_created(&organization)?;
    for founder in founding.founders {
        add_founder(tx, id, founder)?;
    }
    open_accounts(tx, id, founding.currency, founding.opening)?;
    let policy = Policy { version: 1, rules: founding.rules, since: now, approval_id: None };
    tx.insert_policy(id, &policy)?;
    tx.publish().policy_changed(&mut organization, &policy)?;
    tx.save_organization(organization)?;
    Ok(id)
}

fn add_founder(tx: &mut Tx<'_>, organization_id: OrganizationId, founder: NewFounder) -> Result<(), Undo> {
    let number = tx.next_member_number()?;
    let mut member = Member {
        id: MemberId::from_uuid(tx.new_uuid()),
        organization_id,
        version: 0,
        number,
        person_id: Some(founder.person_id),
        status: MemberStatus::Active,
        roles: RoleSet::of(&[Role::Member]),
        name: founder.name,
        phone: founder.phone,
        email: founder.email,
        joined_on: tx.today()?,
        left_on: None,
        code_givers: Vec::new(),
        updated_at: tx.now(),
    };
    tx.publish().member_created(&mut member)?;
    for role in founder.roles {
        member.set_role(role, true);
        tx.publish().role_changed(&mut member, role, true, None)?;
    }
    Ok(tx.insert_member(&member)?)
}

fn check_balances(opening: OpeningBalances) -> Result<(), Refusal> {
    let mut faults = Faults::default();
    for (amount, field) in
        [(opening.cash, "cash"), (opening.bank, "bank"), (opening.mobile_money, "mobileMoney")]
    {
        if amount.is_negative() {
            faults.push(format!("/openingBalances/{field}"), FieldCode::TooSmall, Hint::AmountNotNegative);
        }
    }
    faults.check()
}

fn open_accounts(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    currency: Currency,
    opening: OpeningBalances,
) -> Result<(), Undo> {
    let balance_of = |kind| match kind {
        AccountKind::Cash => opening.cash,
        AccountKind::Bank => opening.bank,
        AccountKind::MobileMoney => opening.mobile_money,
        AccountKind::Income | AccountKind::Expense | AccountKind::Aid | AccountKind::Opening => Amount::ZERO,
    };
    check_balances(opening)?;
    let accounts: Vec<Account> = DEFAULT_ACCOUNTS
        .iter()
        .map(|kind| Account::open(AccountId::from_uuid(tx.new_uuid()), *kind, currency))
        .collect();
    for account in &accounts {
        tx.insert_account(organization, account)?;
        tx.publish().account_opened(account, balance_of(account.kind))?;
    }
    let before = Chart::new(accounts);
    let mut chart = before.clone();
    let equity = chart.of_kind(AccountKind::Opening).ok_or(ErrorCode::Internal)?.clone();
    for account in before.accounts() {
        let amount = balance_of(account.kind);
        if !amount.is_positive() {
            continue;
        }
        let line =
            |account: &Account, amount| EntryLine { account_id: account.id, kind: account.kind, amount };
        let entry = Entry {
            id: EntryId::from_uuid(tx.new_uuid()),
            value_date: tx.today()?,
            lines: vec![line(&equity, amount.negated()), line(account, amount)],
            currency,
            cause: EntryCause::Opening,
            cause_id: account.id.into(),
        };
        // Each is within range, and what they come to is not.
        chart
            .post(&entry)
            .map_err(|_| Refusal::field("/openingBalances", FieldCode::TooLarge, Hint::AmountRange))?;
        let (seq, now) = (tx.publish().ledger_entry_posted(&entry)?, tx.now());
        tx.insert_entry(organization, &entry, seq, now)?;
    }
    Ok(tx.save_chart(&before, &chart)?)
}

/// A person with an account, made by the operator or at founding.
pub fn create_person(
    tx: &mut Tx<'_>,
    login: &LoginName,
    password_hash: String,
) -> Result<Option<PersonId>, Undo> {
    let (id, created_at) = (PersonId::from_uuid(tx.new_uuid()), tx.now());
    if tx.load_person_by_login(login)?.is_some() {
        return Ok(None);
    }
    tx.insert_person(&Person { id, password_hash, language: None, created_at, disabled_at: None })?;
    tx.insert_login(id, login)?;
    Ok(Some(id))
}

struct Prepared {
    name: Name,
    login: LoginName,
    phone: Option<Phone>,
    email: Option<Email>,
    password_hash: String,
    roles: Vec<Role>,
    pointer: &'static str,
}

const PRESIDENT: &str = "/president";
const TREASURER: &str = "/treasurer";

/// Everything that is wrong with a founding, at once; else its settings.
fn check(setup: &Setup) -> Result<Settings, Refusal> {
    let settings =
        Settings::new(&setup.name, setup.time_zone.clone(), setup.country.as_deref(), setup.language);
    let country = settings.as_ref().map_or(Country::CI, |settings| settings.country);
    let read = |account: &FounderAccount, pointer| read_founder(account, pointer, country, &setup.name);
    let president = read(&setup.president, PRESIDENT);
    let treasurer = setup.treasurer.as_ref().map(|account| read(account, TREASURER)).transpose();
    let mut faults = Vec::new();
    if let (Ok((_, president)), Ok(Some((_, treasurer)))) = (&president, &treasurer)
        && president == treasurer
    {
        let pointer = format!("{TREASURER}/login");
        faults.push(Fault::new(pointer, FieldCode::Taken, Hint::LoginOfPresident));
    }
    let balances = check_balances(setup.opening_balances);
    let refusals = [
        settings.as_ref().err(),
        president.as_ref().err(),
        treasurer.as_ref().err(),
        balances.as_ref().err(),
    ];
    faults.splice(0..0, refusals.into_iter().flatten().flat_map(|refusal| refusal.faults.clone()));
    if !faults.is_empty() {
        return Err(Refusal { faults, ..ErrorCode::ValidationFailed.into() });
    }
    settings
}

/// Who a founder is: name and login, and a password that is strong enough.
fn read_founder(
    account: &FounderAccount,
    pointer: &str,
    country: Country,
    organization: &str,
) -> Result<(Name, LoginName), Refusal> {
    let name = Name::parse(&account.given_name, &account.family_name);
    let login = LoginName::field("/login", &account.login, country);
    let typed = login.as_ref().map_or(account.login.as_str(), LoginName::as_str);
    let about = [&account.given_name, &account.family_name, organization, typed].map(fold);
    let strong = check_strength("/password", &account.password.0, &about);
    let mut faults = name.as_ref().err().cloned().unwrap_or_default();
    faults.extend(login.as_ref().err().cloned());
    faults.extend(strong.err().into_iter().flat_map(|refusal| refusal.faults));
    match (name, login) {
        (Ok(name), Ok(login)) if faults.is_empty() => Ok((name, login)),
        _ => {
            for fault in &mut faults {
                fault.pointer.insert_str(0, pointer);
            }
            Err(Refusal { faults, ..ErrorCode::ValidationFailed.into() })
        }
    }
}

impl Service {
    /// Founds the first organisation of a server, with accounts for its president and treasurer. A president alone is the
    /// treasurer too, and decides alone until another officer is there.
    pub async fn set_up(&self, setup: Setup, origin: Origin) -> Result<OrganizationId, Undo> {
        let settings = check(&setup)?;
        let alone = setup.treasurer.is_none();
        let roles = if alone { vec![Role::President, Role::Treasurer] } else { vec![Role::President] };
        let mut prepared = vec![self.prepare(setup.president, PRESIDENT, roles, &settings).await?];
        if let Some(treasurer) = setup.treasurer {
            prepared.push(self.prepare(treasurer, TREASURER, vec![Role::Treasurer], &settings).await?);
        }
        let founding = Founding {
            settings,
            currency: setup.currency.unwrap_or(Currency::XOF),
            rules: unionflow_domain::policy::default_rules(alone),
            opening: setup.opening_balances,
            founders: Vec::new(),
            origin,
        };
        set_up(self.store(), founding, prepared).await
    }

    async fn prepare(
        &self,
        account: FounderAccount,
        pointer: &'static str,
        roles: Vec<Role>,
        settings: &Settings,
    ) -> Result<Prepared, Undo> {
        let (name, login) = read_founder(&account, pointer, settings.country, &settings.name)?;
        let phone = Phone::parse(&account.login, settings.country).ok();
        let email = Email::parse(&account.login);
        let password_hash = self.hash_password(account.password.0).await?;
        Ok(Prepared { name, login, phone, email, password_hash, roles, pointer })
    }
}

async fn set_up(
    store: &Store,
    mut founding: Founding,
    prepared: Vec<Prepared>,
) -> Result<OrganizationId, Undo> {
    store
        .write(Scope::Server, move |tx| {
            if tx.is_founded()? {
                return Err(ErrorCode::AlreadySetUp.into());
            }
            for Prepared { name, login, phone, email, password_hash, roles, pointer } in prepared {
                let person_id = create_person(tx, &login, password_hash)?.ok_or_else(|| {
                    Refusal::field(format!("{pointer}/login"), FieldCode::Taken, Hint::LoginTaken)
                })?;
                founding.founders.push(NewFounder { name, phone, email, person_id, roles });
            }
            found(tx, founding)
        })
        .await
}
