//! Every stable error code, with its HTTP status and its title in both languages.

use crate::{language::Language, macros::codes};

macro_rules! error_codes {
    ($($variant:ident $code:literal $status:literal $french:literal $english:literal;)+) => {
        codes! {
            /// Why something is refused: stable, and the same in REST, on the socket and in events.
            pub enum ErrorCode { $(#[doc = $english] $variant = $code),+ }
        }

        impl ErrorCode {
            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// Whether it says that something is not, or no longer, as the caller thought.
            pub const fn is_conflict(self) -> bool {
                self.status() == 409
            }

            /// What it means, for a person.
            pub const fn title(self, language: Language) -> &'static str {
                match self { $(Self::$variant => language.pick($french, $english)),+ }
            }
        }
    };
}

error_codes! {
    // The request itself.
    InvalidJson "INVALID_JSON" 400 "Le corps n’est pas du JSON valide." "The body is not valid JSON.";
    InvalidFrame "INVALID_FRAME" 400 "La trame n’est pas comprise." "The frame is not understood.";
    InvalidRequest "INVALID_REQUEST" 400 "La requête n’est pas comprise." "The request is not understood.";
    BodyTooSlow "BODY_TOO_SLOW" 408 "Le corps est arrivé trop lentement ; réessayez avec une meilleure connexion." "The body came too slowly; try again on a better connection.";
    ValidationFailed "VALIDATION_FAILED" 422 "Un champ n’est pas valable." "A field is not valid.";
    UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE" 415 "Envoyez du JSON (Content-Type: application/json)." "Send JSON (Content-Type: application/json).";
    BodyTooLarge "BODY_TOO_LARGE" 413 "Le corps ou le fichier est trop grand." "The body or the file is too large.";
    NotFound "NOT_FOUND" 404 "Introuvable." "Not found.";
    MethodNotAllowed "METHOD_NOT_ALLOWED" 405 "Cette méthode n’existe pas ici." "This method does not exist here.";
    RateLimited "RATE_LIMITED" 429 "Trop de requêtes ; réessayez un peu plus tard." "Too many requests; try again a little later.";
    Unavailable "UNAVAILABLE" 503 "Le service n’est pas disponible ; réessayez un peu plus tard." "The service is not available; try again a little later.";
    Busy "BUSY" 503 "L’organisation est occupée ; réessayez." "The organisation is busy; try again.";
    StorageFull "STORAGE_FULL" 503 "Le serveur n’a plus de place sur son disque ; rien n’a été enregistré." "The server's disk is full; nothing was recorded.";
    Internal "INTERNAL" 500 "Une erreur est survenue de notre côté." "Something went wrong on our side.";
    IdempotencyKeyRequired "IDEMPOTENCY_KEY_REQUIRED" 400 "Une opération d’argent exige l’en-tête Idempotency-Key." "A money command needs the header Idempotency-Key.";
    IdempotencyKeyReused "IDEMPOTENCY_KEY_REUSED" 422 "Cette clé a déjà servi pour une autre commande." "This key was already used for another command.";
    SecretAlreadyShown "SECRET_ALREADY_SHOWN" 409 "La commande a été exécutée ; son secret n’est montré qu’une fois : demandez-en un nouveau." "The command was done; its secret is shown only once: ask for a new one.";
    StaleVersion "STALE_VERSION" 412 "La ressource a changé entre-temps." "The resource has changed meanwhile.";

    // Who is this?
    Unauthenticated "UNAUTHENTICATED" 401 "Connectez-vous." "Sign in.";
    TokenExpired "TOKEN_EXPIRED" 401 "Le jeton d’accès a expiré." "The access token has expired.";
    SessionEnded "SESSION_ENDED" 401 "La session est terminée ; connectez-vous de nouveau." "The session has ended; sign in again.";
    WrongCredentials "WRONG_CREDENTIALS" 401 "Identifiant ou mot de passe incorrect." "Wrong login or password.";
    TooOftenToday "TOO_OFTEN_TODAY" 429 "Vous l’avez fait assez souvent pour aujourd’hui ; réessayez demain." "You have done this often enough for today; try again tomorrow.";
    TooManyAttempts "TOO_MANY_ATTEMPTS" 429 "Trop d’essais ; attendez avant de réessayer." "Too many attempts; wait before you try again.";
    AccountDisabled "ACCOUNT_DISABLED" 401 "Ce compte est désactivé." "This account is disabled.";
    ForeignOrigin "FOREIGN_ORIGIN" 403 "Cette page n’est pas autorisée à se connecter ici." "This page may not connect here.";
    InvalidCode "INVALID_CODE" 404 "Ce code n’est pas valable, a expiré ou a déjà servi. Si vous venez de choisir un mot de passe, essayez de vous connecter ; sinon demandez un nouveau code." "This code is not valid, has expired or was already used. If you have just chosen a password, try to sign in; else ask for a new code.";
    SignInToAccept "SIGN_IN_TO_ACCEPT" 409 "Un compte a déjà cet identifiant : connectez-vous, puis acceptez l’invitation. S’il n’est pas à vous, choisissez un autre identifiant et prévenez l’opérateur." "An account has this login already: sign in, then accept the invitation. If it is not yours, choose another login and tell the operator.";
    AlreadyAMember "ALREADY_A_MEMBER" 409 "Vous êtes déjà membre de cette organisation." "You are already a member of this organisation.";
    WrongPassword "WRONG_PASSWORD" 403 "Le mot de passe actuel est incorrect." "The current password is wrong.";
    ServiceKeyRevoked "SERVICE_KEY_REVOKED" 401 "Cette clé de service a été révoquée." "This service key was revoked.";
    OtherPerson "OTHER_PERSON" 403 "Ce jeton est celui d’une autre personne." "This token belongs to another person.";
    OrganizationRequired "ORGANIZATION_REQUIRED" 400 "Précisez l’organisation." "Say which organisation.";

    // May this person do it?
    Forbidden "FORBIDDEN" 403 "Vos rôles ne le permettent pas." "Your roles do not allow it.";
    PersonRequired "PERSON_REQUIRED" 403 "Seule une personne connectée peut le faire, pas une clé de service." "Only a person who is signed in can do this, not a service key.";
    ServiceKeyRequired "SERVICE_KEY_REQUIRED" 403 "Seul un autre système peut le faire, avec une clé de service, pas une personne." "Only another system can do this, with a service key, not a person.";
    ScopeRequired "SCOPE_REQUIRED" 403 "La clé de service n’a pas la portée nécessaire." "The service key does not have the scope that this needs.";
    MembershipSuspended "MEMBERSHIP_SUSPENDED" 403 "Votre adhésion est suspendue." "Your membership is suspended.";

    // Organisations.
    NewOrganizationsClosed "NEW_ORGANIZATIONS_CLOSED" 403 "Ce serveur n’accepte pas de nouvelle organisation." "This server takes no new organisation.";
    TooManyServiceKeys "TOO_MANY_SERVICE_KEYS" 409 "L’organisation a déjà autant de clés de service qu’il est permis ; révoquez-en une." "The organisation has as many service keys as are allowed; revoke one.";
    AlreadySetUp "ALREADY_SET_UP" 409 "Ce serveur a déjà une organisation." "This server already has an organisation.";

    // Members.
    WrongMemberStatus "WRONG_MEMBER_STATUS" 409 "Le statut de ce membre ne le permet pas." "The membership is not in a state that allows it.";
    MemberNumberTaken "MEMBER_NUMBER_TAKEN" 409 "Ce numéro de membre est déjà pris." "This member number is taken.";
    HasAccount "HAS_ACCOUNT" 409 "Ce membre a déjà un compte." "This member already has an account.";
    NoAccount "NO_ACCOUNT" 409 "Ce membre n’a pas encore de compte ; invitez-le d’abord." "This member has no account yet; invite first.";
    OperatorOnly "OPERATOR_ONLY" 403 "Seul l’opérateur du serveur peut le faire." "Only the server's operator can do this.";
    AlreadyHolds "ALREADY_HOLDS" 409 "Ce membre a déjà ce rôle." "This member already holds this role.";
    DoesNotHold "DOES_NOT_HOLD" 409 "Ce membre n’a pas ce rôle." "This member does not hold this role.";
    RoleNotGrantable "ROLE_NOT_GRANTABLE" 422 "Le rôle MEMBER va avec l’adhésion." "The role MEMBER comes with the membership.";

    // Approvals.
    NoPolicy "NO_POLICY" 422 "Les règles d’approbation ne prévoient pas ce montant pour ce type d’opération." "The approval policy has no rule for this amount of this type.";
    TypeNotAvailable "TYPE_NOT_AVAILABLE" 422 "Ce type n’est pas encore disponible." "This type is not available yet.";
    DuplicateRequest "DUPLICATE_REQUEST" 409 "La même demande attend déjà une décision." "The same request already waits for a decision.";
    TooManyOpenRequests "TOO_MANY_OPEN_REQUESTS" 409 "Vous avez déjà autant de demandes en attente qu’il est permis ; attendez une décision, ou annulez-en une." "You have as many requests waiting as are allowed; wait for a decision, or cancel one.";
    WrongApprovalStatus "WRONG_APPROVAL_STATUS" 409 "Le statut de la demande ne le permet plus." "The request is no longer in a state that allows it.";
    DecisionTooLate "DECISION_TOO_LATE" 409 "Le délai de décision est dépassé." "The time to decide is over.";
    ExecutionTooLate "EXECUTION_TOO_LATE" 409 "Le délai d’exécution est dépassé." "The time to execute is over.";
    ContentChanged "CONTENT_CHANGED" 409 "La demande a été modifiée ; relisez-la." "The request was changed; read it again.";
    MakerMayNotVote "MAKER_MAY_NOT_VOTE" 403 "Le demandeur et le bénéficiaire ne votent pas." "Whoever made the request or benefits from it does not vote.";
    CodeGiverMayNotVote "CODE_GIVER_MAY_NOT_VOTE" 403 "Un code d’accès a été remis il y a peu entre vous et une personne de cette demande (auteur, bénéficiaire ou votant) : vous comptez pour une seule ; d’autres décident." "Not long ago a code to an account passed between you and somebody of this request (its maker, its beneficiary or a voter): you count as one person; others decide.";
    NotAnApprover "NOT_AN_APPROVER" 403 "Votre rôle ne vote pas à l’étape en cours." "The current step waits for other roles.";
    AlreadyVoted "ALREADY_VOTED" 409 "Vous avez déjà voté." "You have already voted.";
    NoVoteToWithdraw "NO_VOTE_TO_WITHDRAW" 409 "Vous n’avez pas de vote à retirer à l’étape en cours." "You have no vote to take back in the current step.";
    NotTheCreator "NOT_THE_CREATOR" 403 "Seul l’auteur de la demande peut le faire." "Only the request's creator can.";
    NotEditable "NOT_EDITABLE" 409 "Cette demande ne se modifie pas ; annulez-la et refaites-la." "This request cannot be edited; cancel it and make another.";
    ExecutesItself "EXECUTES_ITSELF" 409 "Cette demande s’exécute d’elle-même au dernier vote." "This request executes with its last vote.";
    InsufficientFunds "INSUFFICIENT_FUNDS" 409 "Le solde disponible du compte est insuffisant." "There is not enough money available in the account.";
    BeneficiaryNotActive "BENEFICIARY_NOT_ACTIVE" 409 "Le bénéficiaire n’est pas un membre actif en ce moment : il est parti ou suspendu." "The beneficiary is not an active member now: gone, or suspended.";
    NoLongerPossible "NO_LONGER_POSSIBLE" 409 "Le changement demandé n’est plus possible." "What the request wanted to change is no longer possible.";

    // Imports.
    UploadReplaced "UPLOAD_REPLACED" 409 "Vous avez envoyé un fichier plus récent : celui-ci est abandonné, rien n’en a été importé." "You sent a newer file: this one is given up, and nothing of it was imported.";
    TooManyUploads "TOO_MANY_UPLOADS" 503 "D’autres envoient des fichiers en ce moment." "Others are sending files at the moment.";
    UnknownLayout "UNKNOWN_LAYOUT" 422 "Le fichier n’a pas les colonnes attendues." "The file does not have the expected columns.";
    ImportHasErrors "IMPORT_HAS_ERRORS" 422 "Le fichier a des erreurs ; rien n’a été importé." "The file has errors; nothing was imported.";

    // Sockets.
    TooManySessions "TOO_MANY_SESSIONS" 429 "Trop de sessions ouvertes ; fermez-en une." "Too many open sessions; close one.";
    Draining "DRAINING" 503 "Le serveur redémarre ; réessayez." "The server is restarting; try again.";
}
