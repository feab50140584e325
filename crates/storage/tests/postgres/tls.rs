//! Encryption, on a server with a certificate of an authority made here.

use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use unionflow_components::Postgres;
use unionflow_protocol::Language;
use unionflow_storage::{PostgresFault, StoreFault};

use super::open;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: String,
    _folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("made");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("made")).expect("made");
        let folder = tempfile::tempdir().expect("made");
        let path = folder.path().join("authority.pem");
        std::fs::write(&path, issuer.pem()).expect("made");
        Self { issuer, file: path.display().to_string(), _folder: folder }
    }

    /// Lets a server present a certificate for this name.
    fn vouch_for(&self, name: &str, server: &Postgres) {
        let database = server.new_database().expect("made");
        let key = KeyPair::generate().expect("made");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("made");
        let certificate = params.signed_by(&key, &self.issuer).expect("made");
        for (file, pem) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            let lines = pem.replace("\r\n", "\n");
            let copy = format!(
                "COPY (SELECT unnest(string_to_array('{}', E'\\n'))) TO PROGRAM 'umask 077; cat > {file}'",
                lines.trim()
            );
            database.psql(&copy).expect("made");
        }
        database.psql("ALTER SYSTEM SET ssl = on").expect("made");
        database.psql("SELECT pg_reload_conf()").expect("made");
        // Each look is a connection: the server takes up the change between two of them.
        let is_on = (0..200).any(|_| database.psql("SHOW ssl").expect("made").trim() == "on");
        assert!(is_on, "the server takes up its certificate");
    }
}

fn refused(address: &str) -> String {
    let fault = open(address).err().expect("refused");
    assert!(matches!(fault, StoreFault::Postgres(PostgresFault::Tls { .. })), "{fault:?}");
    assert!(fault.text(Language::French).contains("sslrootcert"));
    fault.to_string()
}

/// Whether a store that is opened so talks in secret.
fn encrypted(server: &Postgres, address: &str) -> bool {
    static OPENED: AtomicU32 = AtomicU32::new(0);
    let name = format!("tls-{}", OPENED.fetch_add(1, Ordering::Relaxed));
    let sign = if address.contains('?') { '&' } else { '?' };
    let _store = open(&format!("{address}{sign}application_name={name}")).expect("it opens");
    let database = server.new_database().expect("made");
    let answer = database.psql(&format!(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = '{name}'"
    ));
    match answer.expect("asked").trim() {
        "t" => true,
        "f" => false,
        other => panic!("{other}"),
    }
}

#[test]
fn only_the_certificate_of_a_known_authority_for_this_name_is_trusted() {
    let server = Postgres::start_with(&["fsync=off"]).unwrap();
    let url = server.url();
    let (ours, other) = (Authority::new(), Authority::new());

    let without = refused(&format!("{url}?sslmode=require"));
    assert!(without.contains("does not support TLS"), "{without}");
    assert!(!encrypted(&server, &format!("{url}?sslmode=prefer")), "it cannot yet");

    ours.vouch_for("127.0.0.1", &server);
    let verify = |file: &str| format!("{url}?sslmode=verify-full&sslrootcert={file}");
    assert!(encrypted(&server, &verify(&ours.file)));
    assert!(encrypted(&server, &verify(&ours.file.replace('/', "%2F"))));
    assert!(encrypted(&server, &format!("{url}?sslmode=require")));
    assert!(encrypted(&server, &url), "preferred where nothing is said");
    assert!(!encrypted(&server, &format!("{url}?sslmode=disable")));
    assert!(refused(&verify(&other.file)).contains("invalid peer certificate"));
    assert!(refused(&verify("/nowhere.pem")).contains("/nowhere.pem"));

    ours.vouch_for("db.example", &server);
    let wrong_name = refused(&verify(&ours.file));
    assert!(wrong_name.contains("127.0.0.1"), "{wrong_name}");
}
