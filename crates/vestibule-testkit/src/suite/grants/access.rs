//! Access tokens: opaque ones, and JWTs that were revoked alone.

use vestibule_host::{
    AccessKey, ClientId, GrantStatus, IssueToken, Redemption, Revocation, Revoke, Revoked, Rotation,
    StoreFault, StoredAccess, StoredGrant, TokenIssuance,
};

use super::Factory;
use super::rows::{
    ACCESS, KEEP, RIGHT, Rows, WRONG, access, access_hash, at, grant, grant_id, jti, redeem, redeem_and_open,
    rotate, salt,
};
use crate::suite::{Verdict, hold, same, shape};

impl Rows {
    /// Whether the grant of opaque token `n` lives; `None` if the token is not known.
    async fn token_lives(&self, n: u32, ms: i64) -> Result<Option<bool>, StoreFault> {
        let known = self.access(n, ms).await?;
        Ok(known.map(|known| {
            let dead = known.grant.is_some_and(|grant| grant.status == GrantStatus::Revoked);
            !dead && !known.revoked
        }))
    }
}

/// One look-up tells what the token stands for, until when, and how its grant is (one read for introspection).
pub async fn an_opaque_token_is_found_with_its_grant(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let expected = |n: u32, grant: Option<StoredGrant>| {
        let access = access(n);
        Some(StoredAccess {
            record: Some(access.record),
            expires: Some(access.expires),
            revoked: false,
            grant,
        })
    };
    same!(rows.access(1, 0).await?, None, "a token that never was");
    rows.issue(1).await?;
    let op = redeem_and_open(1).with_access(Some(access(1)));
    same!(rows.store.redeem_code(&op, &rows.call(1)).await?, Redemption::Won, "a redemption");
    let used = |ms| StoredGrant { used: at(ms), ..grant(1) };
    same!(rows.access(1, 1).await?, expected(1, Some(used(1))), "the token of a redemption");
    let op = rotate(1, 0).with_access(Some(access(2)));
    same!(rows.store.rotate_refresh(&op, &rows.call(2)).await?, Rotation::Won, "a refresh");
    same!(rows.access(2, 2).await?, expected(2, Some(used(2))), "the token of a refresh");
    let op = rotate(1, 0).with_access(Some(access(3)));
    let told = rows.store.rotate_refresh(&op, &rows.call(3)).await?;
    same!(told, Rotation::Same { salt: salt(1, 1) }, "a repeated answer");
    same!(rows.access(3, 3).await?, expected(3, Some(used(3))), "the token of a repeated answer");
    same!(rows.access(1, 3).await?, expected(1, Some(used(3))), "the first token after all of this");
    rows.keep_token(4).await?;
    same!(rows.access(4, 3).await?, expected(4, None), "a token without a grant");
    for n in 1..=4 {
        same!(rows.of_tenant("other").access(n, 3).await?, None, "token {n} of another tenant");
        for (ms, due) in [(ACCESS - 1, true), (ACCESS, false), (ACCESS + 1, false)] {
            same!(rows.access(n, ms).await?.is_some(), due, "token {n} after {ms} ms");
        }
    }
    Ok(())
}

/// Whatever ends a grant ends its opaque tokens in the same commit (row 13).
pub async fn an_opaque_token_dies_with_its_grant(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let stored = grant(0);
    let session = stored.session.clone().unwrap_or_else(|| vestibule_host::SessionId::new(""));
    let ends = [
        Some(Revocation::Grant(grant_id(0))),
        Some(Revocation::User(stored.user.clone())),
        Some(Revocation::Client(stored.client.clone())),
        Some(Revocation::UserAndClient(stored.user, stored.client)),
        Some(Revocation::Session(session)),
        None,
        None,
    ];
    for (index, what) in ends.into_iter().enumerate() {
        let rows = rows.of_tenant(&format!("tenant-{index}"));
        rows.issue(0).await?;
        let op = redeem_and_open(0).with_access(Some(access(0)));
        same!(rows.store.redeem_code(&op, &rows.call(1)).await?, Redemption::Won, "a redemption");
        let op = rotate(0, 0).with_access(Some(access(1)));
        same!(rows.store.rotate_refresh(&op, &rows.call(1)).await?, Rotation::Won, "a refresh");
        same!(rows.token_lives(0, 1).await?, Some(true), "a token before the end");
        match what {
            Some(what) => rows.revoke(what, 2).await?,
            None if index % 2 == 0 => {
                shape!(rows.redeem(0, RIGHT, 2).await?, Redemption::Replayed { .. }, "a replay");
            }
            None => shape!(rows.rotate(0, 9, 2).await?, Rotation::Reuse { .. }, "a reuse"),
        }
        for n in 0..=1 {
            same!(rows.token_lives(n, 2).await?, Some(false), "token {n} after end {index}");
        }
        same!(rows.rotate(0, 1, 2).await?, Rotation::Revoked, "the chain after end {index}");
    }
    Ok(())
}

/// An app that is taken out takes its tokens along, and nobody else's.
pub async fn a_clients_tokens_are_revoked_with_it(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let keep = async |n, client: &str| -> Verdict {
        let mut token = access(n);
        token.client = ClientId::new(client);
        let end = rows.store.issue_token(&IssueToken::new().with_access(Some(token)), &rows.call(0)).await?;
        same!(end, TokenIssuance::Won, "a token for {client}");
        Ok(())
    };
    for (n, client) in [(1, "app"), (2, "app"), (3, "App"), (4, "other")] {
        keep(n, client).await?;
    }
    rows.of_tenant("other").keep_token(1).await?;
    rows.revoke(Revocation::User(vestibule_host::UserId::new("app")), 1).await?;
    same!(rows.token_lives(1, 1).await?, Some(true), "a token after a user of its app's name was revoked");
    for _ in 0..2 {
        rows.revoke(Revocation::Client(ClientId::new("app")), 1).await?;
        for (n, due) in [(1, false), (2, false), (3, true), (4, true)] {
            same!(rows.token_lives(n, 1).await?, Some(due), "token {n} after its app was revoked, or not");
        }
        same!(rows.of_tenant("other").token_lives(1, 1).await?, Some(true), "another tenant's token");
    }
    keep(5, "app").await?;
    same!(rows.token_lives(5, 1).await?, Some(true), "a token that was issued afterwards");
    Ok(())
}

/// One token, and nothing beside it; for a JWT as long as it would have lived.
pub async fn a_token_is_revoked_alone(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.keep_token(1).await?;
    rows.keep_token(2).await?;
    rows.revoke(Revocation::Access(access_hash(1)), 1).await?;
    rows.revoke(Revocation::Access(access_hash(9)), 1).await?;
    rows.of_tenant("other").revoke(Revocation::Access(access_hash(2)), 1).await?;
    same!(rows.access(1, 1).await?.map(|known| known.revoked), Some(true), "the token");
    same!(rows.access(2, 1).await?.map(|known| known.revoked), Some(false), "another token");
    same!(rows.access(9, 1).await?, None, "a token that never was");

    let token = |until| Revocation::Token { id: jti(1), until: at(until) };
    same!(rows.jwt_is_revoked(1, 1).await?, Some(false), "a JWT before its revocation");
    rows.revoke(token(1_000), 1).await?;
    // Neither an earlier end nor another tenant's revocation brings it back.
    rows.revoke(token(500), 1).await?;
    rows.of_tenant("other").revoke(Revocation::Token { id: jti(2), until: at(1_000) }, 1).await?;
    for (ms, due) in [(1, true), (999, true), (1_000, false)] {
        same!(rows.jwt_is_revoked(1, ms).await?, Some(due), "the JWT after {ms} ms");
    }
    rows.revoke(token(2_000), 1).await?;
    for (ms, due) in [(1_999, true), (2_000, false)] {
        same!(rows.jwt_is_revoked(1, ms).await?, Some(due), "the JWT with its later end after {ms} ms");
    }
    same!(rows.jwt_is_revoked(2, 1).await?, Some(false), "another JWT");
    Ok(())
}

/// A JWT says itself what it stands for; the store says whether it still does.
pub async fn a_jwt_is_told_how_its_grant_is(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    let known = async |n, ms| {
        let key = AccessKey::Jwt { id: &jti(1), grant: Some(&grant_id(n)) };
        rows.store.access(key, &rows.call(ms)).await
    };
    let told = |grant| Some(StoredAccess { record: None, expires: None, revoked: false, grant });
    same!(known(1, 1).await?, told(Some(grant(1))), "a JWT under a live grant");
    same!(known(9, 1).await?, told(None), "a JWT under a grant that never was");
    same!(known(1, KEEP).await?, told(None), "a JWT under a grant that is no longer kept");
    let elsewhere = rows.of_tenant("other");
    let key = AccessKey::Jwt { id: &jti(1), grant: Some(&grant_id(1)) };
    same!(elsewhere.store.access(key, &elsewhere.call(1)).await?, told(None), "another tenant's JWT");
    rows.revoke(Revocation::Grant(grant_id(1)), 1).await?;
    let dead = StoredGrant { status: GrantStatus::Revoked, ..grant(1) };
    same!(known(1, 1).await?, told(Some(dead.clone())), "a JWT under a grant that was revoked");
    rows.revoke(Revocation::Token { id: jti(1), until: at(100) }, 1).await?;
    let both = Some(StoredAccess { record: None, expires: None, revoked: true, grant: Some(dead) });
    same!(known(1, 1).await?, both, "a JWT that was revoked as well");
    Ok(())
}

/// Inserted only (row 12): a hash that is there already is refused, and the token that has it is as it was.
pub async fn an_opaque_token_is_kept_once(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let mut other = access(1);
    (other.record, other.client) = (super::rows::record("another"), ClientId::new("other"));
    let (op, call) = (IssueToken::new().with_access(Some(access(1))), rows.call(0));
    for n in 0..3 {
        same!(rows.store.issue_token(&op, &call).await?, TokenIssuance::Won, "try {n} of the same attempt");
    }
    let again = IssueToken::new().with_access(Some(other));
    shape!(
        rows.store.issue_token(&again, &rows.call(1)).await,
        Err(StoreFault::NotApplied(_)),
        "a hash that is there"
    );
    let known = rows.access(1, 1).await?;
    same!(known.and_then(|known| known.record), Some(access(1).record), "the token that was there");
    rows.revoke(Revocation::Access(access_hash(1)), 1).await?;
    same!(rows.store.issue_token(&op, &call).await?, TokenIssuance::Won, "the same attempt afterwards");
    let known = rows.access(1, 1).await?;
    same!(known.map(|known| known.revoked), Some(true), "the token after its attempt was repeated");
    Ok(())
}

/// What issues nothing keeps nothing.
pub async fn only_what_issues_keeps_a_token(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    rows.open_chain(2).await?;
    let redeem_with = async |n, binding, ms, token| -> Result<Redemption, StoreFault> {
        rows.store.redeem_code(&redeem(n, binding).with_access(Some(access(token))), &rows.call(ms)).await
    };
    shape!(redeem_with(9, RIGHT, 1, 1).await?, Redemption::NotFound, "no code");
    shape!(redeem_with(1, WRONG, 1, 2).await?, Redemption::Mismatch, "the wrong binding");
    shape!(redeem_with(1, RIGHT, super::rows::CODE, 3).await?, Redemption::Expired, "an expired code");
    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::Won, "the code");
    shape!(redeem_with(1, RIGHT, 1, 4).await?, Redemption::Replayed { .. }, "a replay");
    let rotate_with = async |n, generation, ms, token| -> Result<Rotation, StoreFault> {
        let op = rotate(n, generation).with_access(Some(access(token)));
        rows.store.rotate_refresh(&op, &rows.call(ms)).await
    };
    shape!(rotate_with(9, 0, 1, 5).await?, Rotation::NotFound, "no chain");
    shape!(rotate_with(2, 0, super::rows::IDLE, 6).await?, Rotation::Expired, "a chain that is over");
    same!(rows.rotate(2, 0, 0).await?, Rotation::Won, "a refresh");
    for _ in 0..2 {
        shape!(rows.rotate(2, 0, 6_000).await?, Rotation::Same { .. }, "a counted replay");
    }
    shape!(rotate_with(2, 0, 6_000, 7).await?, Rotation::Suspected { .. }, "a replay too many");
    shape!(rotate_with(2, 9, 6_000, 8).await?, Rotation::Reuse { .. }, "a reuse");
    shape!(rotate_with(2, 1, 6_000, 9).await?, Rotation::Revoked, "a revoked chain");
    for n in 1..=9 {
        same!(rows.access(n, 0).await?, None, "token {n}, which nobody issued");
    }
    Ok(())
}

/// A token that was issued under a grant never passes for one that needs none.
pub async fn a_token_does_not_outlive_its_grants_row(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    let mut token = access(1);
    token.expires = at(2 * KEEP);
    let op = redeem(1, RIGHT).with_access(Some(token));
    same!(rows.store.redeem_code(&op, &rows.call(1)).await?, Redemption::Won, "a redemption");
    hold!(rows.access(1, KEEP - 1).await?.is_some(), "a token just before its grant's end");
    same!(rows.access(1, KEEP).await?, None, "a token at its grant's end");
    rows.store.purge(at(KEEP), 1_000).await?;
    for ms in [0, KEEP, KEEP + 1] {
        same!(rows.access(1, ms).await?, None, "a token whose grant was purged, after {ms} ms");
    }
    let revoke = Revoke::new(Revocation::Client(ClientId::new("app")));
    same!(rows.store.revoke(&revoke, &rows.call(KEEP)).await?, Revoked::Done, "revoking its app");
    same!(rows.access(1, KEEP).await?, None, "the token after that");
    Ok(())
}
