//! The pages that are made from the code: fresh, or written anew by `cargo xtask codegen`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fs, path::Path};

use unionflow_protocol::Language;

fn check(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    if std::env::var_os("UNIONFLOW_CODEGEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/{file} differs: run `cargo xtask codegen`");
}

#[test]
fn generated_configuration_page_is_fresh() {
    check("configuration.md", &unionflow_server::configuration_document());
}

#[test]
fn generated_help_pages_are_fresh() {
    check("help.fr.md", &unionflow_server::help_document(Language::French));
    check("help.en.md", &unionflow_server::help_document(Language::English));
}
