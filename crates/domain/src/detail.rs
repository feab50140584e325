//! What a person does about a refusal as a whole, in both languages, in one place. What is about a field is a hint.

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    approval::ApprovalStatus,
    language::Language,
    role::{Role, RoleSet},
};

use crate::service_key::KeyRight;

/// More about a refusal than its code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Where the request stands.
    Status(ApprovalStatus),
    /// A treasurer does this.
    TreasurerExecutes,
    /// Only holders of these roles may.
    OnlyRoles(RoleSet),
    /// A key needs the scope that grants this.
    NeedsScope(KeyRight),
    /// The organisation does not open its directory to members.
    DirectoryClosed,
    /// So many seconds until the next try.
    Wait(u32),
    /// At most so many mebibytes.
    MebibytesAtMost(u32),
    /// At most so many kibibytes.
    KibibytesAtMost(u32),
    /// At most so many rows.
    RowsAtMost(u32),
    /// At most so many columns.
    ColumnsAtMost(u32),
    /// A workbook of a spreadsheet, not its text.
    Workbook,
    /// A picture.
    Picture,
    /// A PDF.
    Pdf,
    /// Nothing is in the file.
    EmptyFile,
}

impl Detail {
    /// The sentence.
    pub fn text(self, language: Language) -> String {
        let pick = |french: &str, english: &str| language.pick(french, english).to_owned();
        match self {
            Self::Status(status) => status_text(status, language).to_owned(),
            Self::TreasurerExecutes => pick(
                "C’est un trésorier ou une trésorière qui exécute une demande approuvée.",
                "A treasurer executes an approved request.",
            ),
            Self::OnlyRoles(roles) => {
                let roles: Vec<&str> = roles.iter().map(Role::as_str).collect();
                let only = language.pick("Réservé à : ", "Only for: ");
                format!("{only}{}.", roles.join(", "))
            }
            Self::NeedsScope(right) => match language {
                Language::French => format!("Il faut une clé avec la portée `{right}`."),
                Language::English => format!("A key with the scope `{right}` is needed."),
            },
            Self::DirectoryClosed => pick(
                "L’organisation n’ouvre pas l’annuaire à ses membres.",
                "The organisation does not open its directory to members.",
            ),
            Self::Wait(seconds) => match (language, seconds) {
                (Language::French, 0 | 1) => "Réessayez dans une seconde.".to_owned(),
                (Language::French, _) => format!("Réessayez dans {seconds} secondes."),
                (Language::English, 0 | 1) => "Try again in a second.".to_owned(),
                (Language::English, _) => format!("Try again in {seconds} seconds."),
            },
            Self::MebibytesAtMost(most) => match language {
                Language::French => format!("Au plus {most} Mio."),
                Language::English => format!("At most {most} MiB."),
            },
            Self::KibibytesAtMost(most) => match language {
                Language::French => format!("Au plus {most} Kio."),
                Language::English => format!("At most {most} KiB."),
            },
            Self::RowsAtMost(most) => {
                let most = language.count(most);
                match language {
                    Language::French => {
                        format!("Au plus {most} lignes : partagez le fichier, et importez chaque partie.")
                    }
                    Language::English => {
                        format!("At most {most} rows: split the file, and import each part.")
                    }
                }
            }
            Self::ColumnsAtMost(most) => match language {
                Language::French => {
                    format!(
                        "Au plus {most} colonnes : supprimez celles qui ne servent pas, ou vérifiez le séparateur."
                    )
                }
                Language::English => {
                    format!(
                        "At most {most} columns: delete those that are not needed, or check the separator."
                    )
                }
            },
            Self::Workbook => pick(
                "C’est un classeur Excel : enregistrez-le en CSV, et importez ce fichier-là.",
                "This is an Excel workbook: save it as CSV, and import that file.",
            ),
            Self::Picture => {
                pick("C’est une image : importez un fichier CSV.", "This is a picture: import a CSV file.")
            }
            Self::Pdf => pick("C’est un PDF : importez un fichier CSV.", "This is a PDF: import a CSV file."),
            Self::EmptyFile => pick("Le fichier est vide.", "The file is empty."),
        }
    }
}

fn status_text(status: ApprovalStatus, language: Language) -> &'static str {
    match status {
        ApprovalStatus::Pending => {
            language.pick("La demande attend encore des votes.", "The request still waits for votes.")
        }
        ApprovalStatus::Approved => {
            language.pick("La demande est déjà approuvée.", "The request is already approved.")
        }
        ApprovalStatus::Executed => {
            language.pick("La demande est déjà exécutée.", "The request is already executed.")
        }
        ApprovalStatus::Rejected => language.pick("La demande a été rejetée.", "The request was rejected."),
        ApprovalStatus::Cancelled => language.pick(
            "La demande a été annulée par son auteur.",
            "The request was taken back by whoever made it.",
        ),
        ApprovalStatus::Expired => language.pick(
            "La demande a expiré : elle n’a pas été décidée à temps.",
            "The request has expired: it was not decided in time.",
        ),
        ApprovalStatus::Lapsed => language.pick(
            "L’approbation est caduque : la demande n’a pas été exécutée à temps.",
            "The approval has lapsed: the request was not executed in time.",
        ),
    }
}
