//! What may be done: the letters `c r u d s`, and the v1 words for three sets of them.

use core::fmt;

use crate::error::ScopeError;

/// One permission letter and the FHIR interactions behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// `c`: create.
    Create,
    /// `r`: read, vread, instance history.
    Read,
    /// `u`: update, update-as-create (`SMART-SCOPE-021`), patch.
    Update,
    /// `d`: delete.
    Delete,
    /// `s`: search and history on a type or the system.
    Search,
}

impl Permission {
    /// All five, in the order they are written.
    pub const ALL: [Self; 5] = [Self::Create, Self::Read, Self::Update, Self::Delete, Self::Search];

    /// The letter in a v2 suffix.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Create => 'c',
            Self::Read => 'r',
            Self::Update => 'u',
            Self::Delete => 'd',
            Self::Search => 's',
        }
    }

    const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'c' => Some(Self::Create),
            b'r' => Some(Self::Read),
            b'u' => Some(Self::Update),
            b'd' => Some(Self::Delete),
            b's' => Some(Self::Search),
            _ => None,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of permissions, printed as a v2 suffix without its dot.
///
/// ```
/// use vestibule_scope::{Permission, Permissions};
///
/// let read = Permissions::READ | Permissions::SEARCH;
/// assert_eq!(read.to_string(), "rs");
/// assert!(read.contains(Permission::Search));
/// assert!(Permissions::ALL.covers(read));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permissions(u8);

impl Permissions {
    /// No permission; no scope has this set.
    pub const NONE: Self = Self(0);
    /// `c`
    pub const CREATE: Self = Self(Permission::Create.bit());
    /// `r`
    pub const READ: Self = Self(Permission::Read.bit());
    /// `u`
    pub const UPDATE: Self = Self(Permission::Update.bit());
    /// `d`
    pub const DELETE: Self = Self(Permission::Delete.bit());
    /// `s`
    pub const SEARCH: Self = Self(Permission::Search.bit());
    /// `cruds`
    pub const ALL: Self = Self(0b1_1111);
    /// `rs`, in v1 the word `read`.
    pub const V1_READ: Self = Self(Self::READ.0 | Self::SEARCH.0);
    /// `cud`, in v1 the word `write`.
    pub const V1_WRITE: Self = Self(Self::CREATE.0 | Self::UPDATE.0 | Self::DELETE.0);

    /// Whether this permission is in the set.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether every permission of `other` is in this set.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What both sets have.
    #[must_use]
    pub const fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either set has.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What this set has and `other` lacks.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions, in the order they are written.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }

    /// The v1 word with exactly this meaning, if there is one (`SMART-SCOPE-030`).
    #[must_use]
    pub const fn v1_word(self) -> Option<&'static str> {
        match self {
            Self::V1_READ => Some("read"),
            Self::V1_WRITE => Some("write"),
            Self::ALL => Some("*"),
            _ => None,
        }
    }

    /// The meaning of a v1 suffix; words are compared whole, so `rea` is never "read" (`SMART-SCOPE-003`).
    pub(crate) fn from_v1_word(word: &str) -> Option<Self> {
        match word {
            "read" => Some(Self::V1_READ),
            "write" => Some(Self::V1_WRITE),
            "*" => Some(Self::ALL),
            _ => None,
        }
    }

    /// The meaning of a v2 suffix: a non-empty subset of `cruds`, in that order (`SMART-SCOPE-002`).
    pub(crate) fn from_letters(letters: &str) -> Result<Self, ScopeError> {
        if letters.is_empty() {
            return Err(ScopeError::NoPermission);
        }
        let mut set = Self::NONE;
        for letter in letters.bytes() {
            let Some(permission) = Permission::from_letter(letter) else {
                return Err(match Permission::from_letter(letter.to_ascii_lowercase()) {
                    Some(_) => ScopeError::PermissionCase,
                    None => ScopeError::UnknownPermission,
                });
            };
            if set.contains(permission) {
                return Err(ScopeError::PermissionRepeated);
            }
            // A later letter has a higher bit, so a lower one than any seen is out of order.
            if permission.bit() < set.0 {
                return Err(ScopeError::PermissionOrder);
            }
            set = set.union(Self::from(permission));
        }
        Ok(set)
    }
}

impl From<Permission> for Permissions {
    fn from(permission: Permission) -> Self {
        Self(permission.bit())
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(iter: I) -> Self {
        iter.into_iter().fold(Self::NONE, |set, permission| set | Self::from(permission))
    }
}

impl core::ops::BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|permission| fmt::Write::write_char(f, permission.letter()))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permissions({self})")
    }
}
