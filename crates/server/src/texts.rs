//! What the command line says, in both languages.

use unionflow_protocol::Language;

/// The language of the command line: `--lang`, then the locale, then French.
pub(crate) fn language(arguments: &[std::ffi::OsString]) -> Language {
    let mut texts = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(text) = texts.next() {
        let given = match text {
            "--lang" => texts.next(),
            _ => text.strip_prefix("--lang="),
        };
        if let Some(language) = given.and_then(Language::from_tag) {
            return language;
        }
    }
    let locale = ["UNIONFLOW_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    locale.as_deref().and_then(Language::from_tag).unwrap_or(Language::French)
}

/// The French of every help text, by where it stands: `serve`, `serve --listen`, `user role --member`.
///
/// A test walks the command line and fails where one is missing.
pub(crate) const FRENCH_HELP: &[(&str, &str)] = &[
    ("", "Le fil vivant des associations, mutuelles et syndicats"),
    ("--config", "Lire la configuration dans ce fichier (TOML)"),
    ("--lang", "La langue des textes : fr ou en"),
    ("--log", "Ce qui est journalisé : error, warn, info, debug, trace, ou par module"),
    ("--log-format", "La forme des lignes de journal : human ou json"),
    ("--data", "Le dossier des données (abrégé de DATABASE_URL=sqlite:DOSSIER/unionflow.db)"),
    ("serve", "Démarrer le serveur"),
    ("serve --listen", "L’adresse où tout est servi"),
    ("serve --admin-listen", "L’adresse locale des mesures et de la santé"),
    ("serve --role", "Ce que ce processus en sert : all (tout), api, gateway"),
    ("demo", "Essayer UnionFlow : un serveur complet avec deux organisations fictives et de l’activité"),
    ("demo --listen", "L’adresse où tout est servi"),
    ("demo --admin-listen", "L’adresse locale des mesures et de la santé"),
    ("demo --role", "Ce que ce processus en sert : all (tout), api, gateway"),
    (
        "demo --seed",
        "Le même nombre donne les mêmes personnes, les mêmes montants et les mêmes mots de passe",
    ),
    ("demo --quiet-life", "Sans activité : il ne se passe que ce que vous faites"),
    ("demo --json", "Une seule ligne JSON pour les scripts, et rien d’autre sur la sortie standard"),
    ("setup", "Fonder la première organisation, en répondant à des questions ou par des options"),
    ("setup --name", "Le nom de l’organisation"),
    ("setup --currency", "Sa monnaie ; elle ne change plus jamais"),
    ("setup --time-zone", "Son fuseau horaire"),
    ("setup --country", "Le pays des numéros de téléphone écrits sans indicatif"),
    ("setup --president-given-name", "Prénom du président ou de la présidente"),
    ("setup --president-family-name", "Nom du président ou de la présidente"),
    ("setup --president-login", "Téléphone ou e-mail du président ou de la présidente"),
    ("setup --treasurer-given-name", "Prénom du trésorier ou de la trésorière"),
    ("setup --treasurer-family-name", "Nom du trésorier ou de la trésorière"),
    (
        "setup --treasurer-login",
        "Téléphone ou e-mail du trésorier ou de la trésorière ; sans lui, une personne commence seule",
    ),
    ("setup --cash", "Ce que la caisse contient au départ, dans la plus petite unité"),
    ("setup --bank", "Ce que le compte en banque contient au départ"),
    ("setup --mobile-money", "Ce que le compte mobile money contient au départ"),
    (
        "setup --password-stdin",
        "Lire les mots de passe sur l’entrée standard : une ligne pour la présidence, puis une pour la trésorerie",
    ),
    ("import", "Importer un fichier"),
    ("import members", "Importer des membres (export de Galette)"),
    ("import members <file>", "Le fichier"),
    ("import members --organization", "L’organisation : son identifiant, ou une partie de son nom"),
    ("import members --dry-run", "Dire ce qui se passerait, et ne rien écrire"),
    ("import members --skip-errors", "Importer les lignes sans erreur"),
    ("import members --json", "Le rapport en JSON"),
    ("user", "Les comptes des personnes, vus par l’opérateur"),
    ("user list", "Les personnes qui ont un compte"),
    ("user list --organization", "Seulement cette organisation : son identifiant, ou une partie de son nom"),
    ("user show", "Une personne"),
    ("user show <login>", "Son téléphone, son e-mail ou son numéro de membre"),
    ("user role", "Donner ou retirer un rôle sans vote : inscrit au journal et annoncé à tous"),
    ("user role <login>", "Son téléphone, son e-mail ou son numéro de membre"),
    ("user role <role>", "Le rôle : ADMIN, PRESIDENT, TREASURER, SECRETARY, BOARD_MEMBER, AUDITOR"),
    ("user role --organization", "L’organisation, si la personne en a plusieurs"),
    ("user role --revoke", "Retirer le rôle"),
    ("user reset", "Un code pour un nouveau mot de passe ; toutes les sessions sont fermées"),
    ("user reset <login>", "Son téléphone, son e-mail ou son numéro de membre"),
    ("user disable", "Désactiver un compte : ses sessions se terminent en quelques secondes"),
    ("user disable <login>", "Son téléphone, son e-mail ou son numéro de membre"),
    ("user enable", "Réactiver un compte"),
    ("user enable <login>", "Son téléphone, son e-mail ou son numéro de membre"),
    (
        "user release",
        "Retirer un téléphone ou un e-mail au compte qui l’a pris, pour que son propriétaire puisse s’en servir",
    ),
    ("user release <login>", "Le téléphone ou l’e-mail"),
    ("user link", "Donner à un membre sans compte celui d’une personne"),
    ("user link <login>", "Le téléphone ou l’e-mail de la personne"),
    ("user link --organization", "L’organisation du membre"),
    ("user link --member-number", "Le numéro du membre"),
    ("keys", "Les clés des autres systèmes : ce que chacun peut lire ou envoyer"),
    ("keys create", "Donner une clé à un autre système ; son secret n’est montré que cette fois"),
    ("keys create <name>", "Le nom que les gens lui donnent : le système qui la reçoit"),
    (
        "keys create --scope",
        "Ce qu’elle permet : read:members, read:money, declare-payments, inbound:TYPE,TYPE ; une fois pour chaque portée",
    ),
    ("keys create --organization", "L’organisation : son identifiant, ou une partie de son nom"),
    ("keys create --json", "Une ligne de JSON"),
    ("keys list", "Toutes les clés, les révoquées aussi, sans leurs secrets"),
    ("keys list --organization", "Seulement cette organisation : son identifiant, ou une partie de son nom"),
    ("keys list --json", "Une ligne de JSON"),
    ("keys revoke", "Mettre fin à une clé, aussitôt et partout"),
    ("keys revoke <key>", "Son identifiant, ou la clé elle-même"),
    ("keys revoke --json", "Une ligne de JSON"),
    ("verify", "Vérifier que personne n’a touché aux journaux"),
    ("verify --organization", "Seulement cette organisation : son identifiant, ou une partie de son nom"),
    ("migrate", "Déplacer les données de leur fichier vers une base PostgreSQL"),
    (
        "migrate --to",
        "La base vide : postgres://utilisateur:motdepasse@hote/base ; sans elle, celle que nomme UNIONFLOW_MIGRATE_TO",
    ),
    (
        "migrate --take-back",
        "Renoncer à la base où les données ont été déplacées, et reprendre le fichier tel qu’il était",
    ),
    ("backup", "Copier les données pendant que le serveur fonctionne"),
    ("backup <file>", "Le fichier à écrire"),
    ("restore", "Remettre une copie en place"),
    ("restore <file>", "La copie"),
    ("dead-letters", "Ce que d’autres systèmes ont envoyé et qui n’a pas pu être pris en compte"),
    ("dead-letters list", "Les plus récents, le plus récent en dernier, et leur nombre par raison"),
    ("dead-letters list --reason", "Seulement cette raison, comme UNKNOWN_ORGANIZATION"),
    ("dead-letters list --limit", "Combien au plus"),
    ("dead-letters list --json", "Un objet JSON"),
    ("dead-letters show", "L’un d’eux, en entier"),
    ("dead-letters show <place>", "Lequel : PARTITION:POSITION, comme dans la liste"),
    ("dead-letters show --json", "Un objet JSON"),
    ("dead-letters replay", "Les envoyer pour être pris en compte, une fois l’obstacle levé"),
    ("dead-letters replay <places>", "Lesquels : PARTITION:POSITION, comme dans la liste"),
    ("dead-letters replay --all", "Tous"),
    ("dead-letters replay --reason", "Avec --all : seulement ceux de cette raison"),
    ("dead-letters replay --json", "Un objet JSON"),
    ("doctor", "Examiner l’installation et dire ce qui ne va pas"),
    ("login", "Se connecter à un serveur, et le rester sur cette machine"),
    ("login --url", "Où se trouve le serveur : son adresse dans un navigateur"),
    ("login --login", "Votre téléphone ou votre e-mail"),
    ("login --password-stdin", "Lire le mot de passe sur l’entrée standard, une ligne"),
    (
        "login --organization",
        "Quelle organisation, si vous en avez plusieurs : son identifiant, ou une partie de son nom",
    ),
    ("logout", "Se déconnecter, ici et sur le serveur"),
    ("watch", "Le tableau de bord de votre organisation, en direct, dans ce terminal"),
    (
        "watch --organization",
        "Une autre de vos organisations que celle choisie à la connexion : son identifiant, ou une partie de son nom",
    ),
    ("watch --json", "Un événement par ligne, en JSON, pour les scripts"),
    ("watch --once", "Écrire les chiffres, et terminer"),
    ("config", "La configuration"),
    ("config check", "Dire si la configuration est bonne"),
    ("config show", "Montrer la configuration en vigueur, sans les secrets"),
    ("completions", "Les complétions pour votre shell"),
    ("completions <shell>", "Le shell"),
    ("--help", "Afficher l’aide"),
    ("--version", "Afficher la version"),
];

/// What stands for a value, in English and in French.
pub(crate) const FRENCH_VALUES: &[(&str, &str)] = &[
    ("FILE", "FICHIER"),
    ("LANG", "LANGUE"),
    ("FILTER", "FILTRE"),
    ("DIR", "DOSSIER"),
    ("ADDR", "ADRESSE"),
    ("NAME", "NOM"),
    ("LOGIN", "IDENTIFIANT"),
    ("ROLE", "RÔLE"),
    ("ZONE", "FUSEAU"),
    ("CC", "PAYS"),
    ("AMOUNT", "MONTANT"),
    ("NUMBER", "NUMÉRO"),
    ("SCOPE", "PORTÉE"),
    ("KEY", "CLÉ"),
];
