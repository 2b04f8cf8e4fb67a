//! What a `ConsentStore` must do.

use vestibule_host::{
    ClientId, ConsentAsked, ConsentId, ConsentRecord, ConsentStore, PatientId, Tenant, UnixMillis, UserId,
};

use super::{StoreFactory, Verdict, hold, race, same};

type Factory<'a> = &'a dyn StoreFactory<dyn ConsentStore>;

#[doc(hidden)]
#[macro_export]
macro_rules! __consent_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; consents:
            an_answer_is_remembered_for_exactly_its_question
            the_newest_answer_counts
            a_withdrawn_answer_counts_no_more
            answers_of_a_user_come_newest_first
            only_the_given_id_is_an_id
            tenants_do_not_see_each_other
            a_record_comes_back_as_it_was
            concurrent_answers_get_ids_of_their_own
            answers_survive
        }
    };
}

crate::__consent_cases! { __generate_list dyn ConsentStore }

/// The parts of a question, owned.
#[derive(Clone)]
struct Question {
    user: UserId,
    client: ClientId,
    base: &'static str,
    patient: Option<PatientId>,
}

impl Question {
    fn usual() -> Self {
        Self::of("alice", "app", "https://ehr.example/fhir", Some("alice"))
    }

    fn of(user: &str, client: &str, base: &'static str, patient: Option<&str>) -> Self {
        Self {
            user: UserId::new(user),
            client: ClientId::new(client),
            base,
            patient: patient.map(PatientId::new),
        }
    }

    const fn asked(&self) -> ConsentAsked<'_> {
        ConsentAsked {
            user: &self.user,
            client: &self.client,
            base: self.base,
            patient: self.patient.as_ref(),
        }
    }

    fn answer(&self, at: i64) -> ConsentRecord {
        let granted = vec!["patient/*.rs".to_owned(), "launch/patient".to_owned()];
        ConsentRecord::new(&self.asked(), granted, vec!["offline_access".to_owned()], "en", UnixMillis(at))
    }
}

fn tenant() -> Tenant {
    Tenant::new("https://ehr.example")
}

/// Another user, app, base or patient is another question (INT-014), and so is another case of a letter.
pub async fn an_answer_is_remembered_for_exactly_its_question(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let question = Question::usual();
    same!(store.remembered(&tenant(), &question.asked()).await?, None, "nothing was answered yet");
    let id = store.record(&tenant(), &question.answer(1)).await?;
    let found = store.remembered(&tenant(), &question.asked()).await?;
    same!(found.map(|answer| answer.id), Some(id.clone()), "the answer to this question");
    hold!(store.given(&tenant(), &id).await?, "a kept answer stands");
    let base = question.base;
    for other in [
        Question::of("ben", "app", base, Some("alice")),
        Question::of("Alice", "app", base, Some("alice")),
        Question::of("alice", "App", base, Some("alice")),
        Question::of("alice", "app", "https://ehr.example/archive/fhir", Some("alice")),
        Question::of("alice", "app", base, Some("ben")),
        Question::of("alice", "app", base, Some("Alice")),
        Question::of("alice", "app", base, Some("")),
        Question::of("alice", "app", base, None),
    ] {
        let found = store.remembered(&tenant(), &other.asked()).await?;
        same!(
            found,
            None,
            "another question ({} {} {})",
            other.user.as_str(),
            other.client.as_str(),
            other.base
        );
    }
    let without = Question::of("alice", "app", base, None);
    let id = store.record(&tenant(), &without.answer(2)).await?;
    let found = store.remembered(&tenant(), &without.asked()).await?;
    same!(found.map(|answer| answer.id), Some(id), "a question without a patient");
    Ok(())
}

/// Later is newer, whatever the time in the record says.
pub async fn the_newest_answer_counts(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let question = Question::usual();
    let first = store.record(&tenant(), &question.answer(100)).await?;
    let second = store.record(&tenant(), &question.answer(50)).await?;
    hold!(first != second, "two answers have one id");
    let found = store.remembered(&tenant(), &question.asked()).await?;
    same!(found.map(|answer| answer.id), Some(second.clone()), "the newest answer");
    store.withdraw(&tenant(), &second).await?;
    let found = store.remembered(&tenant(), &question.asked()).await?;
    same!(found.map(|answer| answer.id), Some(first), "the newest answer that stands");
    Ok(())
}

/// Withdrawing twice, or what never was, is fine.
pub async fn a_withdrawn_answer_counts_no_more(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let question = Question::usual();
    let kept = store.record(&tenant(), &Question::of("ben", "app", question.base, None).answer(1)).await?;
    let id = store.record(&tenant(), &question.answer(1)).await?;
    for _ in 0..2 {
        store.withdraw(&tenant(), &id).await?;
        hold!(!store.given(&tenant(), &id).await?, "a withdrawn answer stands");
        same!(store.remembered(&tenant(), &question.asked()).await?, None, "a withdrawn answer");
        hold!(
            store.list_for_user(&tenant(), &question.user).await?.is_empty(),
            "a withdrawn answer is listed"
        );
    }
    store.withdraw(&tenant(), &ConsentId::new("never was")).await?;
    hold!(store.given(&tenant(), &kept).await?, "another user's answer was withdrawn");
    let again = store.record(&tenant(), &question.answer(2)).await?;
    hold!(again != id, "the id of a withdrawn answer was used again");
    Ok(())
}

/// The list has what stands, of this user only.
pub async fn answers_of_a_user_come_newest_first(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let question = Question::usual();
    let mut due = Vec::new();
    for at in 0..5 {
        due.insert(0, store.record(&tenant(), &question.answer(at)).await?);
        let _ = store.record(&tenant(), &Question::of("ben", "app", question.base, None).answer(at)).await?;
    }
    store.withdraw(&tenant(), &due.remove(2)).await?;
    let found = store.list_for_user(&tenant(), &question.user).await?;
    same!(found.into_iter().map(|answer| answer.id).collect::<Vec<_>>(), due, "the answers of a user");
    Ok(())
}

/// An id is compared byte for byte; nothing that merely looks like it stands.
pub async fn only_the_given_id_is_an_id(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let id = store.record(&tenant(), &Question::usual().answer(1)).await?;
    for other in [
        format!("0{}", id.as_str()),
        format!(" {}", id.as_str()),
        format!("{}\0", id.as_str()),
        String::new(),
    ] {
        let other = ConsentId::new(other);
        hold!(!store.given(&tenant(), &other).await?, "{other:?} passes for {id:?}");
        store.withdraw(&tenant(), &other).await?;
    }
    hold!(store.given(&tenant(), &id).await?, "a similar id withdrew the answer");
    Ok(())
}

/// The tenant is part of every key.
pub async fn tenants_do_not_see_each_other(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let (question, other) = (Question::usual(), Tenant::new("https://EHR.example"));
    let id = store.record(&tenant(), &question.answer(1)).await?;
    same!(store.remembered(&other, &question.asked()).await?, None, "another tenant's answer");
    hold!(!store.given(&other, &id).await?, "another tenant's answer stands");
    hold!(store.list_for_user(&other, &question.user).await?.is_empty(), "another tenant's answer is listed");
    store.withdraw(&other, &id).await?;
    hold!(store.given(&tenant(), &id).await?, "another tenant withdrew the answer");
    Ok(())
}

/// Nothing is lost of an answer, not even of an odd one.
pub async fn a_record_comes_back_as_it_was(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let question = Question::of("ä\0\"'--", "app;drop", "https://ehr.example/fhir?a=%00&b", Some("p.1-X"));
    let mut record = question.answer(-1);
    record.granted = (0..512).map(|n| format!("patient/Observation.rs?category=c|{n}")).collect();
    record.refused = vec![String::new(), "\u{1F600}".to_owned()];
    record.language = "de-CH".to_owned();
    let id = store.record(&tenant(), &record).await?;
    let found = store.remembered(&tenant(), &question.asked()).await?;
    same!(found.as_ref().map(|answer| (&answer.id, &answer.record)), Some((&id, &record)), "the record");
    Ok(())
}

/// Answers that come at once are all kept.
pub async fn concurrent_answers_get_ids_of_their_own(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    let ids = race(50, |index| {
        let store = std::sync::Arc::clone(&store);
        async move { store.record(&tenant(), &Question::usual().answer(i64::try_from(index).unwrap_or(0))).await }
    });
    let mut seen = Vec::new();
    for id in ids.await? {
        let id = id?;
        hold!(!seen.contains(&id), "{id:?} was given out twice");
        seen.push(id);
    }
    same!(
        store.list_for_user(&tenant(), &UserId::new("alice")).await?.len(),
        50,
        "the number of answers kept"
    );
    Ok(())
}

/// `Ok` means that it survives a restart, where the factory says that anything does.
pub async fn answers_survive(factory: Factory<'_>) -> Verdict {
    if !factory.survives() {
        return Ok(());
    }
    let (question, store) = (Question::usual(), factory.open().await);
    let withdrawn = store.record(&tenant(), &question.answer(1)).await?;
    let id = store.record(&tenant(), &question.answer(2)).await?;
    store.withdraw(&tenant(), &withdrawn).await?;
    drop(store);
    let store = factory.open().await;
    hold!(store.given(&tenant(), &id).await?, "an answer was lost");
    hold!(!store.given(&tenant(), &withdrawn).await?, "a withdrawn answer came back");
    let next = store.record(&tenant(), &question.answer(3)).await?;
    hold!(next != id && next != withdrawn, "an id was used again after a restart");
    Ok(())
}
