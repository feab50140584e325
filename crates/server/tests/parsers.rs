//! Every reader of what strangers send, against inputs made from good ones: the functions of `fuzz/`, on stable and by a seed.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use unionflow_testkit::how_many;

#[path = "../../../fuzz/src/targets.rs"]
#[expect(unreachable_pub, reason = "in `fuzz/` they are")]
mod targets;

/// What readers trip over.
const WORDS: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b";",
    b"\n",
    b"\r\n",
    b"\0",
    b"null",
    b"-1",
    b"0",
    b"1e9",
    b"1.5",
    b"9007199254740992",
    b"18446744073709551616",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe2\x80\xa8",
    b"%",
];

#[test]
fn no_reader_panics_and_what_it_has_read_it_reads_again_as_the_same() {
    let inputs = how_many("UNIONFLOW_PARSER_INPUTS", 20_000);
    let seed = how_many("UNIONFLOW_PARSER_SEED", 1);
    for (name, target) in targets::ALL {
        let mut rng = StdRng::seed_from_u64(seed);
        let good = good_inputs(name);
        for n in 0..inputs + good.len() as u64 {
            let input = match good.get(usize::try_from(n).unwrap()) {
                Some(good) => good.clone(),
                None => made(&mut rng, &good),
            };
            if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
                panic!("{name}, input {n} of UNIONFLOW_PARSER_SEED={seed}: {}", input.escape_ascii());
            }
        }
    }
    println!("{} readers: {inputs} inputs each by seed {seed}", targets::ALL.len());
}

/// In an order that is the same everywhere.
fn good_inputs(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A good input with a few changes.
fn made(rng: &mut StdRng, good: &[Vec<u8>]) -> Vec<u8> {
    let mut input = good[rng.random_range(0..good.len())].clone();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=input.len());
        let to = rng.random_range(at..=input.len().min(at + 40));
        match rng.random_range(0..7) {
            0 if at < input.len() => input[at] = rng.random(),
            1 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
            2 => drop(input.drain(at..to)),
            3 => input.truncate(at),
            4 => {
                let again = input[at..to].repeat(rng.random_range(1..4));
                input.splice(to..to, again);
            }
            5 => {
                let other = &good[rng.random_range(0..good.len())];
                let from = rng.random_range(0..=other.len());
                input.splice(at..to, other[from..].iter().copied());
            }
            _ => {
                let word = WORDS[rng.random_range(0..WORDS.len())];
                input.splice(at..to, word.iter().copied());
            }
        }
    }
    input
}
