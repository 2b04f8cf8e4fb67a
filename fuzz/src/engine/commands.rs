//! What the bytes of the engine's target mean: a letter and its arguments, one byte each.
//!
//! Digits count as what they show and every other byte as itself, so that seeds can be read: `i00 f0000 r00` is "alice signs in,
//! opens the first app with the first scopes and picks the first record, and the app redeems the code". Whatever is chosen is
//! taken modulo what there is, and the newest comes first: `r0` means the newest code.
//!
//! | letter | arguments | is |
//! |---|---|---|
//! | `i` | browser, user | somebody signs in |
//! | `o` | browser, told | signs out; the engine is told, or not |
//! | `l` | user, app, patient | the EHR opens an app |
//! | `a` | browser, app, scopes, launch | an app sends a browser to the authorize endpoint; launch 0 is none |
//! | `s` | tab, browser | a tab is loaded, in its own or another browser |
//! | `p` | tab, patient, page | a picker is answered, from the newest page or an older one of that tab |
//! | `c` | tab, answer, page | a consent page is answered |
//! | `f` | browser, app, scopes, patient | a whole standalone launch, as a user would do it |
//! | `g` | browser, app, scopes, patient | a whole EHR launch |
//! | `r` | code, way | a code is redeemed, rightly or wrongly |
//! | `n` | grant, back, way | a refresh token is used: the current one, or one so many generations back |
//! | `q` | token | an access token is introspected |
//! | `v` | grant, what, way | a token is revoked by its app, or by another |
//! | `m` | browser, what, which | "apps with access": look, end one, end all |
//! | `h` | what, which | the host changes its mind about a user, a record or an app |
//! | `t` | how far | time goes on |
//! | `x` | verb, how | the next call of that verb of the store fails |
//! | `k` | | `tick` |
//! | `y` | order, tab, picker or consent, two answers | one page is answered twice at once |
//! | `z` | order, two of `r` `n` `v` with their arguments | two requests at once |

/// No input says more.
const MAX_COMMANDS: usize = 64;

/// The bytes, read from the front. An argument that is missing is 0.
pub(super) struct Bytes<'a> {
    rest: &'a [u8],
    commands: usize,
}

impl<'a> Bytes<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self { rest: data, commands: 0 }
    }

    /// The next letter that is a command.
    pub(super) fn command(&mut self) -> Option<u8> {
        while let Some((first, rest)) = self.rest.split_first() {
            self.rest = rest;
            if first.is_ascii_lowercase() {
                self.commands += 1;
                return (self.commands <= MAX_COMMANDS).then_some(*first);
            }
        }
        None
    }

    pub(super) fn next(&mut self) -> usize {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(if first.is_ascii_digit() { first - b'0' } else { *first })
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.next() % bound.max(1)
    }
}

/// A request of an app's server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Redeem { grant: usize, way: Redeeming },
    Refresh { grant: usize, back: usize, way: Refreshing },
    Revoke { grant: usize, what: Revoking, by_another: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Redeeming {
    Right,
    OtherClient,
    WrongVerifier,
    WrongRedirect,
    WrongSecret,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refreshing {
    Right,
    OtherClient,
    Narrower,
    Wider,
    WrongSecret,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Revoking {
    Access,
    Refresh { back: usize },
}

impl Ask {
    /// Reads the arguments of `r`, `n` or `v`.
    pub(super) fn read(letter: u8, bytes: &mut Bytes<'_>) -> Self {
        let grant = bytes.next();
        match letter {
            b'r' => Self::Redeem {
                grant,
                way: match bytes.next() {
                    1 => Redeeming::OtherClient,
                    2 => Redeeming::WrongVerifier,
                    3 => Redeeming::WrongRedirect,
                    4 => Redeeming::WrongSecret,
                    _ => Redeeming::Right,
                },
            },
            b'n' => Self::Refresh {
                grant,
                back: bytes.below(4),
                way: match bytes.next() {
                    1 => Refreshing::OtherClient,
                    2 => Refreshing::Narrower,
                    3 => Refreshing::Wider,
                    4 => Refreshing::WrongSecret,
                    _ => Refreshing::Right,
                },
            },
            _ => Self::Revoke {
                grant,
                what: match bytes.next() {
                    0 => Revoking::Access,
                    more => Revoking::Refresh { back: (more - 1) % 4 },
                },
                by_another: bytes.next() == 1,
            },
        }
    }
}
