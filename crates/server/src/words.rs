//! What codes are called, in sentences for people.

use unionflow_protocol::{
    EventType, Language, Role, RoleSet, account::AccountKind, approval::TransactionType,
    notification::NotificationKind,
};

/// Roles, one after the other.
pub(crate) fn roles(roles: RoleSet, language: Language) -> String {
    roles.iter().map(|role| self::role(role, language)).collect::<Vec<_>>().join(", ")
}

pub(crate) const fn role(role: Role, language: Language) -> &'static str {
    match role {
        Role::Admin => language.pick("administrateur", "administrator"),
        Role::President => language.pick("président", "president"),
        Role::Treasurer => language.pick("trésorier", "treasurer"),
        Role::Secretary => language.pick("secrétaire", "secretary"),
        Role::BoardMember => language.pick("membre du bureau", "board member"),
        Role::Auditor => language.pick("commissaire aux comptes", "auditor"),
        Role::Member => language.pick("membre", "member"),
    }
}

pub(crate) const fn account(kind: AccountKind, language: Language) -> &'static str {
    match kind {
        AccountKind::Cash => language.pick("caisse", "cash box"),
        AccountKind::Bank => language.pick("banque", "bank"),
        AccountKind::MobileMoney => "mobile money",
        AccountKind::Income => language.pick("cotisations", "contributions"),
        AccountKind::Expense => language.pick("dépenses", "expenses"),
        AccountKind::Aid => language.pick("aides", "aid"),
        AccountKind::Opening => language.pick("soldes d’ouverture", "opening balances"),
    }
}

pub(crate) const fn transaction(kind: TransactionType, language: Language) -> &'static str {
    match kind {
        TransactionType::Contribution => language.pick("cotisation", "contribution"),
        TransactionType::Deposit => language.pick("dépôt", "deposit"),
        TransactionType::Withdrawal => language.pick("retrait", "withdrawal"),
        TransactionType::Expense => language.pick("dépense", "expense"),
        TransactionType::Transfer => language.pick("virement", "transfer"),
        TransactionType::Refund => language.pick("remboursement", "refund"),
        TransactionType::Aid => language.pick("aide", "aid"),
        TransactionType::Waiver => language.pick("remise", "waiver"),
        TransactionType::PolicyChange => language.pick("changement de règles", "change of rules"),
        TransactionType::RoleChange => language.pick("changement de rôle", "change of roles"),
    }
}

pub(crate) const fn notification(kind: NotificationKind, language: Language) -> &'static str {
    use NotificationKind as Kind;
    match kind {
        Kind::ApprovalWaiting => language.pick("une demande attend un vote", "a request waits for a vote"),
        Kind::ApprovalApproved => language.pick("la demande est approuvée", "the request is approved"),
        Kind::ApprovalRejected => language.pick("la demande est rejetée", "the request is rejected"),
        Kind::ApprovalExpired => language.pick("la demande a expiré", "the request was not decided in time"),
        Kind::ApprovalLapsed => {
            language.pick("la demande n’a pas été exécutée à temps", "the request was not executed in time")
        }
        Kind::ApprovalToExecute => language.pick("une demande est à exécuter", "a request is to be executed"),
        Kind::ApprovalExecuted => language.pick("la demande est exécutée", "the request is executed"),
        Kind::ApprovalExecutionFailed => language.pick("une exécution a échoué", "an execution failed"),
        Kind::ApprovalBlocked => language
            .pick("une demande est bloquée, faute de votants", "a request is blocked: too few may vote"),
        Kind::PolicyChanged => language.pick("les règles ont changé", "the rules have changed"),
        Kind::RoleGranted => language.pick("un rôle vous est donné", "you were given a role"),
        Kind::RoleRevoked => language.pick("un rôle vous est retiré", "a role was taken from you"),
        Kind::MemberApplied => language.pick("une demande d’adhésion", "somebody asks to join"),
        Kind::MembershipChanged => language.pick("votre adhésion a changé", "your membership changed"),
        Kind::PaymentConfirmed => language.pick("votre paiement est confirmé", "your payment is confirmed"),
        Kind::Announcement => language.pick("une annonce", "an announcement"),
        Kind::Test => language.pick("un essai", "a test"),
    }
}

/// An event in few words; its code where it has none here.
pub(crate) const fn event(event_type: EventType, language: Language) -> &'static str {
    use EventType as Type;
    match event_type {
        Type::ApprovalUpdated => {
            language.pick("Demande modifiée, votes annulés", "Request edited, votes void")
        }
        Type::ApprovalVoteWithdrawn => language.pick("Vote retiré", "Vote taken back"),
        Type::ApprovalBlocked => language.pick("Demande bloquée, faute de votants", "Request blocked"),
        Type::ApprovalUnblocked => language.pick("Demande débloquée", "Request no longer blocked"),
        Type::ApprovalCancelled => language.pick("Demande annulée", "Request cancelled"),
        Type::ApprovalExpired => language.pick("Demande expirée", "Request expired"),
        Type::ApprovalLapsed => language.pick("Demande caduque", "Request lapsed"),
        Type::ApprovalExecutionFailed => language.pick("Exécution impossible", "Execution failed"),
        Type::PolicyChanged => language.pick("Nouvelles règles d’approbation", "New rules of approval"),
        Type::MemberUpdated => language.pick("Fiche de membre modifiée", "Member changed"),
        Type::MemberAdmitted => language.pick("Membre admis", "Member admitted"),
        Type::MemberRefused => language.pick("Adhésion refusée", "Applicant refused"),
        Type::MemberSuspended => language.pick("Membre suspendu", "Member suspended"),
        Type::MemberReinstated => language.pick("Membre rétabli", "Member reinstated"),
        Type::MemberLeft => language.pick("Membre parti", "Member left"),
        Type::MemberInvited => language.pick("Membre invité", "Member invited"),
        Type::OrganizationUpdated => language.pick("Réglages modifiés", "Settings changed"),
        Type::ImportApplied => language.pick("Import terminé", "Import complete"),
        Type::BroadcastNotification => language.pick("Annonce à tous", "Announcement to all"),
        Type::NotificationRead => language.pick("Notifications lues", "Notifications read"),
        Type::KpiUpdate => {
            language.pick("Courbes des douze derniers mois", "Curves of the last twelve months")
        }
        other => other.as_str(),
    }
}
