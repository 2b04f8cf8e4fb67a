//! Keys, tenants, bytes and time.

use std::time::Duration;

use vestibule_host::{
    AccessKey, Advanced, ClientId, GrantId, GrantKey, Issuance, IssueToken, NewEvent, NewRefresh, PutLaunch,
    Redemption, Revision, Revocation, Rotation, SessionId, TokenId, TokenIssuance, UnixMillis, UserId,
};

use super::Factory;
use super::rows::{
    RIGHT, Rows, access, advance, at, code, event_id, handle, interaction, issue, launch, record, rotate,
    token,
};
use crate::suite::{Verdict, same};

/// Texts that a collation, a trim, a C string or a normalisation would take for one another.
const LOOKALIKES: [&str; 10] =
    ["app", "App", "APP", "app ", " app", "app\0", "app\0x", "caf\u{e9}", "cafe\u{301}", "\u{ff41}pp"];

/// A store that folds case gives one user the grants of another.
pub async fn keys_are_compared_byte_for_byte(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for (n, text) in (0..).zip(LOOKALIKES) {
        let mut op = issue(n, None, None);
        op.grant.id = GrantId::new(text);
        op.grant.user = UserId::new(text);
        op.grant.client = ClientId::new(text);
        op.grant.session = Some(SessionId::new(text));
        same!(rows.store.issue_code(&op, &rows.call(0)).await?, Issuance::Won, "issuing {text:?}");
    }
    for text in LOOKALIKES {
        let found = rows.store.grant(GrantKey::Id(&GrantId::new(text)), &rows.call(0)).await?;
        same!(found.map(|grant| grant.user.as_str().to_owned()), Some(text.to_owned()), "the grant {text:?}");
        let listed = rows.store.grants_of(&UserId::new(text), None, 99, &rows.call(0)).await?;
        let listed: Vec<_> = listed.iter().map(|grant| grant.id.as_str()).collect();
        same!(listed, vec![text], "the grants of {text:?}");
    }
    let revocations = [
        Revocation::User(UserId::new("App")),
        Revocation::Client(ClientId::new("app ")),
        Revocation::Session(SessionId::new("app\0")),
        Revocation::Grant(GrantId::new("caf\u{e9}")),
        Revocation::UserAndClient(UserId::new("APP"), ClientId::new("APP")),
    ];
    for what in revocations {
        rows.revoke(what.clone(), 1).await?;
    }
    let revoked = ["App", "app ", "app\0", "caf\u{e9}", "APP"];
    for (n, text) in (0..).zip(LOOKALIKES) {
        let due = if revoked.contains(&text) { Redemption::Revoked } else { Redemption::Won };
        same!(rows.redeem(n, RIGHT, 2).await?, due, "the code of {text:?}");
    }
    Ok(())
}

/// The same for what is found or revoked by an access token's id or its app.
pub async fn tokens_are_compared_byte_for_byte(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for (n, text) in (0..).zip(LOOKALIKES) {
        let mut token = access(n);
        token.client = ClientId::new(text);
        let op = IssueToken::new().with_access(Some(token));
        same!(rows.store.issue_token(&op, &rows.call(0)).await?, TokenIssuance::Won, "a token for {text:?}");
    }
    for text in ["App", "app\0"] {
        rows.revoke(Revocation::Client(ClientId::new(text)), 1).await?;
        rows.revoke(Revocation::Token { id: TokenId::new(text), until: at(100) }, 1).await?;
    }
    for (n, text) in (0..).zip(LOOKALIKES) {
        let due = ["App", "app\0"].contains(&text);
        let known = rows.access(n, 1).await?;
        same!(known.map(|known| known.revoked), Some(due), "the token of {text:?}");
        let key = AccessKey::Jwt { id: &TokenId::new(text), grant: None };
        let known = rows.store.access(key, &rows.call(1)).await?;
        same!(known.map(|known| known.revoked), Some(due), "the JWT {text:?}");
    }
    Ok(())
}

/// The tenant is part of every key, byte for byte: the same hashes live side by side.
pub async fn tenants_do_not_see_each_other(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let tenants = ["t", "T", "t ", "t\0", ""];
    for (index, tenant) in tenants.iter().enumerate() {
        let rows = rows.of_tenant(tenant);
        let text = format!("of {index}");
        let put = PutLaunch::new(launch(1), at(1_000), record(&text));
        rows.store.put_launch(&put, &rows.call(0)).await?;
        let mut open = advance(1, None);
        open.record = record(&text);
        let end = rows.store.advance_interaction(&open, &rows.call(0)).await?;
        same!(end, Advanced::Saved(Revision(1)), "the interaction of tenant {tenant:?}");
        let mut op = issue(2, None, None);
        op.grant.record = record(&text);
        same!(
            rows.store.issue_code(&op, &rows.call(0)).await?,
            Issuance::Won,
            "the code of tenant {tenant:?}"
        );
    }
    for (index, tenant) in tenants.iter().enumerate() {
        let rows = rows.of_tenant(tenant);
        let due = Some(record(&format!("of {index}")));
        same!(rows.store.launch(&launch(1), &rows.call(0)).await?, due, "the launch of tenant {tenant:?}");
        let found = rows.store.interaction(&interaction(1), &rows.call(0)).await?;
        same!(found.map(|stored| stored.record), due, "the interaction of tenant {tenant:?}");
        let found = rows.store.grant(GrantKey::Code(&code(2)), &rows.call(0)).await?;
        same!(found.map(|grant| grant.record), due, "the grant of tenant {tenant:?}");
        same!(rows.live(0).await?.len(), 1, "the grants of tenant {tenant:?}");
        same!(rows.redeem(2, RIGHT, 1).await?, Redemption::Won, "the code of tenant {tenant:?}");
    }
    Ok(())
}

/// A record is opaque: any bytes, none, or many.
pub async fn records_come_back_byte_for_byte(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let all: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
    for (n, bytes) in (0..).zip([Vec::new(), vec![0], b"' OR 1=1 --".to_vec(), vec![0xff, 0xfe, 0x00], all]) {
        let stored = vestibule_host::Record(bytes.into());
        let size = stored.0.len();
        let put = PutLaunch::new(launch(n), at(1_000), stored.clone());
        rows.store.put_launch(&put, &rows.call(0)).await?;
        let mut op = issue(n, None, None);
        op.interaction.record = stored.clone();
        op.grant.record = stored.clone();
        same!(rows.store.issue_code(&op, &rows.call(0)).await?, Issuance::Won, "an issue of {size} bytes");
        same!(
            rows.store.launch(&launch(n), &rows.call(0)).await?,
            Some(stored.clone()),
            "a launch of {size} bytes"
        );
        let found = rows.store.interaction(&interaction(n), &rows.call(0)).await?;
        same!(found.map(|found| found.record), Some(stored.clone()), "an interaction of {size} bytes");
        let found = rows.store.grant(GrantKey::Code(&code(n)), &rows.call(0)).await?;
        same!(found, Some(op.grant), "a grant of {size} bytes");
        let mut token = access(n);
        token.record = stored.clone();
        let told = NewEvent { id: event_id(n), record: stored.clone() };
        let op = IssueToken::new().with_access(Some(token)).with_event(Some(told));
        let end = rows.store.issue_token(&op, &rows.call(0)).await?;
        same!(end, TokenIssuance::Won, "a token of {size} bytes");
        let found = rows.access(n, 0).await?.and_then(|known| known.record);
        same!(found, Some(stored.clone()), "a token of {size} bytes");
        let found: Vec<_> = rows.take_events(0).await?.into_iter().map(|event| event.record).collect();
        same!(found, vec![stored], "an event of {size} bytes");
    }
    Ok(())
}

/// A store has no clock: it works in the past and in the far future, and takes steps backwards.
pub async fn only_the_told_time_counts(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    // Before 1970; past the end of 32-bit seconds; at the end of dates with four digits.
    for (n, start) in (0..).zip([-1_000_i64, 0, 2_147_483_648_000, 253_402_300_799_999]) {
        let mut op = issue(n, None, None);
        let mut call = rows.call(0);
        call.now = UnixMillis(start);
        op.interaction.expires = UnixMillis(start + 20);
        op.expires = UnixMillis(start + 10);
        op.grant.keep_until = UnixMillis(start + 30);
        same!(rows.store.issue_code(&op, &call).await?, Issuance::Won, "an issue at {start}");
        for (step, due) in [(10, Redemption::Expired), (11, Redemption::Expired), (9, Redemption::Won)] {
            let mut call = rows.call(0);
            call.now = UnixMillis(start + step);
            let mut op = super::rows::redeem(n, RIGHT).with_refresh(Some(NewRefresh {
                handle: handle(n),
                current: token(n, 0),
                idle_until: UnixMillis(start + 20),
                until: UnixMillis(start + 25),
            }));
            op.keep_until = UnixMillis(start);
            let end = rows.store.redeem_code(&op, &call).await?;
            same!(end, due, "a redemption {step} ms after {start}");
        }
        // A chain takes steps backwards as well; its window is counted from the rotation.
        let mut op = rotate(n, 0);
        (op.idle_until, op.keep_until) = (UnixMillis(start + 22), UnixMillis(start));
        op.window = Duration::from_millis(3);
        let salt = super::rows::salt(n, 1);
        for (step, due) in [
            (20, Rotation::Expired),
            (15, Rotation::Won),
            (17, Rotation::Same { salt }),
            (5, Rotation::Same { salt }),
        ] {
            let mut call = rows.call(0);
            call.now = UnixMillis(start + step);
            let end = rows.store.rotate_refresh(&op, &call).await?;
            same!(end, due, "a refresh {step} ms after {start}");
        }
        call.now = UnixMillis(start + 29);
        let found = rows.store.grant(GrantKey::Code(&code(n)), &call).await?;
        same!(
            found.map(|grant| grant.keep_until),
            Some(UnixMillis(start + 30)),
            "the grant just before its end"
        );
        call.now = UnixMillis(start + 30);
        same!(rows.store.grant(GrantKey::Code(&code(n)), &call).await?, None, "the grant at its end");
    }
    Ok(())
}
