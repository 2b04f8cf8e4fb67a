//! The forms behind the pages of an interaction. A handler takes its own inputs only; nothing about app, scope, address or
//! user is read from a form (INT-006, A-CTX-06, -07, -47, -51).

use bytes::Bytes;
use http::header::{ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{Method, Response};
use vestibule_core::authorize::{OfferItem, Who};
use vestibule_core::explain::Endpoint;
use vestibule_core::params::Params;
use vestibule_core::token::refresh_cap;
use vestibule_host::pages::{
    ConsentView, EncountersView, Form, Mistake, PatientsView, Problem, ScopeItem, ScopePart, StayLimits,
    View, field,
};
use vestibule_host::{EncounterId, EncounterQuery, PatientId, PatientQuery, Reach, UnixMillis};

use super::form;
use super::page::{PageKind, languages};
use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::interaction::answer::{AGAIN, redirect};
use crate::interaction::drive::{Interaction, PAGE_SIZE};
use crate::interaction::held::Found;
use crate::interaction::{
    AuthorizeStep, ConsentPrompt, EncounterPrompt, InteractionId, PatientPrompt, StepToken, Turn,
};

/// As many boxes as a request can have scopes, each with its narrower ones, and some.
const MAX_FIELDS: usize = 8 * vestibule_scope::ScopeList::MAX_TOKENS;

/// What the forms of an interaction can carry, read once.
struct Answer<'a> {
    step: StepToken,
    movement: Option<&'a str>,
    chosen: Option<&'a str>,
    search: Option<&'a str>,
    after: Option<&'a str>,
    decision: Option<&'a str>,
    scopes: Vec<&'a str>,
}

impl AuthorizationServer {
    pub(crate) async fn handle_interaction(
        &self,
        head: &Parts,
        body: &Bytes,
        id: &InteractionId,
    ) -> Response<Bytes> {
        let turn = match head.method {
            Method::GET => self.resume(head, id).await,
            Method::POST => self.answer_form(head, body, id).await,
            _ => return self.method_page(head, "GET, POST"),
        };
        match turn {
            Ok(turn) => self.show(head, turn),
            Err(error) => {
                let mut trail = self.inner().trail();
                trail.flow(id.flow(self.config().issuer()));
                self.problem_page(head, &error.after(trail, Endpoint::Interaction))
            }
        }
    }

    async fn answer_form(
        &self,
        head: &Parts,
        body: &Bytes,
        id: &InteractionId,
    ) -> Result<Turn, AuthorizeError> {
        if !self.is_from_here(head) {
            return Err(AuthorizeError::new(Problem::Forged));
        }
        // A consent form repeats `scope` for each ticked box.
        let mut params = Params::up_to(MAX_FIELDS);
        form::append(head, body, &mut params).map_err(|error| AuthorizeError::new(error.into()))?;
        let answer = Answer::read(&params, body)?;
        let now = self.inner().now();
        match self.inner().find(head, id, now).await? {
            Found::Finished(finished) => {
                // INT-015: the same form within 10 s gets the same redirect; INT-016: anything else a page.
                let user = self.inner().host.users.current_user(head).await?;
                let who = user.map(|user| Who { user: user.user, session: user.session });
                let replayed =
                    who.and_then(|who| self.inner().replayed(&finished, head, &who, &answer.step, now));
                let mut trail = self.inner().trail();
                trail.flow(id.flow(self.config().issuer()));
                trail.note("INT-015", "the same form once more, in time", replayed.is_some());
                let Some(answer) = replayed else {
                    return Err(AuthorizeError::new(Problem::Finished).after(trail, Endpoint::Interaction));
                };
                let response = self.send_to_app(&languages(head), None, Vec::new(), &answer)?;
                self.inner().explain(trail, Endpoint::Interaction, AGAIN);
                Ok(Turn { step: AuthorizeStep::Respond(response), cookies: Vec::new() })
            }
            found => {
                let turn = self.asked_in(head, id, found, now).await?;
                match turn.step {
                    AuthorizeStep::SelectPatient(prompt) => patient(prompt, &answer).await,
                    AuthorizeStep::SelectEncounter(prompt) => encounter(prompt, &answer).await,
                    AuthorizeStep::Consent(prompt) => {
                        let language = self.language(head);
                        consent(prompt, &answer, &language).await
                    }
                    step => Ok(Turn { step, cookies: turn.cookies }),
                }
            }
        }
    }

    /// INT-004: a form of ours says where it comes from. With the referrer policy that our pages have, browsers send the origin
    /// of a form as `null`; `Sec-Fetch-Site` then decides. Without either header the step token and the cookies stand alone.
    pub(crate) fn is_from_here(&self, head: &Parts) -> bool {
        let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
            (Some(site), None | Some("null")) => site == "same-origin",
            (Some(site), Some(origin)) => site == "same-origin" && origin == self.config().origin(),
            (None, Some(origin)) => origin == self.config().origin(),
            (None, None) => true,
        }
    }

    fn language(&self, head: &Parts) -> String {
        let wanted = languages(head);
        match &self.inner().pages {
            Some(pages) => pages.language(&wanted),
            None => wanted.into_iter().next().unwrap_or_else(|| "en".to_owned()),
        }
    }

    pub(crate) fn show(&self, head: &Parts, turn: Turn) -> Response<Bytes> {
        let shown = match turn.step {
            AuthorizeStep::SignIn(prompt) => {
                redirect(prompt.location()).ok_or(AuthorizeError::new(Problem::Internal))
            }
            AuthorizeStep::Respond(response) => Ok(response),
            AuthorizeStep::SelectPatient(prompt) => self.show_patients(head, &prompt),
            AuthorizeStep::SelectEncounter(prompt) => self.show_encounters(head, &prompt),
            AuthorizeStep::Consent(prompt) => self.show_consent(head, &prompt),
        };
        let mut response = match shown {
            Ok(response) => response,
            Err(error) => self.problem_page(head, &error),
        };
        for cookie in turn.cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }

    fn show_patients(&self, head: &Parts, prompt: &PatientPrompt) -> Result<Response<Bytes>, AuthorizeError> {
        let interaction = prompt.interaction();
        let (action, step) = (prompt.path(), prompt.step_token()?);
        let page = prompt.page();
        let searched = page.reach == Reach::Searched;
        let view = View::Patients(PatientsView {
            app: self.app_view(&interaction.client, &interaction.redirect),
            user: &interaction.user.display_name,
            form: Form { action: &action, step: &step },
            search: searched.then(|| prompt.search().unwrap_or_default()),
            patients: &page.patients,
            next: page.next.as_deref(),
            mistake: prompt.mistake(),
        });
        Ok(self.page(head, &view, PageKind::of(&interaction.client, &interaction.redirect)))
    }

    fn show_encounters(
        &self,
        head: &Parts,
        prompt: &EncounterPrompt,
    ) -> Result<Response<Bytes>, AuthorizeError> {
        let interaction = prompt.interaction();
        let (action, step) = (prompt.path(), prompt.step_token()?);
        let page = prompt.page();
        let view = View::Encounters(EncountersView {
            app: self.app_view(&interaction.client, &interaction.redirect),
            user: &interaction.user.display_name,
            form: Form { action: &action, step: &step },
            patient: prompt.patient(),
            encounters: &page.encounters,
            next: page.next.as_deref(),
            mistake: prompt.mistake(),
        });
        Ok(self.page(head, &view, PageKind::of(&interaction.client, &interaction.redirect)))
    }

    fn show_consent(&self, head: &Parts, prompt: &ConsentPrompt) -> Result<Response<Bytes>, AuthorizeError> {
        let interaction = prompt.interaction();
        let (action, step) = (prompt.path(), prompt.step_token()?);
        let visit = prompt.encounter().map(|visit| match &visit.date {
            Some(date) => format!("{}, {date}", visit.title),
            None => visit.title.clone(),
        });
        let items = prompt.offer().items().iter().map(scope_item).collect();
        let until = prompt.patient().and_then(|allowed| allowed.until);
        let view = View::Consent(ConsentView {
            app: self.app_view(&interaction.client, &interaction.redirect),
            user: &interaction.user.display_name,
            form: Form { action: &action, step: &step },
            patient: prompt.patient().map(|allowed| &allowed.summary),
            relationship: prompt.patient().and_then(|allowed| allowed.relationship.as_deref()),
            encounter: visit.as_deref(),
            items,
            seconds: self.config().unrefreshed_life().as_secs(),
            stay: self.stay_limits(interaction, until),
            until,
        });
        Ok(self.page(head, &view, PageKind::of(&interaction.client, &interaction.redirect)))
    }
}

impl AuthorizationServer {
    /// What a refresh token of this app would live by (design §9), as far as it is known before there is one.
    fn stay_limits(&self, interaction: &Interaction, until: Option<UnixMillis>) -> StayLimits {
        let config = self.config();
        let cap = refresh_cap(&interaction.client).map(|cap| interaction.now.plus(cap));
        StayLimits {
            offline_idle_seconds: config.offline_life.as_secs(),
            offline_until: [cap, until].into_iter().flatten().min(),
            online_seconds: config.online_life.as_secs(),
        }
    }
}

fn scope_item(item: &OfferItem) -> ScopeItem<'_> {
    ScopeItem {
        scope: &item.scope,
        checked: true,
        sensitive: item.sensitive,
        everything: item.everything,
        parts: item
            .parts
            .iter()
            .map(|(scope, category)| ScopePart { scope, category: category.code })
            .collect(),
    }
}

async fn patient(prompt: PatientPrompt, answer: &Answer<'_>) -> Result<Turn, AuthorizeError> {
    let query = PatientQuery::first(PAGE_SIZE)
        .with_text(answer.search.map(str::to_owned))
        .with_after(answer.after.map(str::to_owned));
    let turn = match (answer.movement, answer.after, answer.chosen) {
        (Some(field::MOVE_CANCEL), ..) => return prompt.cancel(&answer.step).await,
        (Some(field::MOVE_SEARCH), ..) | (None, Some(_), _) => return prompt.looking_for(&query).await,
        (.., Some(patient)) => moved_on(prompt.choose(&answer.step, PatientId::new(patient)).await?)?,
        (.., None) => prompt.again(Mistake::NothingChosen),
    };
    match turn.step {
        // A refused choice shows the list that it was made from.
        AuthorizeStep::SelectPatient(prompt) if query.text.is_some() => prompt.looking_for(&query).await,
        step => Ok(Turn { step, cookies: turn.cookies }),
    }
}

async fn encounter(prompt: EncounterPrompt, answer: &Answer<'_>) -> Result<Turn, AuthorizeError> {
    match (answer.movement, answer.after) {
        (Some(field::MOVE_CANCEL), _) => prompt.cancel(&answer.step).await,
        (Some(field::MOVE_SKIP), _) => moved_on(prompt.skip(&answer.step).await?),
        (None, Some(after)) => {
            prompt.looking_for(&EncounterQuery::first(PAGE_SIZE).with_after(Some(after.to_owned()))).await
        }
        _ => match answer.chosen {
            Some(encounter) => moved_on(prompt.choose(&answer.step, EncounterId::new(encounter)).await?),
            None => Ok(prompt.again(Mistake::NothingChosen)),
        },
    }
}

/// A form that moved the interaction on is answered by a redirect to its next page, so that reload and the back button have a
/// page to show (design §9: redirects after POST are 303). A mistake is said on the same page.
fn moved_on(turn: Turn) -> Result<Turn, AuthorizeError> {
    let path = match &turn.step {
        AuthorizeStep::SelectPatient(prompt) if prompt.mistake().is_none() => prompt.path(),
        AuthorizeStep::SelectEncounter(prompt) if prompt.mistake().is_none() => prompt.path(),
        AuthorizeStep::Consent(prompt) => prompt.path(),
        _ => return Ok(turn),
    };
    let response = redirect(&path).ok_or(AuthorizeError::new(Problem::Internal))?;
    Ok(Turn { step: AuthorizeStep::Respond(response), cookies: turn.cookies })
}

/// INT-008: approval is an explicit value; anything else is a page, and nothing changes.
async fn consent(prompt: ConsentPrompt, answer: &Answer<'_>, language: &str) -> Result<Turn, AuthorizeError> {
    match answer.decision {
        Some(field::DECISION_ALLOW) => prompt.allow(&answer.step, &answer.scopes, language).await,
        Some(field::DECISION_DENY) => prompt.deny(&answer.step).await,
        _ => Err(prompt.without_decision(&answer.step)),
    }
}

impl<'a> Answer<'a> {
    fn read(params: &'a Params, body: &[u8]) -> Result<Self, AuthorizeError> {
        let one = |name| params.one(name).map_err(|_| AuthorizeError::new(Problem::Malformed));
        let step = one(field::STEP)?.ok_or(AuthorizeError::new(Problem::Forged))?;
        Ok(Self {
            step: StepToken::new(step, body),
            movement: one(field::MOVE)?,
            chosen: one(field::PATIENT)?.or(one(field::ENCOUNTER)?),
            search: one(field::SEARCH)?,
            after: one(field::AFTER)?,
            decision: one(field::DECISION)?,
            scopes: params.all(field::SCOPE).map_err(|_| AuthorizeError::new(Problem::Malformed))?,
        })
    }
}
