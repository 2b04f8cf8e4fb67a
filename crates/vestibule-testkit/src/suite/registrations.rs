//! What a `ClientRegistrar` must do.

use std::sync::Arc;

use vestibule_host::registration::{CreateClient, Created, DeleteClient, SpendToken, UpdateClient, Updated};
use vestibule_host::{
    ClientAuthentication, ClientId, ClientRegistrar, ClientStatus, InitialTokenHash, RegisteredClient,
    Registration, RegistrationTokenHash, Revision, StoreFault, UnixMillis,
};

use super::{Broken, StoreFactory, Verdict, hold, race, same};

type Factory<'a> = &'a dyn StoreFactory<dyn ClientRegistrar>;

#[doc(hidden)]
#[macro_export]
macro_rules! __registrar_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; registrations:
            a_registration_comes_back_as_it_was
            an_id_is_taken_once
            an_initial_token_buys_one_registration
            a_spent_token_is_remembered_until_its_end
            what_is_not_kept_spends_nothing
            a_token_finds_its_own_registration
            a_change_names_revision_and_token
            a_change_replaces_the_whole
            a_removed_client_is_unknown
            only_enabled_origins_are_known
            of_many_with_one_token_one_wins
            of_many_changes_one_wins
            a_full_registrar_keeps_what_it_has
            registrations_survive
        }
    };
}

crate::__registrar_cases! { __generate_list dyn ClientRegistrar }

const NOW: UnixMillis = UnixMillis(1_000);

/// The `number`th app, with an origin of its own.
fn registration(number: u8) -> Result<Registration, Broken> {
    let scopes = "launch/patient patient/*.rs".parse().map_err(|error| Broken(format!("{error}")))?;
    let uri = format!("https://app-{number}.example/cb");
    let id = ClientId::new(format!("app-{number}"));
    let mut client = RegisteredClient::new(id, ClientAuthentication::Public, &uri, scopes);
    client.allowed_origins = vec![format!("https://app-{number}.example")];
    client.version = client.fingerprint();
    let ceiling = client.scopes.clone();
    Ok(Registration::new(client, Default::default(), ceiling, NOW, RegistrationTokenHash::new([number; 32])))
}

const fn spend(number: u8, keep_until: Option<i64>) -> Option<SpendToken> {
    let hash = InitialTokenHash::new([number; 32]);
    match keep_until {
        Some(end) => Some(SpendToken { hash, keep_until: Some(UnixMillis(end)) }),
        None => Some(SpendToken { hash, keep_until: None }),
    }
}

async fn create(
    store: &Arc<dyn ClientRegistrar>,
    number: u8,
    spends: Option<SpendToken>,
    now: i64,
) -> Result<Created, Broken> {
    Ok(store.create(&CreateClient::new(registration(number)?, spends, UnixMillis(now))).await?)
}

/// The registration after a change that `change` makes.
fn changed(before: &Registration, change: impl FnOnce(&mut Registration)) -> UpdateClient {
    let mut after = before.clone();
    change(&mut after);
    after.revision = Revision(before.revision.0 + 1);
    UpdateClient::new(before.revision, after)
}

/// By its token and by its id, down to the last field.
pub async fn a_registration_comes_back_as_it_was(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let mut kept = registration(1)?.with_statement(Some("a.b.c".to_owned()));
    kept.details.contacts = vec!["ä \"'\\ help@app.example".to_owned()];
    kept.client.name = "Äpp <b>&amp;</b>".to_owned();
    kept.client.status = ClientStatus::Pending;
    same!(store.registration(&kept.token).await?, None, "nothing is registered yet");
    same!(
        store.create(&CreateClient::new(kept.clone(), None, NOW)).await?,
        Created::Won,
        "a new registration"
    );
    same!(store.client(&kept.client.id).await?, Some(kept.client.clone()), "the client by its id");
    same!(store.registration(&kept.token).await?, Some(kept), "the registration by its token");
    Ok(())
}

/// Nobody is ever replaced by a new registration, whatever else it brings.
pub async fn an_id_is_taken_once(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    same!(create(&store, 1, None, 1).await?, Created::Won, "a new registration");
    let mut twin = registration(1)?;
    twin.token = RegistrationTokenHash::new([9; 32]);
    twin.client.name = "Twin".to_owned();
    same!(store.create(&CreateClient::new(twin.clone(), None, NOW)).await?, Created::IdTaken, "the same id");
    same!(store.registration(&twin.token).await?, None, "the token of what was not kept");
    same!(store.registration(&registration(1)?.token).await?, Some(registration(1)?), "the first one");
    Ok(())
}

/// A token that was spent buys nothing, for any app, also when the app that it bought is gone.
pub async fn an_initial_token_buys_one_registration(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    same!(create(&store, 1, spend(7, None), 1).await?, Created::Won, "a new token");
    same!(create(&store, 2, spend(7, None), i64::MAX).await?, Created::TokenSpent, "a spent token");
    same!(store.client(&ClientId::new("app-2")).await?, None, "what was not kept");
    let first = registration(1)?;
    store.delete(&DeleteClient::new(first.client.id.clone(), first.token)).await?;
    same!(create(&store, 2, spend(7, None), 3).await?, Created::TokenSpent, "a spent token, its app removed");
    same!(create(&store, 2, spend(8, None), 4).await?, Created::Won, "another token");
    same!(create(&store, 3, None, 5).await?, Created::Won, "no token");
    Ok(())
}

/// Until the token has ended by itself, to the millisecond.
pub async fn a_spent_token_is_remembered_until_its_end(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    same!(create(&store, 1, spend(7, Some(500)), 1).await?, Created::Won, "a new token");
    same!(create(&store, 2, spend(7, Some(500)), 499).await?, Created::TokenSpent, "just before the end");
    Ok(())
}

/// A token is spent with what it bought, or not at all.
pub async fn what_is_not_kept_spends_nothing(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    same!(create(&store, 1, None, 1).await?, Created::Won, "a new registration");
    same!(create(&store, 1, spend(7, None), 2).await?, Created::IdTaken, "the same id");
    same!(create(&store, 2, spend(7, None), 3).await?, Created::Won, "the token, which bought nothing yet");
    Ok(())
}

/// No other client's, and none at all for another token.
pub async fn a_token_finds_its_own_registration(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    for number in 1..=3 {
        same!(create(&store, number, None, 1).await?, Created::Won, "a new registration");
    }
    for number in 1..=3 {
        let due = registration(number)?;
        same!(store.registration(&due.token).await?, Some(due), "the registration of a token");
    }
    let mut near = [2; 32];
    near[31] = 3;
    same!(store.registration(&RegistrationTokenHash::new(near)).await?, None, "a token of nobody");
    Ok(())
}

/// Both are preconditions: of who changes, and of what was looked at.
pub async fn a_change_names_revision_and_token(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let first = registration(1)?;
    same!(create(&store, 1, None, 1).await?, Created::Won, "a new registration");
    same!(create(&store, 2, None, 1).await?, Created::Won, "a new registration");
    let stolen = changed(&first, |it| it.token = RegistrationTokenHash::new([2; 32]));
    same!(store.update(&stolen).await?, Updated::Gone, "another client's token");
    let nobody = changed(&registration(9)?, |_| {});
    same!(store.update(&nobody).await?, Updated::Gone, "a client that never was");
    let mut late = changed(&first, |_| {});
    late.expected = Revision(5);
    same!(store.update(&late).await?, Updated::Stale, "a revision that never was");
    same!(store.registration(&first.token).await?, Some(first.clone()), "nothing was changed");
    same!(store.update(&changed(&first, |_| {})).await?, Updated::Won, "the change");
    same!(store.update(&changed(&first, |_| {})).await?, Updated::Stale, "the change, from what was before");
    Ok(())
}

/// Everything of what was before is gone, its origins too.
pub async fn a_change_replaces_the_whole(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let mut first = registration(1)?;
    first.details.software_id = Some("app".to_owned());
    same!(store.create(&CreateClient::new(first.clone(), None, NOW)).await?, Created::Won, "a new one");
    let change = changed(&first, |it| {
        it.client.redirect_uris = vec!["https://new.example/cb".to_owned()];
        it.client.allowed_origins = vec!["https://new.example".to_owned()];
        it.client.status = ClientStatus::Enabled;
        it.details = Default::default();
    });
    same!(store.update(&change).await?, Updated::Won, "the change");
    same!(store.client(&first.client.id).await?, Some(change.registration.client.clone()), "the client");
    same!(store.registration(&first.token).await?, Some(change.registration), "the registration");
    hold!(store.is_known_origin("https://new.example").await?, "the new origin is not known");
    hold!(!store.is_known_origin("https://app-1.example").await?, "the old origin is still known");
    Ok(())
}

/// With its token and its origin; and nobody else is.
pub async fn a_removed_client_is_unknown(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let (first, second) = (registration(1)?, registration(2)?);
    same!(create(&store, 1, None, 1).await?, Created::Won, "a new registration");
    same!(create(&store, 2, None, 1).await?, Created::Won, "a new registration");
    store.delete(&DeleteClient::new(first.client.id.clone(), second.token)).await?;
    same!(store.registration(&first.token).await?, Some(first.clone()), "removed with another's token");
    same!(store.registration(&second.token).await?, Some(second.clone()), "removed by another's id");
    for _ in 0..2 {
        store.delete(&DeleteClient::new(first.client.id.clone(), first.token)).await?;
        same!(store.client(&first.client.id).await?, None, "a removed client");
        same!(store.registration(&first.token).await?, None, "the token of a removed client");
        hold!(!store.is_known_origin("https://app-1.example").await?, "the origin of a removed client");
    }
    same!(store.update(&changed(&first, |_| {})).await?, Updated::Gone, "a change of what was removed");
    same!(store.client(&second.client.id).await?, Some(second.client), "the other client");
    Ok(())
}

/// An app that nobody looked at does not open anything to its origin (CORS-003).
pub async fn only_enabled_origins_are_known(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let mut waiting = registration(1)?;
    waiting.client.status = ClientStatus::Pending;
    same!(store.create(&CreateClient::new(waiting.clone(), None, NOW)).await?, Created::Won, "a new one");
    hold!(!store.is_known_origin("https://app-1.example").await?, "the origin of an app that waits");
    let enabled = changed(&waiting, |it| it.client.status = ClientStatus::Enabled);
    same!(store.update(&enabled).await?, Updated::Won, "the change");
    hold!(store.is_known_origin("https://app-1.example").await?, "the origin of an enabled app");
    let disabled = changed(&enabled.registration, |it| it.client.status = ClientStatus::Disabled);
    same!(store.update(&disabled).await?, Updated::Won, "the change");
    hold!(!store.is_known_origin("https://app-1.example").await?, "the origin of a disabled app");
    Ok(())
}

/// Single use is decided in the commit, not before.
pub async fn of_many_with_one_token_one_wins(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let outcomes = race(16, |index| {
        let (store, number) = (Arc::clone(&store), u8::try_from(index).unwrap_or(0));
        async move { create(&store, number, spend(7, None), 1).await }
    });
    let mut won = 0;
    for outcome in outcomes.await? {
        match outcome? {
            Created::Won => won += 1,
            other => same!(other, Created::TokenSpent, "one of many with one token"),
        }
    }
    same!(won, 1, "registrations that one token bought");
    Ok(())
}

/// Of many that saw the same registration.
pub async fn of_many_changes_one_wins(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let first = registration(1)?;
    same!(create(&store, 1, None, 1).await?, Created::Won, "a new registration");
    let outcomes = race(16, |index| {
        let store = Arc::clone(&store);
        let change = changed(&first, |it| it.client.name = format!("App {index}"));
        async move { (store.update(&change).await, change.registration) }
    });
    let mut winner = None;
    for (outcome, after) in outcomes.await? {
        match outcome? {
            Updated::Won => {
                hold!(winner.is_none(), "two changes of one revision won");
                winner = Some(after);
            }
            other => same!(other, Updated::Stale, "one of many changes"),
        }
    }
    hold!(winner.is_some(), "no change won");
    same!(store.registration(&first.token).await?, winner, "what stands now");
    Ok(())
}

/// Full is a fault, and nobody makes room.
pub async fn a_full_registrar_keeps_what_it_has(factory: Factory<'_>) -> Verdict {
    let Some(store) = factory.open_small().await else { return Ok(()) };
    let mut kept = Vec::new();
    for number in 0..=u8::MAX {
        match store.create(&CreateClient::new(registration(number)?, spend(number, None), NOW)).await {
            Ok(outcome) => same!(outcome, Created::Won, "a new registration"),
            Err(StoreFault::Full) => break,
            Err(other) => return Err(other.into()),
        }
        kept.push(number);
    }
    hold!(kept.len() < 256, "a small registrar is never full");
    for number in kept {
        let due = registration(number)?;
        same!(store.registration(&due.token).await?, Some(due), "what was kept before it was full");
    }
    Ok(())
}

/// `Ok` means that it survives a restart, where the factory says that anything does.
pub async fn registrations_survive(factory: Factory<'_>) -> Verdict {
    if !factory.survives() {
        return Ok(());
    }
    let store = factory.open().await;
    same!(create(&store, 1, spend(7, None), 1).await?, Created::Won, "a new registration");
    same!(create(&store, 2, None, 1).await?, Created::Won, "a new registration");
    let (first, second) = (registration(1)?, registration(2)?);
    store.delete(&DeleteClient::new(second.client.id.clone(), second.token)).await?;
    drop(store);
    let store = factory.open().await;
    same!(store.registration(&first.token).await?, Some(first), "a registration after a restart");
    same!(store.registration(&second.token).await?, None, "a removed registration after a restart");
    same!(create(&store, 3, spend(7, None), 2).await?, Created::TokenSpent, "a spent token after a restart");
    Ok(())
}
