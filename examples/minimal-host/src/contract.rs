//! The host's own parts, held to what their traits promise.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use axum::extract::State;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use vestibule_host::*;
use vestibule_jose::{KeyRole, LocalKeyRing, SystemRandom};
use vestibule_testkit::suite::Arranged;
use vestibule_testkit::suite::patients::{PatientWorld, Person};
use vestibule_testkit::suite::rings::RingWorld;
use vestibule_testkit::suite::users::UserWorld;

use crate::{EHR, PATIENTS, Patients, Users};

#[derive(Default)]
struct Browsers(Arc<Users>);

#[async_trait]
impl UserWorld for Browsers {
    async fn open(&self) -> Arc<dyn UserAuthenticator> {
        self.0.clone()
    }

    /// Pat presses the button.
    async fn sign_in(&self, person: usize) -> Option<Parts> {
        if person > 0 {
            return None;
        }
        let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(EHR))]);
        let form = http::Uri::from_static("/sign-in?/auth/interaction");
        let answer = crate::sign_in(State(self.0.clone()), form, headers).await;
        let cookie = answer.headers().get(header::SET_COOKIE)?.to_str().ok()?;
        let (mut head, ()) = http::Request::new(()).into_parts();
        let cookie = HeaderValue::from_str(cookie.split(';').next()?).ok()?;
        head.headers.insert(header::COOKIE, cookie);
        Some(head)
    }

    /// There is no button for it; a restart forgets who is signed in.
    async fn sign_out(&self, _: &Parts) -> Arranged {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Arranged::Done
    }

    async fn shut_out(&self, _: usize) -> Arranged {
        Arranged::Never
    }

    async fn cut(&self) -> Arranged {
        Arranged::Never
    }
}

mod users {
    vestibule_testkit::user_suite!(super::Browsers::default());
}

struct TwoRecords;

#[async_trait]
impl PatientWorld for TwoRecords {
    async fn open(&self) -> Arc<dyn PatientAccessPolicy> {
        Arc::new(Patients)
    }

    async fn people(&self) -> Vec<Person> {
        let (user, session) = (UserId::new("pat"), SessionId::new("session"));
        let user = SignedInUser::new(user, "subject-1", session, UnixMillis(0), UserKind::Patient);
        let may_open = PATIENTS.map(|(id, _)| PatientId::new(id)).to_vec();
        vec![Person { user, client: ClientId::new("app"), may_open, may_not_open: Vec::new() }]
    }

    async fn end(&self, _: &UserId, _: &PatientId) -> Arranged {
        Arranged::Never
    }

    async fn cut(&self) -> Arranged {
        Arranged::Never
    }
}

mod patients {
    vestibule_testkit::patient_suite!(super::TwoRecords);
}

/// One process, whose keys end with it.
struct OneNode(Arc<LocalKeyRing>);

#[async_trait]
impl RingWorld for OneNode {
    async fn open(&self, _: UnixMillis) -> Arc<dyn KeyRing> {
        self.0.clone()
    }

    async fn rotate(&self, now: UnixMillis) -> Arranged {
        self.0.announce(KeyRole::AccessToken, Alg::Es256, now).await.unwrap();
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        Arranged::Never
    }
}

mod keys {
    vestibule_testkit::ring_suite!(super::OneNode(
        super::LocalKeyRing::ephemeral(&super::SystemRandom).unwrap().into()
    ));
}

mod registry {
    vestibule_testkit::registry_suite!(|apps| super::StaticClients::new(apps).unwrap());
}

#[test]
fn the_apps_of_the_file_can_be_used() {
    let apps = StaticClients::from_json(include_str!("clients.json")).unwrap();
    assert!(apps.iter().all(RegisteredClient::is_enabled) && apps.iter().count() > 0);
}
