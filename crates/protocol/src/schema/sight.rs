//! Who may see an event, in words for readers of the schemas.

use crate::event::Readers;

/// Who they are.
pub(super) const fn of(readers: Readers) -> &'static str {
    match readers {
        Readers::Officers => {
            "officers (PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR); who asked; \
             whom it benefits (not while a ROLE_CHANGE is pending)"
        }
        Readers::Keepers => "keepers (ADMIN PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR)",
        Readers::KeepersAndMember => {
            "keepers (ADMIN PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR); the member concerned; \
             nobody for a row of an import"
        }
        Readers::Money => "money (PRESIDENT TREASURER SECRETARY AUDITOR)",
        Readers::MoneyAndMember => {
            "money (PRESIDENT TREASURER SECRETARY AUDITOR); the member concerned; nobody for a row of an import"
        }
        Readers::Everyone => "every active member",
        Readers::Chosen => "every active member, or the holders of the roles chosen",
        Readers::Meant => "the persons meant: holders of roles, or one member",
        Readers::Member => "the member concerned",
        Readers::View => {
            "the sessions of its `view`: `officers` for PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR, \
             `members` for everyone else"
        }
    }
}
