//! What the hospital answers Vestibule, held to what the traits promise.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use demo_ehr::apps::AppKey;
use demo_ehr::database::{Database, Store};
use demo_ehr::ehr::session::{self, Cookie};
use demo_ehr::embed::Storage;
use demo_ehr::host::clients::{self, Surroundings};
use demo_ehr::host::patients::EhrPatients;
use demo_ehr::host::registrations::Registrations;
use demo_ehr::host::users::EhrUsers;
use demo_ehr::records::{PATIENTS, Records};
use http::request::Parts;
use http::{HeaderValue, header};
use tokio::sync::OnceCell;
use vestibule_host::{
    ClientId, ClientRegistrar, PatientAccessPolicy, PatientId, Registration, SessionId, SignedInUser,
    StaticClients, StoreFault, Tenant, UnixMillis, UserAuthenticator, UserId, UserKind,
};
use vestibule_test_servers::Place;
use vestibule_testkit::suite::Arranged;
use vestibule_testkit::suite::operators::{AsRegistry, RegistrarWorld};
use vestibule_testkit::suite::patients::{PatientWorld, Person};
use vestibule_testkit::suite::users::UserWorld;

/// A hospital of one case, with its tables in memory.
struct Hospital(Database);

impl Hospital {
    fn new() -> Self {
        Self(Database::open(&Store::Memory).unwrap())
    }

    /// The tables are gone: every query fails.
    async fn lose_its_tables(&self) -> Arranged {
        let drop = "DROP VIEW ehr_access; DROP TABLE ehr_sign_in; DROP TABLE ehr_user";
        self.0.run(|c| c.execute_batch(drop)).await.unwrap();
        Arranged::Done
    }

    fn cookie() -> Cookie {
        Cookie::new("session", false)
    }
}

const PEOPLE: [&str; 2] = ["alice", "dr-lee"];

#[async_trait]
impl UserWorld for Hospital {
    async fn open(&self) -> Arc<dyn UserAuthenticator> {
        Arc::new(EhrUsers { database: self.0.clone(), cookie: Self::cookie() })
    }

    /// The password is the name.
    async fn sign_in(&self, person: usize) -> Option<Parts> {
        let name = PEOPLE.get(person)?;
        let secret = session::open(&self.0, name, name, None).await.unwrap()?;
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.headers.insert(header::COOKIE, HeaderValue::from_str(&format!("session={secret}")).unwrap());
        Some(head)
    }

    async fn sign_out(&self, head: &Parts) -> Arranged {
        let open = session::current(&self.0, &head.headers, &Self::cookie()).await.unwrap().unwrap();
        assert_eq!(session::close(&self.0, &open.id).await.unwrap(), [open.id]);
        Arranged::Done
    }

    async fn shut_out(&self, person: usize) -> Arranged {
        let name = PEOPLE[person];
        let gone = format!(
            "DELETE FROM ehr_sign_in WHERE user = '{name}'; DELETE FROM ehr_user WHERE name = '{name}'"
        );
        self.0.run(move |c| c.execute_batch(&gone)).await.unwrap();
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        self.lose_its_tables().await
    }
}

mod users {
    vestibule_testkit::user_suite!(super::Hospital::new());
}

#[async_trait]
impl PatientWorld for Hospital {
    async fn open(&self) -> Arc<dyn PatientAccessPolicy> {
        Arc::new(EhrPatients { database: self.0.clone(), records: Arc::new(Records::current()) })
    }

    /// A parent, a patient, a physician who may open nearly everything, a nurse.
    async fn people(&self) -> Vec<Person> {
        let all = || PATIENTS.iter().map(|patient| patient.id);
        let person = |name: &str, kind, records: Vec<&str>| {
            let (user, session) = (UserId::new(name), SessionId::new("session"));
            Person {
                user: SignedInUser::new(user, "subject", session, UnixMillis(0), kind),
                client: ClientId::new("app"),
                may_not_open: all().filter(|id| !records.contains(id)).map(PatientId::new).collect(),
                may_open: records.into_iter().map(PatientId::new).collect(),
            }
        };
        vec![
            person("alice", UserKind::Patient, vec!["ben", "alice"]),
            person("carol", UserKind::Patient, vec!["carol"]),
            person("dr-lee", UserKind::Clinician, all().filter(|id| *id != "vip").collect()),
            person("nurse-kim", UserKind::Clinician, vec!["carol"]),
        ]
    }

    /// A relationship ends; a physician's reach ends where a record is restricted.
    async fn end(&self, user: &UserId, patient: &PatientId) -> Arranged {
        let row = [user.as_str().to_owned(), patient.as_str().to_owned()];
        self.0
            .run(move |c| {
                let ended = c.execute(
                    "DELETE FROM ehr_relationship WHERE user = ?1 AND patient = ?2",
                    [&row[0], &row[1]],
                )?;
                if ended == 0 {
                    c.execute("UPDATE ehr_patient SET restricted = 1 WHERE id = ?1", [&row[1]])?;
                }
                Ok(())
            })
            .await
            .unwrap();
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        self.lose_its_tables().await
    }
}

mod patients {
    vestibule_testkit::patient_suite!(super::Hospital::new());
}

/// The hospital's registry: the apps that come with it, and those that register themselves beside them.
struct Registry {
    kept: Store,
    storage: OnceCell<Storage>,
    opened: Mutex<HashMap<Tenant, Arc<dyn Registrations>>>,
}

/// Where its files are. The keys are made once for all cases.
static FILES: LazyLock<Place> = LazyLock::new(|| Place::new("registry", "none.pid"));

impl Registry {
    fn new(kept: Store) -> Self {
        Self { kept, storage: OnceCell::new(), opened: Mutex::default() }
    }

    fn in_a_file() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}.sqlite3", NEXT.fetch_add(1, Ordering::Relaxed));
        Self::new(Store::Sqlite(FILES.path().join(name)))
    }

    /// The one that is open, or a new one with these apps beside the built-in ones.
    async fn of(&self, issuer: &Tenant, file: &StaticClients) -> Arc<dyn Registrations> {
        let open = async || {
            let keys = FILES.path().join("keys");
            Storage::open(&self.kept, Some(&keys), issuer.as_str()).await.unwrap()
        };
        let storage = self.storage.get_or_init(open).await;
        let app_key = AppKey::open(None).await.unwrap();
        let around = Surroundings {
            public_url: issuer.as_str(),
            sample_app_url: "https://apps.example",
            key_set_url: "https://apps.example/jwks",
            app_key: &app_key,
        };
        let built_in = clients::registry(around, None).unwrap();
        let mut opened = self.opened.lock().unwrap();
        let known = opened.entry(issuer.clone()).or_insert_with(|| {
            let known = built_in.iter().chain(file.iter()).cloned().collect();
            storage.registrations(issuer.as_str(), StaticClients::new(known).unwrap())
        });
        Arc::clone(known)
    }
}

#[async_trait]
impl RegistrarWorld for Registry {
    async fn open(&self, issuer: &Tenant, file: StaticClients, _: u32) -> Arc<dyn ClientRegistrar> {
        self.of(issuer, &file).await
    }

    async fn newest(
        &self,
        issuer: &Tenant,
        _: Option<&Registration>,
        _: u16,
    ) -> Result<Vec<Registration>, StoreFault> {
        self.of(issuer, &StaticClients::default()).await.newest().await
    }

    async fn registration_of(
        &self,
        issuer: &Tenant,
        id: &ClientId,
    ) -> Result<Option<Registration>, StoreFault> {
        self.of(issuer, &StaticClients::default()).await.of(id).await
    }

    async fn cut(&self) -> Arranged {
        if self.kept == Store::Memory {
            return Arranged::Never;
        }
        self.storage.get().unwrap().close().await;
        Arranged::Done
    }
}

mod registry_in_a_file {
    vestibule_testkit::registry_suite!(super::AsRegistry(super::Registry::in_a_file()));
}

mod registry_in_memory {
    vestibule_testkit::registry_suite!(super::AsRegistry(super::Registry::new(super::Store::Memory)));
}
