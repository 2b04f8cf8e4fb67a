//! What the engine wants to show, as values. A page set turns them into HTML; a host may bring its own.
//!
//! The engine decides, checks and sets every header; a page set only draws. Names of form fields are in [`field`].

use std::fmt::Debug;

use vestibule_scope::Scope;

use crate::{EncounterSummary, PatientSummary, UnixMillis};

/// Names of the form fields that the engine reads.
pub mod field {
    /// Hidden: the one-time step token.
    pub const STEP: &str = "step";
    /// Radio: a patient id.
    pub const PATIENT: &str = "patient";
    /// Radio: an encounter id.
    pub const ENCOUNTER: &str = "encounter";
    /// Text: what to search for.
    pub const SEARCH: &str = "q";
    /// Submit button of a picker; its value is the cursor of the next page.
    pub const AFTER: &str = "after";
    /// Submit buttons of a picker: [`MOVE_CHOOSE`], [`MOVE_SEARCH`], [`MOVE_SKIP`], [`MOVE_CANCEL`].
    pub const MOVE: &str = "move";
    /// Choose the ticked entry.
    pub const MOVE_CHOOSE: &str = "choose";
    /// Search.
    pub const MOVE_SEARCH: &str = "search";
    /// Go on without an encounter.
    pub const MOVE_SKIP: &str = "skip";
    /// Give up: the app is told `access_denied`.
    pub const MOVE_CANCEL: &str = "cancel";
    /// Checkbox, repeated: a scope to grant.
    pub const SCOPE: &str = "scope";
    /// Submit buttons of the consent page: [`DECISION_ALLOW`], [`DECISION_DENY`].
    pub const DECISION: &str = "decision";
    /// Grant the ticked scopes.
    pub const DECISION_ALLOW: &str = "allow";
    /// Grant nothing.
    pub const DECISION_DENY: &str = "deny";
    /// Submit button of the "apps with access" page; its value is a grant id.
    pub const REVOKE: &str = "revoke";
    /// Submit button of the "apps with access" page; its value is the id of a remembered answer.
    pub const FORGET: &str = "forget";
    /// Submit button of the page that asks whether all access is to end.
    pub const END_ALL: &str = "end_all";
}

/// What every page has.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// What the browser wants, best first, as language tags.
    pub languages: &'a [String],
    /// The nonce that the page's only `<style>` element must carry; the content security policy allows nothing else.
    pub nonce: &'a str,
    /// The name of the organization that runs the server.
    pub organization: &'a str,
}

/// Where a form goes and the token it carries in a hidden field named [`field::STEP`].
#[derive(Clone, Debug)]
pub struct Form<'a> {
    /// The `action`, a path on this origin. The method is `post`.
    pub action: &'a str,
    /// The step token.
    pub step: &'a str,
}

/// The app that asks.
#[derive(Clone, Debug)]
pub struct AppView<'a> {
    /// Its registered name.
    pub name: &'a str,
    /// Where the answer will be sent: host name, or scheme of a native app (INT-018).
    pub answers_to: &'a str,
    /// Its home page.
    pub home_page: Option<&'a str>,
}

/// "Whose record?"
#[derive(Clone, Debug)]
pub struct PatientsView<'a> {
    /// The app.
    pub app: AppView<'a>,
    /// Who is signed in.
    pub user: &'a str,
    /// The form.
    pub form: Form<'a>,
    /// What was searched for; `Some` draws the search field.
    pub search: Option<&'a str>,
    /// The patients on this page.
    pub patients: &'a [PatientSummary],
    /// The cursor behind the "more" button.
    pub next: Option<&'a str>,
    /// What was wrong with the last try.
    pub mistake: Option<Mistake>,
}

/// "Which visit?"
#[derive(Clone, Debug)]
pub struct EncountersView<'a> {
    /// The app.
    pub app: AppView<'a>,
    /// Who is signed in.
    pub user: &'a str,
    /// The form.
    pub form: Form<'a>,
    /// Whose visits.
    pub patient: &'a PatientSummary,
    /// The encounters on this page.
    pub encounters: &'a [EncounterSummary],
    /// The cursor behind the "more" button.
    pub next: Option<&'a str>,
    /// What was wrong with the last try.
    pub mistake: Option<Mistake>,
}

/// What was wrong with the last try, said on the same page; nothing is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// Nothing was ticked.
    NothingChosen,
    /// The choice cannot be used (any more). Says nothing about whether it exists.
    NotAvailable,
    /// The search text is too long.
    SearchTooLong,
}

/// One line of the consent page.
#[derive(Clone, Debug)]
pub struct ScopeItem<'a> {
    /// The scope; its text is the checkbox's value.
    pub scope: &'a Scope,
    /// Whether the box is ticked at first.
    pub checked: bool,
    /// Deserves a mark: data that people guard more closely, or access that lasts. The right to change data has its own words.
    pub sensitive: bool,
    /// Covers everything, also what is added later (SMART-AUTHZ-071).
    pub everything: bool,
    /// Narrower boxes of the same name, unticked, ignored while this one is ticked (SMART-SCOPE-115).
    pub parts: Vec<ScopePart<'a>>,
}

/// A narrower choice below a line of the consent page.
#[derive(Clone, Debug)]
pub struct ScopePart<'a> {
    /// The scope; its text is the checkbox's value.
    pub scope: &'a Scope,
    /// The category's code, for example `laboratory`.
    pub category: &'a str,
}

/// "Do you agree?"
#[derive(Clone, Debug)]
pub struct ConsentView<'a> {
    /// The app.
    pub app: AppView<'a>,
    /// Who is signed in.
    pub user: &'a str,
    /// The form.
    pub form: Form<'a>,
    /// Whose record, with enough to recognise a mistake (S2).
    pub patient: Option<&'a PatientSummary>,
    /// What the user is to the patient.
    pub relationship: Option<&'a str>,
    /// The encounter, where one is shared.
    pub encounter: Option<&'a str>,
    /// What is asked for.
    pub items: Vec<ScopeItem<'a>>,
    /// For how many seconds the app has access after "allow", without a refresh scope.
    pub seconds: u64,
    /// How long it can go on with a refresh scope.
    pub stay: StayLimits,
    /// When it ends at the latest, whatever is ticked: the end of the user's own access.
    pub until: Option<UnixMillis>,
}

/// How long an app can keep access with a refresh scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StayLimits {
    /// With `offline_access`: it ends when it was not used for so many seconds.
    pub offline_idle_seconds: u64,
    /// With `offline_access`: it ends then, used or not.
    pub offline_until: Option<UnixMillis>,
    /// With `online_access`: it ends after so many seconds, or with the session.
    pub online_seconds: u64,
}

/// Whether an app can come back without asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Staying {
    /// It cannot: what it has runs out.
    Once,
    /// As long as the user stays signed in (`online_access`).
    SignedIn,
    /// Also while the user is away (`offline_access`).
    Away,
}

/// One line of "apps with access".
#[derive(Clone, Debug)]
pub struct GrantLine {
    /// The grant's id: the value of the revoke button.
    pub id: String,
    /// The app's name.
    pub app: String,
    /// Whose record, where the user may still see it.
    pub patient: Option<PatientSummary>,
    /// What the user is to the patient, where the policy says so.
    pub relationship: Option<String>,
    /// What was granted.
    pub scopes: Vec<Scope>,
    /// Since when.
    pub since: UnixMillis,
    /// When tokens were last issued under it.
    pub used: UnixMillis,
    /// Until when at most; with [`Staying::Away`] unless it is used before.
    pub until: UnixMillis,
    /// Whether the app can come back without asking.
    pub staying: Staying,
    /// How many other grants of the app end with this one: all for the same record, as those of another device.
    pub together: usize,
}

/// An answer that would let an app in again without a question, though it has no access now.
#[derive(Clone, Debug)]
pub struct RememberedLine {
    /// The consent's id: the value of the forget button.
    pub id: String,
    /// The app's name.
    pub app: String,
    /// Whose record, where the user may still see it.
    pub patient: Option<PatientSummary>,
    /// What was agreed to.
    pub scopes: Vec<Scope>,
    /// When.
    pub since: UnixMillis,
}

/// What "apps with access" has just done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// One access ended.
    Revoked,
    /// An answer was forgotten.
    Forgotten,
    /// All access ended, and all answers were forgotten.
    EndedAll,
}

/// "Apps with access".
#[derive(Clone, Debug)]
pub struct ManageView<'a> {
    /// Who is signed in.
    pub user: &'a str,
    /// The form around each button.
    pub form: Form<'a>,
    /// The live grants of this page, the newest first.
    pub grants: &'a [GrantLine],
    /// Answers that are remembered without a live grant; on the first page.
    pub remembered: &'a [RememberedLine],
    /// Where the pages before and after this one are.
    pub before: Option<&'a str>,
    /// See [`before`](Self::before).
    pub after: Option<&'a str>,
    /// Where to go to end all access; `None` when there is nothing to end.
    pub end_all: Option<&'a str>,
    /// What was just done.
    pub done: Option<Done>,
}

/// "End all access?": asked once, since it cannot be undone.
#[derive(Clone, Debug)]
pub struct EndAllView<'a> {
    /// Who is signed in.
    pub user: &'a str,
    /// The form around the button.
    pub form: Form<'a>,
    /// The apps' names, each once.
    pub apps: &'a [String],
    /// Back to "apps with access".
    pub back: &'a str,
}

/// Why there is nothing to go on with. Every text is constant: no value of the request is shown (GEN-012).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// The app is not known here.
    UnknownClient,
    /// The app did not name one of its registered addresses.
    UnknownRedirect,
    /// The request cannot be read.
    Malformed,
    /// The request is too large.
    TooLarge,
    /// Wrong method.
    Method,
    /// No such page.
    NotFound,
    /// The interaction is finished: the app was answered already.
    Finished,
    /// The interaction's ten minutes are over, or it never was.
    Expired,
    /// The browser sent no cookie for this interaction.
    NoCookie,
    /// The interaction belongs to somebody else.
    OtherUser,
    /// The form was answered in another tab; the interaction goes on where it is.
    Stale,
    /// The form did not come from a page of ours.
    Forged,
    /// Too much at once; trying again later helps.
    TooMany,
    /// A part of the system is away; trying again helps.
    Unavailable,
    /// A bug on our side.
    Internal,
}

/// How the user gets on from a problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WayOn<'a> {
    /// Go on with this interaction.
    Continue(&'a str),
    /// Go back to the app's home page and start again there.
    App {
        /// The app's name.
        name: &'a str,
        /// Its home page.
        url: &'a str,
    },
    /// Close the window and start again in the app.
    StartAgain,
    /// Try the same page again.
    Retry,
}

/// "That did not work."
#[derive(Clone, Debug)]
pub struct ProblemView<'a> {
    /// What is wrong.
    pub problem: Problem,
    /// How to get on.
    pub way_on: WayOn<'a>,
    /// What to tell the operator.
    pub correlation: &'a str,
}

/// A page that sends a framed browser on, so that its next request is same-site.
#[derive(Clone, Debug)]
pub struct BounceView<'a> {
    /// Where to: a path on this origin.
    pub to: &'a str,
    /// The app.
    pub app: AppView<'a>,
}

/// An answer that the browser posts to the app (`response_mode=form_post`). Draw the form with a button, and the script behind it.
#[derive(Clone)]
pub struct FormPostView<'a> {
    /// The `action`: the app's address. The method is `post`.
    pub to: &'a str,
    /// Hidden fields: names and values.
    pub fields: &'a [(String, String)],
    /// The app's name.
    pub app: &'a str,
    /// The content of a `<script>` element after the form; it must carry `frame.nonce`. Constant, without markup.
    pub script: &'a str,
}

impl Debug for FormPostView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It may hold a code (LOG-001).
        f.debug_struct("FormPostView").field("app", &self.app).finish_non_exhaustive()
    }
}

/// A page.
#[derive(Clone, Debug)]
pub enum View<'a> {
    /// "Whose record?"
    Patients(PatientsView<'a>),
    /// "Which visit?"
    Encounters(EncountersView<'a>),
    /// "Do you agree?"
    Consent(ConsentView<'a>),
    /// "Apps with access".
    Manage(ManageView<'a>),
    /// "End all access?"
    EndAll(EndAllView<'a>),
    /// "That did not work."
    Problem(ProblemView<'a>),
    /// A step between two pages in a frame.
    Bounce(BounceView<'a>),
    /// An answer to the app.
    FormPost(FormPostView<'a>),
}

/// Draws pages.
///
/// # Contract
/// Returns a whole HTML document. All styling is in one `<style>` element that carries `frame.nonce`; there is no
/// image, nothing from elsewhere and no script but [`FormPostView::script`], since the content security policy forbids it. Values are escaped: names of apps and
/// patients come from outside.
pub trait Pages: Debug + Send + Sync {
    /// The document.
    fn render(&self, view: &View<'_>, frame: &Frame<'_>) -> String;

    /// The language that [`render`](Self::render) would use, for the consent record.
    fn language(&self, languages: &[String]) -> String;
}
