//! Generated files: compared with what is committed, or written anew by `cargo xtask codegen`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Fails unless the folder's JSON files are exactly these; with `UNIONFLOW_CODEGEN`, makes them so.
pub(crate) fn check_folder(folder: &str, files: &BTreeMap<String, Value>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let write = std::env::var_os("UNIONFLOW_CODEGEN").is_some();
    let mut stale = Vec::new();
    for (name, value) in files {
        let path = root.join(name);
        let text = format!("{value:#}\n");
        if fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
            continue;
        }
        if write {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            stale.push(name.clone());
        }
    }
    let mut present = Vec::new();
    json_files(&root, &mut present);
    for path in present {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        if files.contains_key(&name) {
            continue;
        }
        if write {
            fs::remove_file(&path).unwrap();
        } else {
            stale.push(format!("{name} (no longer generated)"));
        }
    }
    assert!(stale.is_empty(), "{folder}: run `cargo xtask codegen`; these differ: {}", stale.join(", "));
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}
