//! Each fault of the store is a sentence that says what to do, in both languages.

use std::{fs, path::Path};

use crate::{founded, text, unionflow};

const ANYWHERE: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

/// What `arguments` say of a folder: the exit code is 1, and both languages say what to do.
fn says(data: &Path, arguments: &[&str], french: &str, english: &str) {
    for (language, sentence) in [("fr", french), ("en", english)] {
        let mut all = vec!["--lang", language, "--data", text(data)];
        all.extend(arguments);
        let ended = unionflow(&all);
        let said = ended.out.clone() + &ended.err;
        assert!(said.contains(sentence), "{arguments:?} of {}: {said}", data.display());
        assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
    }
}

fn patched(change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let folder = founded();
    let file = folder.path().join("unionflow.db");
    let mut bytes = fs::read(&file).expect("a store");
    change(&mut bytes);
    fs::write(&file, bytes).expect("written");
    let _ = fs::remove_file(folder.path().join("unionflow.db-wal"));
    let _ = fs::remove_file(folder.path().join("unionflow.db-shm"));
    folder
}

#[test]
fn a_store_that_cannot_be_used_says_what_to_do() {
    let newer = patched(|bytes| bytes[60..64].copy_from_slice(&999_u32.to_be_bytes()));
    says(newer.path(), &["user", "list"], "installez l’UnionFlow plus récent", "install the newer UnionFlow");
    let foreign = patched(|bytes| bytes[68..72].copy_from_slice(&7_u32.to_be_bytes()));
    says(foreign.path(), &["user", "list"], "choisissez un autre dossier", "choose another folder");
    let garbage = patched(|bytes| bytes[..64].fill(0x5a));
    says(garbage.path(), &["user", "list"], "unionflow restore", "unionflow restore");
    let truncated = patched(|bytes| bytes.truncate(bytes.len() / 2));
    says(truncated.path(), &["doctor"], "est endommagé", "is damaged");
    let flipped = patched(|bytes| {
        let last = bytes.len() - 4096;
        bytes[last..].fill(0xff);
    });
    says(flipped.path(), &["doctor"], "✗", "✗");
    let nowhere = newer.path().join("nowhere");
    says(&nowhere, &["verify"], "démarrez le serveur une première fois", "start the server once");
}

#[test]
fn a_folder_that_cannot_be_written_says_what_to_do_also_to_root() {
    let below_a_file = founded();
    let serve = [&["serve"][..], &ANYWHERE].concat();
    let folder = below_a_file.path().join("unionflow.db").join("data");
    says(&folder, &serve, "impossible de créer le dossier", "make it, or choose another");
    // Nobody writes there, whoever he is.
    says(Path::new("/sys/kernel"), &serve, "le droit d’écrire", "the right to write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_and_a_port_in_use_say_so() {
    let (one, other) = (founded(), founded());
    let address = unionflow_testkit::ServerProcess::free_address();
    let binary = Path::new(env!("CARGO_BIN_EXE_unionflow"));
    let database = one.path().join("unionflow.db");
    let _server = unionflow_testkit::ServerProcess::start(binary, &database, address).await;
    let serve = [&["serve"][..], &ANYWHERE].concat();
    says(one.path(), &serve, "un autre serveur utilise déjà", "another server already runs");
    let taken = address.to_string();
    let serve = ["serve", "--listen", &taken, "--admin-listen", "127.0.0.1:0"];
    says(other.path(), &serve, "choisissez une autre adresse", "choose another address");
}
