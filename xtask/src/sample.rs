//! Made-up Galette exports, with errors put in on purpose: for tests, and for whoever wants to see what an import says.
//!
//! Nobody in them exists. The same numbers give the same file, byte for byte.

/// A file and what is wrong with it.
pub(crate) struct Sample {
    /// The file: semicolons, every cell quoted, headers with a space at the end, CRLF.
    pub(crate) csv: String,
    /// Its errors in the order of the file: line, column, value.
    pub(crate) errors: Vec<(u32, &'static str, String)>,
}

const HEADER: [&str; 12] = [
    "ID de l'adhérent ",
    "Statut ",
    "Nom ",
    "Prénom ",
    "Téléphone ",
    "GSM ",
    "Courriel ",
    "Date de création ",
    "Compte ",
    "Date d’échéance ",
    "Identifiant ",
    "Numéro adhérent ",
];
const FAMILY: [&str; 12] = [
    "Koné",
    "Traoré",
    "N’Guessan",
    "Ouattara",
    "Diabaté",
    "Kouamé",
    "Bamba",
    "Touré",
    "Yéo",
    "Zadi",
    "Aka",
    "Soro",
];
const GIVEN: [&str; 12] = [
    "Awa",
    "Koffi",
    "Aïcha",
    "Moussa",
    "Adjoua",
    "Yao",
    "Fatou; Marie",
    "Jean-Noël",
    "Rokia",
    "Issa",
    "Célestine",
    "Brou",
];
const ERROR_KINDS: usize = 12;

struct Row {
    id: String,
    family: String,
    given: String,
    mobile: String,
    email: String,
    joined: String,
    active: &'static str,
    ends: &'static str,
    number: String,
}

/// So many members, so many of them with exactly one error each.
pub(crate) fn members(rows: u32, errors: u32, seed: u64) -> Sample {
    let mut random = Random(seed);
    let quoted = |cells: [&str; 12]| {
        let cells: Vec<String> =
            cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        format!("{}\r\n", cells.join(";"))
    };
    let mut sample = Sample { csv: quoted(HEADER), errors: Vec::new() };
    for n in 1..=rows {
        let mut row = person(n, &mut random);
        // Spread evenly, and never the first: a row that repeats a number needs one to repeat.
        let wrong_so_far = |n: u32| u64::from(n) * u64::from(errors) / u64::from(rows);
        if n > 1 && wrong_so_far(n) > wrong_so_far(n - 1)
            || n == rows && (sample.errors.len() as u32) < errors
        {
            let (column, value) = spoil(&mut row, sample.errors.len() % ERROR_KINDS, n);
            sample.errors.push((n + 1, column, value));
        }
        sample.csv.push_str(&quoted([
            &row.id,
            "Membre actif",
            &row.family,
            &row.given,
            "",
            &row.mobile,
            &row.email,
            &row.joined,
            row.active,
            row.ends,
            "identifiant.inutile",
            &row.number,
        ]));
    }
    // What a spreadsheet leaves at the end.
    sample.csv.push_str(&format!("{}\r\n", ";".repeat(HEADER.len() - 1)).repeat(2));
    sample
}

fn person(n: u32, random: &mut Random) -> Row {
    let mut pick = |list: [&'static str; 12]| list[random.below(12)];
    // Family names are numbered: nobody in the file looks like somebody else.
    let (family, given) = (format!("{} {}", pick(FAMILY), letters(n)), pick(GIVEN).to_owned());
    let prefix = ["07 08", "05 05", "01 02"][random.below(3)];
    let digits = format!("{:06}", 100_000 + n);
    let mobile = match random.below(4) {
        0 => format!("{prefix} {} {} {}", &digits[..2], &digits[2..4], &digits[4..]),
        1 => format!("+225 {prefix}{digits}"),
        2 => format!("{}{digits}", prefix.replace(' ', "")),
        _ => format!("{prefix}.{}.{}.{}", &digits[..2], &digits[2..4], &digits[4..]),
    };
    let email = if random.below(3) == 0 { format!("membre{n}@exemple.test") } else { String::new() };
    let joined = match random.below(8) {
        0 => "1901-01-01".to_owned(),
        _ => format!("{:02}/{:02}/{}", 1 + random.below(28), 1 + random.below(12), 2005 + random.below(18)),
    };
    let (active, ends) = if random.below(20) == 0 { ("Non", "31/12/2023") } else { ("Oui", "") };
    Row { id: n.to_string(), family, given, mobile, email, joined, active, ends, number: format!("A-{n:05}") }
}

/// Puts one error into a row: the column and the value that a report must name.
fn spoil(row: &mut Row, kind: usize, n: u32) -> (&'static str, String) {
    let (cell, column, wrong): (&mut String, &'static str, String) = match kind {
        0 => (&mut row.family, "Nom", String::new()),
        1 => (&mut row.given, "Prénom", "  ".to_owned()),
        2 => (&mut row.mobile, "GSM", format!("08 1{} 34 {:02}", n % 10, n % 100)),
        3 => (&mut row.mobile, "GSM", format!("708{:06}", 100_000 + n)),
        4 => (&mut row.mobile, "GSM", "07 08 12".to_owned()),
        5 => (&mut row.email, "Courriel", format!("membre{n}(at)exemple.test")),
        6 => (&mut row.joined, "Date de création", "31/02/2020".to_owned()),
        7 => (&mut row.joined, "Date de création", "03/02/19".to_owned()),
        8 => (&mut row.family, "Nom", "=HYPERLINK(\"http://exemple.test\")".to_owned()),
        9 => (&mut row.number, "Numéro adhérent", "A-00001".to_owned()),
        10 => (&mut row.given, "Prénom", "@Awa".to_owned()),
        _ => (&mut row.joined, "Date de création", "03/02/2999".to_owned()),
    };
    wrong.trim().clone_into(cell);
    (column, wrong.trim().to_owned())
}

/// `a`, `b` … `ba`: a different word for each number.
fn letters(n: u32) -> String {
    let digit = |n: u32| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
    let word: String = [n / 17_576, n / 676, n / 26, n].into_iter().map(digit).collect();
    // Twice, so that two words never differ by one letter only.
    format!("{word}{word}")
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap_or(0)
    }
}
