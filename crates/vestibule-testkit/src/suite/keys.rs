//! What a `KeyStore` must do.

use std::sync::Arc;

use vestibule_host::{KeyDocument, KeySaved, KeyStore, StoreFault, Tenant};

use super::{StoreFactory, Verdict, hold, race, same};

type Factory<'a> = &'a dyn StoreFactory<dyn KeyStore>;

#[doc(hidden)]
#[macro_export]
macro_rules! __key_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; keys:
            a_document_is_saved_by_compare_and_swap
            a_document_comes_back_byte_for_byte
            the_revision_is_that_of_the_document
            tenants_have_documents_of_their_own
            of_many_first_nodes_one_saves
            of_many_rotations_one_saves
            documents_survive
        }
    };
}

crate::__key_cases! { __generate_list dyn KeyStore }

fn tenant() -> Tenant {
    Tenant::new("https://ehr.example")
}

fn document(text: &str) -> KeyDocument {
    KeyDocument::new(text.as_bytes().to_vec())
}

async fn loaded(store: &dyn KeyStore, tenant: &Tenant) -> Result<Option<(u64, Vec<u8>)>, StoreFault> {
    Ok(store.load(tenant).await?.map(|(revision, document)| (revision, document.expose_secret().to_vec())))
}

/// Who read an old revision gets `Stale` and changes nothing.
pub async fn a_document_is_saved_by_compare_and_swap(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    same!(loaded(&*store, &tenant()).await?, None, "an empty store");
    same!(store.save(&tenant(), Some(1), &document("x")).await?, KeySaved::Stale, "a save over nothing");
    let KeySaved::Saved(first) = store.save(&tenant(), None, &document("one")).await? else {
        return Err(crate::Broken("the first save was refused".to_owned()));
    };
    same!(store.save(&tenant(), None, &document("x")).await?, KeySaved::Stale, "a second first save");
    let KeySaved::Saved(second) = store.save(&tenant(), Some(first), &document("two")).await? else {
        return Err(crate::Broken("a save over what was read was refused".to_owned()));
    };
    hold!(second > first, "the revision does not grow: {first}, {second}");
    same!(
        store.save(&tenant(), Some(first), &document("x")).await?,
        KeySaved::Stale,
        "a save over an old revision"
    );
    same!(loaded(&*store, &tenant()).await?, Some((second, b"two".to_vec())), "what is stored");
    Ok(())
}

/// The bytes are the ring's own; nobody reads them as text.
pub async fn a_document_comes_back_byte_for_byte(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
    let saved = store.save(&tenant(), None, &KeyDocument::new(bytes.clone())).await?;
    hold!(matches!(saved, KeySaved::Saved(_)), "the first save was refused");
    hold!(
        loaded(&*store, &tenant()).await?.is_some_and(|(_, found)| found == bytes),
        "the document was changed"
    );
    Ok(())
}

/// Who only asks for the revision learns of every change.
pub async fn the_revision_is_that_of_the_document(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    same!(store.revision(&tenant()).await?, None, "the revision of nothing");
    let mut expected = None;
    for text in ["one", "two", "two"] {
        let saved = store.save(&tenant(), expected, &document(text)).await?;
        let KeySaved::Saved(revision) = saved else {
            return Err(crate::Broken("a save over what was read was refused".to_owned()));
        };
        expected = Some(revision);
        same!(store.revision(&tenant()).await?, expected, "the revision after a save");
        same!(store.load(&tenant()).await?.map(|(revision, _)| revision), expected, "the loaded revision");
    }
    same!(store.revision(&Tenant::new("another")).await?, None, "another tenant's revision");
    Ok(())
}

/// The tenant is the key, byte for byte.
pub async fn tenants_have_documents_of_their_own(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let other = Tenant::new("https://EHR.example");
    hold!(
        matches!(store.save(&tenant(), None, &document("one")).await?, KeySaved::Saved(_)),
        "the first save"
    );
    same!(loaded(&*store, &other).await?, None, "another tenant's document");
    hold!(
        matches!(store.save(&other, None, &document("two")).await?, KeySaved::Saved(_)),
        "the other's first save"
    );
    same!(
        loaded(&*store, &tenant()).await?.map(|(_, found)| found),
        Some(b"one".to_vec()),
        "the first document"
    );
    Ok(())
}

/// Nodes that start at once must not each have their own keys.
pub async fn of_many_first_nodes_one_saves(factory: Factory<'_>) -> Verdict {
    one_wins(&factory.open().await, None).await
}

/// Nodes that rotate at once must not overwrite each other.
pub async fn of_many_rotations_one_saves(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let KeySaved::Saved(first) = store.save(&tenant(), None, &document("one")).await? else {
        return Err(crate::Broken("the first save was refused".to_owned()));
    };
    one_wins(&store, Some(first)).await
}

async fn one_wins(store: &Arc<dyn KeyStore>, expected: Option<u64>) -> Verdict {
    let saves = race(50, |index| {
        let store = Arc::clone(store);
        async move { (index, store.save(&tenant(), expected, &document(&index.to_string())).await) }
    });
    let mut winner = None;
    for (index, saved) in saves.await? {
        if let KeySaved::Saved(revision) = saved? {
            hold!(winner.is_none(), "two nodes saved over the same revision");
            winner = Some((revision, index.to_string().into_bytes()));
        }
    }
    hold!(winner.is_some(), "no node saved");
    same!(loaded(&**store, &tenant()).await?, winner, "what is stored is the winner's");
    Ok(())
}

/// A document survives a restart, where the factory says that anything does.
pub async fn documents_survive(factory: Factory<'_>) -> Verdict {
    if !factory.survives() {
        return Ok(());
    }
    let store = factory.open().await;
    hold!(
        matches!(store.save(&tenant(), None, &document("one")).await?, KeySaved::Saved(_)),
        "the first save"
    );
    drop(store);
    let store = factory.open().await;
    same!(loaded(&*store, &tenant()).await?.map(|(_, found)| found), Some(b"one".to_vec()), "the document");
    Ok(())
}
