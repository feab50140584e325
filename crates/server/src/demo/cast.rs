//! Who is in it: people and organisations that do not exist, the same ones for the same seed.

use std::collections::HashSet;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use unionflow_domain::contact::fold;
use unionflow_protocol::Role;

/// At the end of an organisation's name while its history is being written.
pub(super) const UNFINISHED: &str = " (en préparation)";

/// Everybody.
pub(crate) struct Cast {
    /// The organisations, the large one first.
    pub(crate) troupes: Vec<Troupe>,
    /// A plain member of both.
    pub(crate) in_both: Actor,
}

/// An organisation and who acts in it.
pub(crate) struct Troupe {
    pub(crate) name: String,
    /// Members in all, at the end of the history.
    pub(crate) members: usize,
    pub(crate) actors: Vec<Actor>,
    /// Everybody else.
    pub(crate) others: Vec<Extra>,
    /// Requests for approval a month.
    pub(crate) requests_a_month: u32,
    /// What cash, bank and mobile money open with, in francs.
    pub(crate) opening: [i64; 3],
}

/// A person with an account.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) role: Role,
    /// Whether a visitor is told how to sign in.
    pub(crate) listed: bool,
    pub(crate) given: String,
    pub(crate) family: String,
    pub(crate) login: String,
    pub(crate) password: String,
}

/// A member without an account.
pub(crate) struct Extra {
    pub(crate) given: String,
    pub(crate) family: String,
    pub(crate) phone: String,
}

const GIVEN: &[&str] = &[
    "Adama",
    "Adjoua",
    "Affoué",
    "Aïcha",
    "Akissi",
    "Alassane",
    "Amadou",
    "Amenan",
    "Aminata",
    "Amoin",
    "Aristide",
    "Arouna",
    "Assétou",
    "Awa",
    "Aya",
    "Bakary",
    "Bintou",
    "Blandine",
    "Boubacar",
    "Brahima",
    "Brou",
    "Célestine",
    "Clarisse",
    "Daouda",
    "Djénéba",
    "Drissa",
    "Edwige",
    "Fanta",
    "Fatoumata",
    "Félicité",
    "Firmin",
    "Gaoussou",
    "Hamed",
    "Hervé",
    "Honorine",
    "Ibrahim",
    "Issa",
    "Kadiatou",
    "Karim",
    "Koffi",
    "Konan",
    "Lacina",
    "Lamine",
    "Léontine",
    "Madeleine",
    "Maïmouna",
    "Mamadou",
    "Mariam",
    "Massandjé",
    "Mathurin",
    "Moussa",
    "Nadège",
    "Nafissatou",
    "Odile",
    "Oumar",
    "Pélagie",
    "Ramata",
    "Rokia",
    "Salif",
    "Salimata",
    "Serge",
    "Sita",
    "Solange",
    "Souleymane",
    "Tiémoko",
    "Yacouba",
    "Yao",
    "Yvonne",
    "Zeinab",
    "Zié",
];

const FAMILY: &[&str] = &[
    "Aka",
    "Assi",
    "Bah",
    "Bakayoko",
    "Bamba",
    "Bédi",
    "Boni",
    "Camara",
    "Cissé",
    "Coulibaly",
    "Dao",
    "Dembélé",
    "Diabaté",
    "Diakité",
    "Diallo",
    "Diarra",
    "Diomandé",
    "Djédjé",
    "Doumbia",
    "Ehouman",
    "Fofana",
    "Gnahoré",
    "Gnamien",
    "Kaboré",
    "Kacou",
    "Kanté",
    "Keïta",
    "Koné",
    "Kouadio",
    "Kouamé",
    "Kouassi",
    "Koulibaly",
    "Kourouma",
    "Loba",
    "Meïté",
    "N’Dri",
    "N’Guessan",
    "Ouattara",
    "Ouédraogo",
    "Sangaré",
    "Sanogo",
    "Sawadogo",
    "Sidibé",
    "Silué",
    "Soro",
    "Soumahoro",
    "Sylla",
    "Tanoh",
    "Tapé",
    "Touré",
    "Traoré",
    "Yapi",
    "Yéo",
    "Zadi",
    "Zongo",
];

const WORDS: &[&str] = &[
    "baobab",
    "bissap",
    "calebasse",
    "caravane",
    "cauris",
    "djembe",
    "ebene",
    "fromager",
    "gombo",
    "griot",
    "harmattan",
    "igname",
    "karite",
    "kora",
    "lagune",
    "mangue",
    "marigot",
    "moringa",
    "neem",
    "okra",
    "palabre",
    "papaye",
    "pirogue",
    "raphia",
    "riziere",
    "savane",
    "sorgho",
    "tamarin",
    "termite",
    "tontine",
];

impl Cast {
    /// The cast of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut taken = HashSet::new();
        let in_both = actor(&mut rng, &mut taken, Role::Member, false, "exemple");
        let large = Troupe {
            requests_a_month: 12,
            opening: [350_000, 56_000_000, 3_500_000],
            ..troupe(&mut rng, &mut taken, "Mutuelle Espoir de Cocody", "espoir", 400)
        };
        let small = Troupe {
            requests_a_month: 4,
            opening: [80_000, 21_000_000, 1_200_000],
            ..troupe(&mut rng, &mut taken, "Amicale des Tisserands", "tisserands", 25)
        };
        Self { troupes: vec![large, small], in_both }
    }
}

impl Troupe {
    /// Those whose accounts a visitor is told: one per role.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Actor> {
        self.actors.iter().filter(|actor| actor.listed)
    }
}

impl Actor {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}

fn troupe(
    rng: &mut StdRng,
    taken: &mut HashSet<(&'static str, &'static str)>,
    name: &str,
    domain: &str,
    members: usize,
) -> Troupe {
    let mut actors: Vec<Actor> =
        Role::ALL.iter().map(|role| actor(rng, taken, *role, true, domain)).collect();
    for role in [Role::Treasurer, Role::BoardMember] {
        actors.push(actor(rng, taken, role, false, domain));
    }
    let others = members - actors.len() - 1;
    let others = (0..others)
        .map(|_| {
            let (given, family) = name_of(rng, taken);
            Extra { given: given.to_owned(), family: family.to_owned(), phone: phone(rng) }
        })
        .collect();
    Troupe { name: name.to_owned(), members, actors, others, requests_a_month: 0, opening: [0; 3] }
}

/// A number in a range of Côte d'Ivoire that nobody is told to call.
pub(super) fn phone(rng: &mut StdRng) -> String {
    format!(
        "01 00 {:02} {:02} {:02}",
        rng.random_range(0..100),
        rng.random_range(0..100),
        rng.random_range(0..100)
    )
}

fn actor(
    rng: &mut StdRng,
    taken: &mut HashSet<(&'static str, &'static str)>,
    role: Role,
    listed: bool,
    domain: &str,
) -> Actor {
    let (given, family) = name_of(rng, taken);
    let plain = |name: &str| fold(name).replace(|c: char| !c.is_ascii_alphanumeric(), "");
    let login = format!("{}.{}@{domain}.example", plain(given), plain(family));
    Actor { role, listed, given: given.to_owned(), family: family.to_owned(), login, password: password(rng) }
}

fn name_of(
    rng: &mut StdRng,
    taken: &mut HashSet<(&'static str, &'static str)>,
) -> (&'static str, &'static str) {
    loop {
        let name = (pick(rng, GIVEN), pick(rng, FAMILY));
        if taken.insert(name) {
            return name;
        }
    }
}

fn password(rng: &mut StdRng) -> String {
    format!("{}-{}-{}-{}", pick(rng, WORDS), pick(rng, WORDS), pick(rng, WORDS), rng.random_range(100..1000))
}

pub(super) fn pick<'a, T: ?Sized>(rng: &mut StdRng, from: &[&'a T]) -> &'a T {
    from.choose(rng).unwrap_or_else(|| unreachable!("no list here is empty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_people_and_passwords() {
        let line = |seed| {
            let cast = Cast::new(seed);
            let of = |actor: &Actor| format!("{} {} {}", actor.name(), actor.login, actor.password);
            cast.troupes.iter().flat_map(|troupe| &troupe.actors).map(of).collect::<Vec<_>>()
        };
        assert_eq!(line(7), line(7));
        assert_ne!(line(7), line(8));
    }

    #[test]
    fn every_role_has_one_account_to_try_and_the_sizes_are_as_promised() {
        let cast = Cast::new(1);
        for troupe in &cast.troupes {
            let roles: Vec<Role> = troupe.listed().map(|actor| actor.role).collect();
            assert_eq!(roles, Role::ALL);
            assert_eq!(troupe.actors.len() + troupe.others.len() + 1, troupe.members);
        }
        assert_eq!(cast.troupes.iter().map(|troupe| troupe.members).collect::<Vec<_>>(), [400, 25]);
    }

    #[test]
    fn passwords_are_good_enough_to_be_accepted() {
        for seed in 0..50 {
            for troupe in Cast::new(seed).troupes {
                for actor in troupe.actors {
                    unionflow_auth::password::strong_enough(&actor.password, &[&actor.given, &actor.family])
                        .unwrap_or_else(|_| panic!("{}", actor.password));
                }
            }
        }
    }
}
