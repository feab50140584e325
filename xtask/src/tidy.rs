//! The repository's own rules. A rule that is not checked drifts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What each crate may know of ours: dependencies point down only.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("client", &["protocol"]), // never server code: programs of others are built on it
    ("domain", &["protocol"]),
    ("auth", &["protocol"]),
    ("storage", &["protocol", "domain"]),
    ("bus", &["protocol"]),
    ("service", &["protocol", "domain", "auth", "storage", "bus"]),
    ("gateway", &["protocol", "domain", "auth", "storage", "bus"]),
    ("api", &["protocol", "domain", "auth", "storage", "service"]),
    ("server", &["protocol", "client", "domain", "auth", "storage", "bus", "service", "gateway", "api"]),
    ("testkit", &["protocol", "domain", "auth", "storage", "bus", "service", "server"]),
    ("components", &[]),
    ("xtask", &["components"]),
];

/// Libraries that may be named by these crates only.
const CONFINED: &[(&str, &[&str])] = &[
    ("rusqlite", &["storage"]),
    ("axum", &["api", "gateway", "server"]),
    ("tokio", &["client", "storage", "bus", "service", "gateway", "api", "server", "testkit"]),
    ("clap", &["server"]),
    ("ratatui", &["server"]),
];

/// Functions longer than 70 lines, and how long they may be: this list may only shrink.
/// Those here are tables: one entry after another, with no decision between them.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[("crates/domain/src/hint.rs", "text", 229)];
const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 800;

pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut faults = Vec::new();
    dependencies(root, &mut faults)?;
    sdk_is_light(root, &mut faults)?;
    architecture(root, &mut faults)?;
    sources(root, &mut faults)?;
    links(root, &mut faults)?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("tidy found {} faults:\n  {}", faults.len(), faults.join("\n  ")))
}

fn dependencies(root: &Path, faults: &mut Vec<String>) -> Result<(), String> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let rules: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let short = name.strip_prefix("unionflow-").unwrap_or(name);
        let Some(may_know) = rules.get(short) else {
            faults.push(format!(
                "crate `{short}` is not in the table of who may know whom (xtask/src/tidy.rs)"
            ));
            continue;
        };
        let own: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .collect();
        for dependency in &own {
            let ours = dependency.strip_prefix("unionflow-");
            if ours.is_some_and(|ours| !may_know.contains(&ours)) {
                faults.push(format!(
                    "crate `{short}` may not know `{dependency}`: dependencies point down only"
                ));
            }
            let confined = CONFINED.iter().find(|(library, _)| library == dependency);
            if confined.is_some_and(|(_, crates)| !crates.contains(&short)) {
                faults.push(format!("crate `{short}` may not know `{dependency}`"));
            }
        }
    }
    Ok(())
}

/// What the SDK adds to a program that has Tokio and rustls already.
const SDK_CRATES: usize = 60;

fn sdk_is_light(root: &Path, faults: &mut Vec<String>) -> Result<(), String> {
    let mut added = crates_under(root, "unionflow-client")?;
    for known in ["tokio", "rustls"] {
        added = &added - &crates_under(root, known)?;
    }
    if added.is_empty() || added.len() > SDK_CRATES {
        faults.push(format!("the SDK adds {} crates to a program with Tokio and rustls", added.len()));
    }
    Ok(())
}

/// A crate with all that it needs to run, each as name and version.
fn crates_under(root: &Path, package: &str) -> Result<BTreeSet<String>, String> {
    let output = Command::new("cargo")
        .args(["tree", "--offline", "--locked", "-e", "normal", "--prefix", "none", "-p", package])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo tree: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(text.lines().filter(|line| !line.is_empty()).map(name).collect())
}

fn architecture(root: &Path, faults: &mut Vec<String>) -> Result<(), String> {
    let text = read(&root.join("ARCHITECTURE.md"))?;
    for (name, _) in MAY_KNOW {
        if !text.contains(&format!("`{name}`")) {
            faults.push(format!("ARCHITECTURE.md does not name `{name}`"));
        }
    }
    for file in
        text.split('`').filter(|piece| piece.starts_with("crates/") && !piece.contains(char::is_whitespace))
    {
        if !root.join(file).exists() {
            faults.push(format!("ARCHITECTURE.md names `{file}`, which is gone"));
        }
    }
    Ok(())
}

/// What a page links to in this repository is there.
fn links(root: &Path, faults: &mut Vec<String>) -> Result<(), String> {
    let mut pages = Vec::new();
    for folder in ["docs", "crates"] {
        files_ending(&root.join(folder), "md", &mut pages)?;
    }
    let at_root = fs::read_dir(root).map_err(|error| format!("{}: {error}", root.display()))?;
    let at_root = at_root.filter_map(Result::ok).map(|entry| entry.path());
    pages.extend(at_root.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    for page in pages {
        let text = read(&page)?;
        let folder = page.parent().unwrap_or(root);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains(':')) {
            if !folder.join(target).exists() {
                let shown = page.strip_prefix(root).unwrap_or(&page).display();
                faults.push(format!("{shown} links to `{target}`, which is not there"));
            }
        }
    }
    Ok(())
}

fn sources(root: &Path, faults: &mut Vec<String>) -> Result<(), String> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "fuzz/src", "fuzz/fuzz_targets"] {
        files_ending(&root.join(folder), "rs", &mut files)?;
    }
    for file in files {
        let text = read(&file)?;
        let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let is_test =
            shown.contains("/tests/") || shown.ends_with("tests.rs") || shown.contains("conformance");
        let lines = text.lines().count();
        if lines > FILE_LINES && !is_test {
            faults.push(format!("{shown} has {lines} lines: split it where a noun appears"));
        }
        if !text.trim_start().starts_with("//!") {
            faults.push(format!("{shown} does not begin with what it is (`//!`)"));
        }
        for mark in ["todo!(", "unimplemented!(", "FIXME", "(to come)"] {
            if text.contains(mark) && !shown.ends_with("tidy.rs") {
                faults.push(format!("{shown} is not finished: {mark}"));
            }
        }
        if is_test && (text.contains("thread::sleep(") || text.contains("time::sleep(")) {
            faults.push(format!("{shown} sleeps: wait for a fact instead"));
        }
        if text.contains("#[ignore") && !shown.ends_with("tidy.rs") {
            faults.push(format!("{shown} ignores a test"));
        }
        // Who else could, would write events without the audience and the notifications that go with them.
        let publishes =
            shown.starts_with("crates/service/src/publish") || shown.starts_with("crates/storage/");
        if shown.starts_with("crates/") && !is_test && !publishes && text.contains("tx.append(") {
            faults.push(format!("{shown} appends events itself: call `crates/service/src/publish.rs`"));
        }
        let takes_in = shown == "crates/service/src/inbound.rs" || shown.starts_with("crates/storage/");
        if shown.starts_with("crates/") && !is_test && !takes_in && text.contains(".append_foreign(") {
            faults.push(format!(
                "{shown} appends foreign facts itself: call `take` in `crates/service/src/inbound.rs`"
            ));
        }
        if !is_test {
            long_functions(&text, &shown, faults);
        }
    }
    Ok(())
}

/// From the line of a `fn` to the brace at the same indent.
fn long_functions(text: &str, shown: &str, faults: &mut Vec<String>) {
    let mut open: Option<(usize, usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        match &open {
            Some((at, begun, name)) if indent == *at && line.trim_start().starts_with('}') => {
                let lines = number - begun + 1;
                let listed = LONG_FUNCTIONS.iter().find(|(file, known, _)| *file == shown && known == name);
                let allowed = listed.map_or(FUNCTION_LINES, |(_, _, lines)| *lines);
                if lines > allowed {
                    faults.push(format!("{shown}:{} `{name}` has {lines} lines: over {allowed}", begun + 1));
                }
                open = None;
            }
            Some(_) => {}
            None => {
                let words =
                    line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
                let words = words
                    .trim_start_matches("pub ")
                    .trim_start_matches("const ")
                    .trim_start_matches("async ");
                if let Some(rest) = words.strip_prefix("fn ").filter(|_| !line.trim_end().ends_with(';')) {
                    let name = rest.split(['(', '<']).next().unwrap_or_default().to_owned();
                    open = Some((indent, number, name));
                }
            }
        }
    }
}

fn files_ending(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_ending(&path, ending, files)?;
        } else if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
