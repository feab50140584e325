//! What the components need on this machine.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use rustix::process::geteuid;

use crate::{Fault, process::run};

/// Programs and headers, and the Debian package that brings each. A header is a file, everything else is looked up on the path.
const NEEDED: &[(&str, &str)] = &[
    ("/usr/lib/postgresql", "postgresql"),
    ("java", "openjdk-17-jre-headless"),
    ("mvn", "maven"),
    ("cmake", "cmake"),
    ("c++", "g++"),
    ("/usr/include/openssl/ssl.h", "libssl-dev"),
    ("/usr/include/zlib.h", "zlib1g-dev"),
    // librdkafka's build asks for the header and links nothing of it.
    ("curl/curl.h", "libcurl4-openssl-dev"),
];

/// Installs the packages that are missing, where it may: root on Debian. Else says what to run.
pub fn packages() -> Result<(), Fault> {
    let missing: Vec<&str> =
        NEEDED.iter().filter(|(what, _)| !is_there(what)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get update && apt-get install -y --no-install-recommends {}", missing.join(" "));
    if !geteuid().is_root() || !is_there("apt-get") {
        let reason = format!("packages are missing; as root run: {line}");
        return Err(Fault::Failed { program: "cargo xtask test".to_owned(), output: reason });
    }
    eprintln!("installing: {}", missing.join(" "));
    run(Command::new("sh").args(["-c", &line]).env("DEBIAN_FRONTEND", "noninteractive")).map(|_| ())
}

/// The folder with Apache Kafka, fetched once by Maven into `target/`.
pub fn kafka() -> Result<PathBuf, Fault> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let home = here.join("../../target/components");
    fs::create_dir_all(&home).map_err(Fault::file(&home))?;
    let (libs, whole) = (home.join("kafka-4.1.2"), home.join("kafka-4.1.2/complete"));
    // Several test programs may come here at once: one fetches.
    let lock = home.join("lock");
    let lock = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(Fault::file(&lock))?;
    if !whole.exists() {
        let mut maven = Command::new("mvn");
        maven.args(["--quiet", "--batch-mode", "--file"]).arg(here.join("kafka/pom.xml"));
        maven.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", libs.display()));
        run(&mut maven)?;
        File::create(&whole).map_err(Fault::file(&whole))?;
    }
    drop(lock);
    Ok(libs)
}

fn is_there(what: &str) -> bool {
    match what {
        path if path.starts_with('/') => fs::exists(path).unwrap_or(false),
        header if header.ends_with(".h") => {
            ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu"]
                .iter()
                .any(|folder| fs::exists(format!("{folder}/{header}")).unwrap_or(false))
        }
        program => std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file())),
    }
}
