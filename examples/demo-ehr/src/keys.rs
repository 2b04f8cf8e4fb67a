//! `demo-ehr keys`: the signing keys, listed, rotated, withdrawn, also while the hospital is open.
//!
//! A key is announced before it signs, so that everybody who keeps a copy of the key set has it, and stays published after its
//! successor took over, until the last token that it signed is over. The open hospital takes every change in at its next tick.

use std::fmt::Write as _;
use std::path::Path;

use vestibule_host::{Clock as _, KeyId, SystemClock};
use vestibule_jose::{KeyPhase, KeyRole, KeyStatus, LocalKeyRing};

use crate::database::Store;
use crate::embed::{Storage, StorageError};
use crate::hospital::StartError;
use crate::options::KeysAction;

/// Does it, and says what the keys are then.
///
/// # Errors
/// A store without keys that last, an unknown id, or a store that cannot be opened.
pub(crate) async fn run(
    store: &Store,
    file: Option<&Path>,
    issuer: &str,
    action: &KeysAction,
) -> Result<String, StartError> {
    if *store == Store::Memory && file.is_none() {
        return Err(StartError::NoKeysInMemory);
    }
    let storage = Storage::open(store, file, issuer).await?;
    let done = act(&storage.keys, action).await;
    storage.close().await;
    done?;
    Ok(table(&storage.keys.keys()))
}

async fn act(keys: &LocalKeyRing, action: &KeysAction) -> Result<(), StorageError> {
    let now = SystemClock.now();
    match action {
        KeysAction::List => {}
        KeysAction::Rotate => {
            let signing = keys.keys().into_iter().filter(|key| matches!(key.phase, KeyPhase::Active { .. }));
            for key in signing {
                keys.announce(key.role, key.alg, now).await?;
            }
            keys.announce_seal_master(now).await?;
        }
        KeysAction::Revoke { kid } => keys.revoke_key(&KeyId::new(kid), now).await?,
    }
    Ok(())
}

/// One line a key.
fn table(keys: &[KeyStatus]) -> String {
    let mut text = format!("{:<44} {:<13} {:<6} state", "id", "signs", "with");
    for key in keys {
        let signs = match key.role {
            KeyRole::AccessToken => "access tokens",
            KeyRole::IdToken => "ID tokens",
        };
        let state = match key.phase {
            KeyPhase::Pending { signs_from } => format!("announced, signs from {}", time(signs_from.0)),
            KeyPhase::Active { .. } => "signs".to_owned(),
            KeyPhase::Retired { published_until } => {
                format!("verifies until {}", time(published_until.0))
            }
        };
        // Writing into a text does not fail.
        let _ = write!(text, "\n{:<44} {signs:<13} {:<6} {state}", key.id.as_str(), key.alg.name());
    }
    text
}

fn time(millis: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
