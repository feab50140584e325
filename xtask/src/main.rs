//! The repository's own commands: `cargo xtask test`, `soak`, `bench`, `tidy`, `codegen`, `sample`.

use std::{
    env,
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Instant,
};

use unionflow_components::install;

mod sample;
mod soak;
mod tidy;

const USAGE: &str = "\
cargo xtask COMMAND

  test      everything that CI checks: format, lints, documents, tests, tidy, licences
  soak      the long form of the tests that draw at random: `cargo xtask soak [SCENARIO …]`
  tidy      the repository's own rules: architecture, sizes, generated files
  bench     measure what the server promises, beside a baseline of the same run: `cargo xtask bench [MEASURE …]`,
            and on PostgreSQL and Kafka `cargo xtask bench cluster [MEASURE …]`
  codegen   write the generated files anew: JSON Schemas, vectors, OpenAPI, configuration and help pages
  sample members [--rows N] [--errors N] [--seed N]
            a made-up Galette export on standard output, its errors on standard error
";

/// The version of cargo-deny that is installed where there is none.
const CARGO_DENY: &str = "0.20.2";

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        Some("test") => test(),
        Some("tidy") => tidy::check(&root()),
        Some("codegen") => codegen(),
        Some("bench") => bench(),
        Some("soak") => soak(),
        Some("sample") if env::args().nth(2).as_deref() == Some("members") => sample_members(),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("\nxtask: {what}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a tool that tells people how long it took")]
fn test() -> Result<(), String> {
    let begun = Instant::now();
    step("components");
    install::packages().and_then(|()| install::kafka()).map_err(|fault| fault.to_string())?;
    cargo("format", &["fmt", "--all", "--check"], &[])?;
    cargo(
        "lints",
        &["clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
        &[],
    )?;
    // Everything else here has all features.
    cargo("the plain build", &["check", "--locked", "--package", "unionflow-server"], &[])?;
    let without = ["--locked", "--package", "unionflow-server", "--no-default-features"];
    cargo("without PostgreSQL", &[&["check"], &without[..], &["--features", "kafka"]].concat(), &[])?;
    cargo("without Kafka and PostgreSQL", &[&["test"], &without[..], &["--test", "without"]].concat(), &[])?;
    let warnings = [("RUSTDOCFLAGS", "-D warnings")];
    cargo(
        "documents",
        &["doc", "--locked", "--workspace", "--no-deps", "--all-features", "--document-private-items"],
        &warnings,
    )?;
    cargo("tests", &["test", "--locked", "--workspace", "--all-features"], &[])?;
    step("tidy");
    tidy::check(&root())?;
    licences()?;
    eprintln!("\nxtask: all is well, in {} s", begun.elapsed().as_secs());
    Ok(())
}

/// Licences, sources and bans of everything that we build on; offline.
fn licences() -> Result<(), String> {
    let has = Command::new("cargo")
        .args(["deny", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has {
        cargo("cargo-deny", &["install", "--locked", &format!("cargo-deny@{CARGO_DENY}")], &[])?;
    }
    cargo(
        "licences",
        &["deny", "--offline", "--locked", "--all-features", "check", "bans", "licenses", "sources"],
        &[],
    )
}

/// The tests that compare generated files write them instead.
fn codegen() -> Result<(), String> {
    let anew = [("UNIONFLOW_CODEGEN", "1")];
    cargo("generated files", &["test", "--locked", "--workspace", "--all-features", "generated_"], &anew)
}

/// Minutes to hours; nothing of it is in the short check but its short form.
fn soak() -> Result<(), String> {
    let names: Vec<String> = env::args().skip(2).collect();
    for scenario in soak::chosen(&names)? {
        eprintln!("\n{}: {}", scenario.name, scenario.shows);
        let mut arguments = vec!["test", "--locked", "--all-features"];
        arguments.extend(scenario.test);
        arguments.extend(["--", "--nocapture"]);
        let mut variables = soak::BUILD.to_vec();
        variables.extend(scenario.variables.iter().filter(|(name, _)| env::var_os(name).is_none()));
        cargo(scenario.name, &arguments, &variables)?;
    }
    Ok(())
}

/// As it ships, and nothing else on the machine if its figures are to mean anything.
fn bench() -> Result<(), String> {
    let measures: Vec<String> = env::args().skip(2).collect();
    let is_cluster = measures.first().is_some_and(|first| first == "cluster");
    let is_units = is_cluster && measures[1..] == ["units"];
    if !is_units {
        let mut arguments = vec!["bench", "--locked", "--package", "unionflow-server", "--bench", "speed"];
        arguments.extend(is_cluster.then_some("--features=kafka"));
        arguments.push("--");
        arguments.extend(measures.iter().map(String::as_str).filter(|name| !is_cluster || *name != "units"));
        cargo("measures", &arguments, &[])?;
    }
    if is_cluster && (measures.len() == 1 || measures.iter().any(|name| name == "units")) {
        let arguments = [
            "bench",
            "--locked",
            "--package",
            "unionflow-storage",
            "--features=postgres",
            "--bench=postgres",
        ];
        cargo("units of the store", &arguments, &[])?;
    }
    Ok(())
}

fn sample_members() -> Result<(), String> {
    let arguments: Vec<String> = env::args().skip(3).collect();
    let number = |name: &str, default: u64| match arguments.iter().position(|argument| argument == name) {
        None => Ok(default),
        Some(at) => arguments
            .get(at + 1)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| format!("{name} needs a number")),
    };
    let small = |n: u64| u32::try_from(n).map_err(|_| format!("{n} is too many"));
    let (rows, errors) = (small(number("--rows", 10_000)?)?, small(number("--errors", 100)?)?);
    if rows == 0 || rows > 400_000 || errors >= rows {
        return Err("1 to 400,000 rows, and fewer errors than rows".to_owned());
    }
    let sample = sample::members(rows, errors, number("--seed", 1)?);
    let mut out = std::io::stdout().lock();
    out.write_all(sample.csv.as_bytes()).map_err(|error| format!("standard output: {error}"))?;
    for (row, column, value) in &sample.errors {
        eprintln!("line {row:>6}  {column:<18} {value}");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a tool that tells people how long it took")]
fn cargo(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    step(name);
    let begun = Instant::now();
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !status.success() {
        return Err(format!("{name}: `cargo {}` failed", arguments.join(" ")));
    }
    eprintln!("{name}: {} s", begun.elapsed().as_secs());
    Ok(())
}

fn step(name: &str) {
    eprintln!("\n── {name} ──");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
