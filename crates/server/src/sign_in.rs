//! Who is signed in on this machine: kept between commands, in a file that only its owner can read.
//!
//! The file holds a refresh token, which is as good as the password until somebody signs out. It is replaced whole or not at
//! all, and never shown. Commands that run at the same time share it: whoever renews it holds the lock beside it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use unionflow_protocol::{id::OrganizationId, rest::auth::Secret};

mod tokens;

pub(crate) use tokens::Tokens;

/// A sign-in that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    /// The base URL of the server.
    pub(crate) url: String,
    /// Who, as they signed in.
    pub(crate) login: String,
    /// Which organisation is shown.
    pub(crate) organization_id: OrganizationId,
    /// Its name, as it was when somebody signed in.
    pub(crate) organization: String,
    /// The newest refresh token.
    pub(crate) refresh_token: Secret,
}

impl Kept {
    /// Whether another is the same sign-in, at whatever token.
    fn is_of_the_same(&self, other: &Self) -> bool {
        (&self.url, &self.login) == (&other.url, &other.login)
    }
}

/// Where it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
}

const FILE: &str = "sign-in.json";
const NEXT: &str = "sign-in.next";
const LOCK: &str = "sign-in.lock";

impl Place {
    /// Below the folder where this user's programs keep their settings; `None` where the environment names none.
    pub(crate) fn of_this_user() -> Option<Self> {
        let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let settings = named("XDG_CONFIG_HOME").or_else(|| named("HOME").map(|home| home.join(".config")))?;
        Some(Self { folder: settings.join("unionflow") })
    }

    /// The file itself.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// What is kept; `None` if nobody is signed in.
    pub(crate) fn load(&self) -> io::Result<Option<Kept>> {
        match fs::read(self.file()) {
            // What another version wrote, or a hand, is no sign-in: the person signs in again.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a sign-in in place of the one before. When it returns, it is kept.
    pub(crate) fn keep(&self, kept: &Kept) -> io::Result<()> {
        self.make_folder()?;
        let next = self.folder.join(NEXT);
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Made anew, so that it is never there with the rights of an older one.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
        file.write_all(&serde_json::to_vec_pretty(kept)?)?;
        file.sync_all()?;
        fs::rename(&next, self.file())
    }

    /// Keeps nothing any more.
    pub(crate) fn forget(&self) -> io::Result<()> {
        match fs::remove_file(self.file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until no other command renews or replaces it. Held until the answer is dropped.
    pub(crate) fn lock(&self) -> io::Result<File> {
        self.make_folder()?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.folder.join(LOCK))?;
        file.lock()?;
        Ok(file)
    }

    fn make_folder(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)
    }
}

#[cfg(test)]
impl Place {
    pub(crate) fn in_folder(folder: &std::path::Path) -> Self {
        Self { folder: folder.join("unionflow") }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn kept(token: &str) -> Kept {
        Kept {
            url: "https://h.test".to_owned(),
            login: "awa@exemple.test".to_owned(),
            organization_id: OrganizationId::from_bytes([1; 16]),
            organization: "Mutuelle Essai".to_owned(),
            refresh_token: Secret(token.to_owned()),
        }
    }

    #[test]
    fn a_sign_in_is_kept_for_its_owner_only_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::in_folder(folder.path());
        assert_eq!(place.load().unwrap(), None);
        for token in ["first", "second"] {
            place.keep(&kept(token)).unwrap();
            assert_eq!(place.load().unwrap(), Some(kept(token)));
        }
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(place.file()), mode(place.folder.clone())), (0o600, 0o700));
        assert!(!format!("{:?}", kept("s3cret")).contains("s3cret"));
        place.forget().unwrap();
        place.forget().unwrap();
        assert_eq!(place.load().unwrap(), None);
    }

    #[test]
    fn a_file_of_others_or_half_a_file_is_no_sign_in() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::in_folder(folder.path());
        place.keep(&kept("first")).unwrap();
        fs::write(place.file(), b"{\"url\":").unwrap();
        assert_eq!(place.load().unwrap(), None);
    }
}
