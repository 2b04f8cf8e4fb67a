//! Stores with one planted mistake each. A suite that has never failed proves nothing.
//!
//! Each is the store in memory with a mistake that was made in a real server, or nearly so.

mod beside;
mod keys;
mod names;
mod operators;
mod patients;
mod refresh;
mod registrars;
mod registries;
mod rings;
mod store;
mod token;
mod users;

pub use keys::{KeyMistake, MutantKeys, MutantKeysFactory};
pub use operators::{MutantOperators, OperatorMistake};
pub use patients::{MutantPatients, PatientMistake};
pub use registrars::{MutantClients, RegistrarMistake};
pub use registries::{MutantRegistries, RegistryMistake};
pub use rings::{MutantRing, MutantRings, RingMistake};
pub use store::MutantGrants;
pub use users::{MutantUsers, UserMistake};

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A planted mistake.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Mistake { $($(#[$doc])* $name,)* }

        impl Mistake {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

mistakes! {
    // Codes, interactions, launches.
    /// Looks, waits, then spends: two at once both win.
    UnguardedRedemption,
    /// A lost compare-and-swap is tried again over what is there.
    LastWriterWins,
    /// Codes never end.
    ForgottenExpiry,
    /// The end itself still counts.
    LateByOne,
    /// The tenant is not part of the key.
    OneTenant,
    /// A refused launch is reported as kept.
    SwallowedError,
    /// A replay is said to have killed the grant, and did not.
    ReplayWithoutRevocation,
    /// A wrong binding spends the code.
    MismatchBurns,
    /// A spent code is deleted.
    SpentCodesDeleted,
    /// Users and apps are compared without regard to case.
    CaseFolding,
    /// Grants are read from a copy that lags behind.
    LaggingRead,
    /// A repeated attempt is a new one.
    ForgetfulAttempts,
    /// A lost issue has closed the interaction.
    NonAtomicIssue,
    /// An issue that is abandoned halfway stays halfway.
    HalfDoneWhenDropped,
    /// Purging takes what will be over soon.
    GreedyPurge,
    /// Purging takes as much as there is.
    UnboundedPurge,
    /// Nothing counts against a quota.
    UncountedQuota,
    /// Revoking a session's grants does nothing.
    SessionsNotRevoked,
    /// Issuing a code does not spend the launch.
    LaunchNotSpent,
    /// Claims to survive a crash.
    FalseDurability,

    // Names, boundaries and bounds.
    /// An issue that is repeated after a purge issues once more.
    IssuesAgainAfterPurge,
    /// The names of what is over are given to the next.
    NamesFreedEarly,
    /// An issue that is repeated when its grant is over is a new one.
    OverIssuesForgotten,
    /// Purging leaves what ends at this very moment.
    LazyPurge,
    /// Purging takes what ends a millisecond later.
    HastyPurge,
    /// A row that counts against a quota already is one more each time it is saved.
    QuotaJudgedAgain,
    /// A revocation that is repeated says `Done` without a look.
    RevokesOnlyOnce,
    /// A use by a clock that is behind is no use.
    UseNeverEarlier,
    /// Where there is no room to tell of it, nothing ends.
    NoRoomForEnds,

    // Refresh chains.
    /// Looks, waits, then rotates: two at once both win.
    UnguardedRotation,
    /// The predecessor gets a successor of its own.
    ForkedChain,
    /// A lost answer is lost.
    ForgottenPredecessor,
    /// A lost answer is told again forever.
    EndlessWindow,
    /// What is told again is derived from the second try's salt.
    SaltOverwritten,
    /// Answers are told again without counting.
    UncountedReplays,
    /// A generation that was suspected is like any other afterwards.
    SuspicionForgotten,
    /// A chain that nobody uses does not end.
    RestIgnored,
    /// A chain does not grow too old.
    AgeIgnored,
    /// The token is enough, whoever brings it.
    AnyClientRefreshes,
    /// A revoked grant refreshes.
    RevokedChainsRotate,
    /// A reuse is said to have killed the grant, and did not.
    ReuseWithoutRevocation,
    /// Nobody knows when a grant was used.
    UseNotNoted,
    /// A grant's row is kept as long as the last verb said, also where that is shorter.
    KeepShortened,
    /// A grant's row is kept as long as at first.
    KeepNotExtended,

    // Assertions.
    /// A fault has spent the assertion.
    ClaimBurnsOnFault,
    /// Only a winner spends the assertion.
    ClaimSpentByWinners,
    /// One spent assertion blocks every other.
    ClaimsAreOne,
    /// One tenant's assertions block another's.
    ClaimsOfAllTenants,
    /// Looks, waits, acts, then spends the assertion.
    ClaimOutsideCommit,
    /// A repeated attempt has seen its own assertion.
    OwnClaimSeen,
    /// Where there is no room to remember it, an assertion is accepted unchecked.
    UncheckedWhenFull,

    // Access tokens.
    /// Revoking an app leaves its tokens without a grant alive.
    TokensOutliveTheirApp,
    /// An opaque token does not ask how its grant is.
    TokensOutliveTheirGrant,
    /// A token whose grant's row is gone passes for one that needs none.
    OrphansPass,
    /// A token that is there already is said to be kept.
    TokenReplaced,
    /// A later revocation with an earlier end brings a JWT back.
    RevocationShortened,

    // Events.
    /// Nobody is told of a revocation.
    EventLost,
    /// The event is appended after the commit.
    EventOutsideCommit,
    /// Each try appends an event.
    EventPerTry,
    /// What has not happened is told as well.
    RefusalTold,
    /// A lease does not end.
    LeasedForever,
    /// A lease does not keep others away.
    LeasedTwice,
    /// What was delivered is delivered again.
    AcknowledgementIgnored,
    /// The newest comes first.
    EventsReversed,
    /// Purging takes events along.
    EventsPurged,
}
