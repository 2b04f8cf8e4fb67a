//! The judgement in SQL against `Family::answer`, chain by chain: the same outcome, and the same chain afterwards.

use std::time::Duration;

use tokio_postgres::{Client, Row};
use vestibule_host::family::{Answered, Predecessor, Told};
use vestibule_host::{
    AttemptId, Call, Family, GrantStatus, GrantStore, RefreshHash, RotateRefresh, Rotation, Salt,
    StoredGrant, Tenant, UnixMillis,
};

use crate::ops::{END, bytes, grant_id, issue};
use crate::place::Place;

const NOW: UnixMillis = UnixMillis(1_000_000);

/// Every `x`th of a row of choices, so that a number stands for a combination.
struct Choices(u64);

impl Choices {
    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        let count = u64::try_from(choices.len()).unwrap();
        let chosen = choices[usize::try_from(self.0 % count).unwrap()];
        self.0 /= count;
        chosen
    }
}

fn hash(n: u32) -> RefreshHash {
    RefreshHash::new(bytes(n))
}

const PRESENTED: u32 = 1;
const NEXT: u32 = 2;

fn attempt(n: u32) -> AttemptId {
    AttemptId::new(bytes(n))
}

/// A chain, its grant's state and a call, one of all that can matter.
fn combination(number: u64) -> (Family, GrantStatus, RotateRefresh, Call) {
    let mut choice = Choices(number);
    let us = attempt(7);
    let current = hash(choice.of(&[PRESENTED, NEXT, 3]));
    let previous =
        choice.of(&[None, Some(PRESENTED), Some(PRESENTED), Some(4)]).map(|previous| Predecessor {
            hash: hash(previous),
            salt: Salt::new(bytes(5)),
            rotated: UnixMillis(
                NOW.0
                    - choice.of(&[
                        0,
                        1,
                        4_999,
                        5_000,
                        59_999,
                        60_000,
                        70_000,
                        -1,
                        -70_000,
                        NOW.0 - (i64::MAX - 3_000),
                    ]),
            ),
            by: choice.of(&[us, attempt(8)]),
            replays: choice.of(&[0, 1, 2, 3, 255]),
        });
    let answered = choice
        .of(&[None, None, Some(Told::Again), Some(Told::TooOften), Some(Told::Reused)])
        .map(|told| Answered { by: choice.of(&[us, attempt(8)]), told });
    let family = Family {
        generation: choice.of(&[0, 9]),
        current,
        previous,
        suspected: choice.of(&[0, 1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 17, 20, 24, 27, 31]),
        idle_until: UnixMillis(NOW.0 + choice.of(&[1_000, 1_000, 1_000, 0, -1])),
        until: UnixMillis(NOW.0 + choice.of(&[1_000, 1_000, 1_000, 0])),
        // An answer that tells a successor again is about a predecessor.
        answered: answered.filter(|answered| previous.is_some() || answered.told != Told::Again),
    };
    let status = choice.of(&[GrantStatus::Live, GrantStatus::Live, GrantStatus::Live, GrantStatus::Revoked]);
    let client = choice.of(&["app", "app", "app", "other"]);
    let window = Duration::from_secs(choice.of(&[60, 0, u64::MAX]));
    let op = RotateRefresh::new(
        crate::ops::handle(0),
        hash(PRESENTED),
        vestibule_host::ClientId::new(client),
        (hash(NEXT), Salt::new(bytes(6))),
        (window, choice.of(&[2, 0])),
        (END, END),
    );
    (family, status, op, Call { tenant: Tenant::new("t"), attempt: us, now: NOW })
}

/// Puts exactly this chain there.
async fn put(client: &Client, n: u32, family: &Family) {
    let previous = family.previous.as_ref();
    let answered = family.answered.as_ref();
    let told = answered.map(|answered| match answered.told {
        Told::Again => 1_i64,
        Told::TooOften => 2,
        Told::Reused => 3,
    });
    let statement = "INSERT INTO vestibule_chains (tenant, handle, grant_id, generation, current, previous, salt, rotated,
             rotated_by, replays, suspected, answered_by, answered, idle_until, until)
         VALUES ('t', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let handle = crate::ops::handle(n);
    client
        .execute(
            statement,
            &[
                &handle.as_bytes().as_slice(),
                &grant_id(n).as_str().as_bytes(),
                &i64::try_from(family.generation).unwrap(),
                &family.current.as_bytes().as_slice(),
                &previous.map(|previous| previous.hash.as_bytes().as_slice()),
                &previous.map(|previous| previous.salt.as_bytes().as_slice()),
                &previous.map(|previous| previous.rotated.0),
                &previous.map(|previous| previous.by.as_bytes().as_slice()),
                &previous.map_or(0, |previous| i64::from(previous.replays)),
                &i64::from(family.suspected),
                &answered.map(|answered| answered.by.as_bytes().as_slice()),
                &told,
                &family.idle_until.0,
                &family.until.0,
            ],
        )
        .await
        .unwrap();
}

fn written(row: &Row) -> Family {
    let fixed = |column: usize| row.get::<_, Option<&[u8]>>(column).map(|bytes| bytes.try_into().unwrap());
    let small = |column: usize| u8::try_from(row.get::<_, i64>(column)).unwrap();
    Family {
        generation: u64::try_from(row.get::<_, i64>(0)).unwrap(),
        current: RefreshHash::new(fixed(1).unwrap()),
        previous: fixed(2).map(|previous| Predecessor {
            hash: RefreshHash::new(previous),
            salt: Salt::new(fixed(3).unwrap()),
            rotated: UnixMillis(row.get(4)),
            by: AttemptId::new(row.get::<_, &[u8]>(5).try_into().unwrap()),
            replays: small(6),
        }),
        suspected: small(7),
        answered: row.get::<_, Option<&[u8]>>(8).map(|by| Answered {
            by: AttemptId::new(by.try_into().unwrap()),
            told: [Told::Again, Told::TooOften, Told::Reused]
                [usize::try_from(row.get::<_, i64>(9)).unwrap() - 1],
        }),
        idle_until: UnixMillis(row.get(10)),
        until: UnixMillis(row.get(11)),
    }
}

/// RT-003, RT-004. `VESTIBULE_CHAINS=100000` for a long run.
#[tokio::test(flavor = "multi_thread")]
async fn sql_judges_as_the_family_does() {
    let chains: u32 = std::env::var("VESTIBULE_CHAINS").map_or(3_000, |number| number.parse().unwrap());
    let place = Place::new();
    let (store, client) = (place.store().await, place.client().await);
    let chain = "SELECT generation, current, previous, salt, rotated, rotated_by, replays, suspected, answered_by, answered,
             idle_until, until FROM vestibule_chains WHERE handle = $1";
    let mut seen = [0_u32; 8];
    for n in 0..chains {
        // Far steps through all combinations, the same in each run.
        let (family, status, mut op, call) =
            combination(u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16);
        op.handle = crate::ops::handle(n);
        let mut grant = issue(n).grant;
        (grant.status, grant.used, grant.keep_until) = (status, UnixMillis(5), UnixMillis(END.0 + NOW.0));
        insert_grant(&client, &grant).await;
        put(&client, n, &family).await;

        let due = family.answer(&op, &grant, &call);
        let end = store.rotate_refresh(&op, &call).await.unwrap();
        assert_eq!(end, due.outcome, "chain {n}: {family:?} {op:?}");
        let after = written(&client.query_one(chain, &[&op.handle.as_bytes().as_slice()]).await.unwrap());
        assert_eq!(
            after,
            due.change.as_ref().map_or(family, |(after, _)| *after),
            "chain {n}: {family:?} {op:?}"
        );
        let kind = match (&end, due.change.is_some()) {
            (Rotation::Won, true) => 0,
            (Rotation::Same { .. }, true) => 1,
            (Rotation::Suspected { .. }, true) => 2,
            (Rotation::Reuse { .. }, true) => 3,
            (Rotation::Suspected { .. }, false) => 4,
            (Rotation::Mismatch | Rotation::Revoked, _) => 5,
            (Rotation::Expired, _) => 6,
            _ => 7,
        };
        seen[kind] += 1;
        let row = client
            .query_one(
                "SELECT revoked, used FROM vestibule_grants WHERE id = $1",
                &[&grant.id.as_str().as_bytes()],
            )
            .await
            .unwrap();
        let is_dead = status == GrantStatus::Revoked || kind == 3;
        assert_eq!(row.get::<_, bool>(0), is_dead, "chain {n}: whether its grant lives");
        assert_eq!(row.get::<_, i64>(1) == NOW.0, due.issues(), "chain {n}: whether its use is noted");
    }
    assert!(seen.iter().all(|count| *count > 0), "some outcome was never due: {seen:?}");
}

async fn insert_grant(client: &Client, grant: &StoredGrant) {
    let statement = "INSERT INTO vestibule_grants (tenant, id, user_id, client, session, keep_until, used, revoked, record)
         VALUES ('t', $1, 'alice', 'app', NULL, $2, $3, $4, '')";
    let revoked = grant.status == GrantStatus::Revoked;
    let id = grant.id.as_str().as_bytes();
    client.execute(statement, &[&id, &grant.keep_until.0, &grant.used.0, &revoked]).await.unwrap();
}
