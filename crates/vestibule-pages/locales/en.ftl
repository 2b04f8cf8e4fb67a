# English: the reference. Every other file has the same messages; a missing one falls back to this file.
# Values such as $app and $patient are set apart by the page; no markup here.

direction = ltr

## Frame

frame-user = Signed in as { $user }
error-label = There is a problem
new-tab = (opens in a new tab)

## Choosing a record

patients-title = Choose a record
patients-heading = Whose record may { $app } open?
patients-lead = Choose one person. The app sees nothing until you confirm.
patients-legend = People whose record you can open
patients-search-label = Search by name, birth date or number
patients-search-button = Search
patients-search-hint = Type a name to find the person.
patients-none = You have no record here that you could open.
patients-not-found = Nobody was found for “{ $text }”. Check the spelling or try fewer letters.
patients-results = Results for “{ $text }”
patients-more = Show more people
patients-choose = Continue with this record

## Choosing a visit

encounters-title = Choose a visit
encounters-heading = Which visit is this about?
encounters-lead = { $app } works with one visit at a time. Choose it, or continue without one.
encounters-of = Record of { $patient }
encounters-legend = Visits
encounters-none = There is no visit to choose from.
encounters-more = Show more visits
encounters-choose = Continue with this visit
encounters-skip = Continue without a visit

born = Born { $date }
cancel = Cancel
app-answers-to = Your answer goes to { $host }
app-about = About { $app }

mistake-nothing-chosen = Choose one entry from the list first.
mistake-not-available = That choice cannot be used. Choose another one.
mistake-search-too-long = The search text is too long. Use at most 100 characters.

## Consent

consent-title = Allow access
consent-heading-patient = Let { $app } use the record of { $patient }?
consent-heading-user = Let { $app } use health information for you?
consent-lead = Untick what you do not want to share. Nothing is shared until you choose “Allow”.
consent-app = App
consent-answers-to = Your answer goes to
consent-record = Whose record
consent-relationship = You are
consent-until = Your access ends on
consent-encounter = Visit
consent-duration = How long
consent-duration-value = Up to { $time }, unless you end it sooner.
consent-duration-longer = Longer if you also allow “Keep access” below.
consent-duration-until = Never after { $date }.
consent-group-patient = From the record of { $patient }
consent-group-patient-unnamed = From the chosen record
consent-group-user = From every record that you can open
consent-group-user-hint = Not only one patient: whatever you may see or change here, the app may see or change for you.
consent-group-system = As the app itself, without you
consent-group-identity = About you
consent-group-staying = How long access lasts
consent-group-context = What you are working on
consent-group-other = Other permissions
consent-parts = Share only a part of this
consent-parts-of = Parts of “{ $name }”
consent-parts-hint = Untick the box above, then tick what you want to share. These boxes count only while the one above is unticked.
consent-only = Limited to: { $limit }
consent-nothing = The app asks for nothing that you could share.
consent-after = After you allow it, you can end this access at any time on the page “Apps with access”.
consent-allow = Allow
consent-deny = Do not allow
badge-sensitive = Sensitive
badge-changes = Changes data: { $verbs }
badge-every-record = In every record you can open
badge-future = Also future data

verb-see = See
verb-see-single = Open
verb-search = Search
verb-add = add
verb-change = change
verb-delete = delete
list-comma = { $first }, { $next }

## Time

duration-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
 }
duration-hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
 }
duration-days = { $count ->
    [one] 1 day
   *[other] { $count } days
 }
duration-months = { $count ->
    [one] about 1 month
   *[other] about { $count } months
 }
duration-years = { $count ->
    [one] about 1 year
   *[other] about { $count } years
 }
date = { $day } { $month } { $year }
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

## Apps with access

manage-title = Apps with access
manage-heading = Apps with access
manage-lead = These apps can use health information because you allowed it. You can end this at any time.
manage-empty = No app has access at the moment.
manage-empty-hint = When you allow an app to use a record, it is listed here.
manage-revoked = Access was removed. The app cannot use that data here any more, on any device; what it already copied stays with the app.
manage-together = { $count ->
    [one] You allowed this app the same data one more time, for example on another device. Removing access ends both.
   *[other] You allowed this app the same data { $count } more times, for example on other devices. Removing access ends all of them.
 }
manage-record = Whose record
manage-since = Allowed on
manage-until = Ends by
manage-what-count = { $count ->
    [one] What it may use (1 permission)
   *[other] What it may use ({ $count } permissions)
 }
manage-revoke = Remove access
manage-revoke-for = for { $app }
manage-grants = Apps
manage-used = Last used on
manage-until-unused = Ends if it is not used before
manage-stays = How long
manage-stays-once = For a short time; then it has to ask again
manage-stays-signed-in = While you are signed in
manage-stays-away = Also while you are away
manage-forgotten = Your answer was forgotten. The app has to ask you again next time.
manage-ended-all = All access was ended. No app can use your data here any more; what apps already copied stays with them.
manage-pages = Pages
manage-newer = Newer access
manage-older = Older access
manage-remembered = Apps that need not ask again
manage-remembered-lead = These apps have no access now. You allowed it once, and they may come back without asking you again.
manage-answered = Answered on
manage-answer-count = { $count ->
    [one] What you allowed (1 permission)
   *[other] What you allowed ({ $count } permissions)
 }
manage-forget = Ask me again next time
manage-forget-for = about { $app }
manage-end-all = End all access …

## Ending all access

end-all-title = End all access
end-all-heading = End all access?
end-all-lead = These apps lose access at once, and each of them has to ask you again:
end-all-copies = What an app already copied stays with that app. This cannot be undone, but you can allow an app again later.
end-all-yes = End all access
end-all-no = Keep access

## Problems

problem-title = That did not work
problem-reference = If you ask for help, give this reference:
problem-continue = Continue where you were
problem-app = Back to { $app }
problem-app-lead = Go back to { $app } and start again there.
problem-start-again = Close this window, go back to the app and start again there.
problem-retry = Try again

problem-unknown-client = This app is not known here
    .detail = The app that sent you here is not registered. Nothing was shared. Ask whoever offers the app.
problem-unknown-redirect = This app gave a wrong address
    .detail = The app wants the answer sent to an address that is not registered for it. To protect you we stopped. Nothing was shared.
problem-malformed = We could not read the request
    .detail = Something in the link or form was damaged or incomplete. Nothing was shared.
problem-too-large = The request is too large
    .detail = The app asked for more than can be handled at once. Nothing was shared.
problem-method = This page cannot be opened that way
    .detail = Please start again from the app. Nothing was shared.
problem-not-found = There is no such page
    .detail = The address may be mistyped or no longer in use.
problem-finished = You have already answered
    .detail = This question was answered and the app has been told. Going back does not change the answer.
problem-expired = This took too long
    .detail = For your safety a question is open for ten minutes only. Nothing was shared.
problem-no-cookie = We could not recognise your browser
    .detail = Your browser did not send the cookie that we set a moment ago. Allow cookies for this site, and use one window from start to end. Nothing was shared.
problem-other-user = Somebody else started this
    .detail = This question belongs to another sign-in. Start again so that the answer is yours. Nothing was shared.
problem-stale = You went on in another tab
    .detail = This page was answered in another tab or window. Nothing is lost: continue where you were.
problem-forged = This form did not come from here
    .detail = To protect you we did not accept it. Nothing was shared or changed.
problem-unavailable = We cannot do this right now
    .detail = A part of our system is not available for the moment. Nothing is lost. Wait a moment and try again.
problem-too-many = Too many requests at once
    .detail = Nothing is lost. Wait a moment and try again.
problem-internal = Something went wrong on our side
    .detail = This is not your fault. Please try again; if it happens again, tell us the reference below.

## Going on

bounce-title = Opening { $app }
bounce-heading = One moment, please
bounce-lead = You are being taken to the next page for { $app }.
bounce-link = Continue now

## Scopes that are not about a kind of data

scope-openid = Who you are
    .detail = Tells the app that you are signed in here, with an id that stands for you.
scope-fhirUser = Your own entry
    .detail = Tells the app which entry in this system is you, for example as patient, relative or clinician.
scope-profile = Your profile
    .detail = Basic facts about you, such as your name.
scope-email = Your email address
    .detail = The email address that is known here.
scope-phone = Your phone number
    .detail = The phone number that is known here.
scope-address = Your postal address
    .detail = The postal address that is known here.
scope-offline_access = Keep access when you are away
    .detail = The app can go on using this information when you are not signed in, until the access ends or you remove it.
scope-online_access = Keep access while you are signed in
    .detail = The app can go on using this information until you sign out.
scope-offline_access-idle = The app can go on using this information when you are not signed in. It ends when the app has not used it for { $time }, or when you remove it.
scope-offline_access-until = The app can go on using this information when you are not signed in. It ends when the app has not used it for { $time }, on { $date } at the latest, or when you remove it.
scope-online_access-limit = The app can go on using this information until you sign out, for { $time } at most.
scope-launch = What you have open
    .detail = Tells the app which patient and visit are open on your screen.
scope-launch-patient = Which record you chose
    .detail = Tells the app whose record it is working with.
scope-launch-encounter = Which visit you chose
    .detail = Tells the app which visit it is working with.
scope-launch-other = What you are working on: { $name }
    .detail = Tells the app which entry of this kind you are working on.
scope-extension = Special permission
    .detail = This app and this organization agreed on it. If you do not know it, leave it unticked or ask.

everything-patient = Everything in this record
    .detail = All data of every kind, also data that is added to the record in future.
everything-user = Everything you can open
    .detail = All data of every kind in every record that you can open, also data that is added in future.

## Categories

category-encounter-diagnosis = Diagnoses from visits
    .detail = What was found or treated at a single visit.
category-problem-list-item = Problem list
    .detail = Lasting health problems that are being watched or treated.
category-health-concern = Health concerns
    .detail = Worries and risks noted by you or your care team.
category-laboratory = Lab results
    .detail = Blood, urine and other laboratory tests.
category-social-history = Social history
    .detail = For example smoking, alcohol, work and pregnancy.
category-sdoh = Living conditions
    .detail = For example housing, food, money, transport and safety.
category-clinical-note = Clinical notes
    .detail = Notes that clinicians wrote about visits and treatment.
category-survey = Questionnaires and scores
    .detail = Answers and scores, for example about pain or mood.
category-vital-signs = Vital signs
    .detail = For example blood pressure, pulse, temperature, height and weight.
category-procedure = Clinical tests
    .detail = Results of examinations, for example heart or lung function.
category-imaging = Imaging findings
    .detail = What was measured or seen in X-rays, scans and ultrasound.
category-exam = Physical examination
    .detail = What was found when the body was examined.
category-therapy = Therapy
    .detail = Observations made during a therapy.
category-activity = Activity
    .detail = For example steps, exercise and sleep.
unknown-category = { $name }
    .detail = Entries of this category only.

## Kinds of data: what a person would call them

unknown-type = { $name }
    .detail = Entries of this kind.
type-Account = Billing accounts
    .detail = What was charged for care, and to whom.
type-AdverseEvent = Harmful events
    .detail = Harm or near harm during care, for example a bad reaction.
type-AllergyIntolerance = Allergies
    .detail = Allergies and intolerances, for example to medicines or food.
type-Appointment = Appointments
    .detail = Planned and past appointments.
type-AppointmentResponse = Replies to appointments
    .detail = Who accepted or declined an appointment.
type-AuditEvent = Access log
    .detail = Who looked at or changed the record, and when.
type-Basic = Other notes
    .detail = Entries that fit no other kind.
type-Binary = Files
    .detail = Files such as scanned letters and images.
type-BodyStructure = Parts of the body
    .detail = Places in the body that were noted, for example a tumour or a limb.
type-CarePlan = Care plans
    .detail = What is planned for treatment and care.
type-CareTeam = Care team
    .detail = The people and organizations who take part in care.
type-ChargeItem = Charges
    .detail = Single charges for care.
type-Claim = Insurance claims
    .detail = Bills that were sent to an insurer.
type-ClaimResponse = Answers to insurance claims
    .detail = What an insurer decided about a bill.
type-ClinicalImpression = Clinical assessments
    .detail = What a clinician thinks about the health situation.
type-Communication = Messages
    .detail = Messages between patients and care teams.
type-CommunicationRequest = Requests for messages
    .detail = Messages that somebody asked to be sent.
type-Composition = Structured documents
    .detail = Summaries and letters made up of sections.
type-Condition = Health problems and diagnoses
    .detail = Illnesses, diagnoses and health concerns, now and in the past.
type-Consent = Consents
    .detail = What was agreed to, for example about treatment or sharing data.
type-Contract = Contracts
    .detail = Agreements about care or data.
type-Coverage = Insurance
    .detail = Health insurance and who pays for care.
type-CoverageEligibilityRequest = Questions about insurance
    .detail = Questions to an insurer about what is covered.
type-CoverageEligibilityResponse = Answers about insurance
    .detail = What an insurer says is covered.
type-DetectedIssue = Safety warnings
    .detail = Possible problems in treatment, for example medicines that do not go together.
type-Device = Implants and devices
    .detail = Medical devices, for example a pacemaker.
type-DeviceMetric = Device settings
    .detail = What a device measures and how it is set.
type-DeviceRequest = Ordered devices
    .detail = Devices and aids that were ordered or prescribed.
type-DeviceUseStatement = Use of devices
    .detail = Which devices are used, and since when.
type-DiagnosticReport = Test reports
    .detail = Reports about lab tests, X-rays, scans and other examinations.
type-DocumentManifest = Sets of documents
    .detail = Documents that belong together.
type-DocumentReference = Documents and notes
    .detail = Letters, clinical notes and other documents.
type-Encounter = Visits and hospital stays
    .detail = When, where and why care was given.
type-Endpoint = Technical addresses
    .detail = Where systems can be reached.
type-EnrollmentRequest = Insurance enrolments
    .detail = Requests to join an insurance.
type-EnrollmentResponse = Answers to enrolments
    .detail = What an insurer answered about joining.
type-EpisodeOfCare = Periods of care
    .detail = Longer periods in which an organization is responsible for care.
type-ExplanationOfBenefit = Statements of benefits
    .detail = What was billed, what the insurer paid and what is left to pay.
type-FamilyMemberHistory = Illnesses in the family
    .detail = Health problems of relatives.
type-Flag = Alerts
    .detail = Warnings for staff, for example about a risk of falling.
type-Goal = Health goals
    .detail = What treatment or care should achieve.
type-Group = Groups of people
    .detail = Groups that a person belongs to, for example in a study.
type-HealthcareService = Services offered
    .detail = Which care is offered, where and when.
type-ImagingStudy = X-rays and scans
    .detail = Lists of X-ray, CT, MRI and ultrasound images.
type-Immunization = Vaccinations
    .detail = Which vaccines were given, and when.
type-ImmunizationEvaluation = Checks of vaccinations
    .detail = Whether a vaccination counts.
type-ImmunizationRecommendation = Recommended vaccinations
    .detail = Which vaccinations are due.
type-InsurancePlan = Insurance plans
    .detail = What an insurance product covers.
type-Invoice = Invoices
    .detail = Bills for care.
type-List = Lists
    .detail = Lists of entries, for example of current medicines.
type-Location = Places
    .detail = Where care is given, for example wards and practices.
type-MeasureReport = Quality measures
    .detail = Figures about the quality of care.
type-Media = Photos and recordings
    .detail = Photos, videos and sound recordings made during care.
type-Medication = Medicines
    .detail = Names, ingredients and strengths of medicines.
type-MedicationAdministration = Medicines given
    .detail = Which medicines were given, when and how much.
type-MedicationDispense = Medicines handed out
    .detail = What a pharmacy handed out.
type-MedicationRequest = Prescriptions
    .detail = Medicines that were prescribed or ordered, and how to take them.
type-MedicationStatement = Medicines taken
    .detail = Medicines that a person says they take or took.
type-MolecularSequence = Genetic data
    .detail = Parts of the genome that were tested.
type-NutritionOrder = Diets ordered
    .detail = Special food and nutrition that was ordered.
type-Observation = Test results and measurements
    .detail = Lab results, blood pressure, weight, smoking status and other observations.
type-OperationOutcome = Error messages
    .detail = What went wrong in a technical request.
type-Organization = Organizations
    .detail = Hospitals, practices, insurers and their addresses.
type-OrganizationAffiliation = Partner organizations
    .detail = Which organizations work together.
type-Patient = Personal details
    .detail = Name, birth date, sex, address, phone and contacts.
type-PaymentNotice = Payment notices
    .detail = Notes that something was paid.
type-PaymentReconciliation = Payments
    .detail = How payments match bills.
type-Person = Identity across records
    .detail = Which records belong to the same person.
type-PlanDefinition = Treatment templates
    .detail = Standard plans that care can follow.
type-Practitioner = Clinicians and staff
    .detail = Names and qualifications of people who give care.
type-PractitionerRole = Roles of clinicians
    .detail = Who works where, and as what.
type-Procedure = Operations and procedures
    .detail = Operations, treatments and other procedures.
type-Provenance = Origin of entries
    .detail = Who entered or changed what, and when.
type-Questionnaire = Blank questionnaires
    .detail = Forms and their questions, without answers.
type-QuestionnaireResponse = Answers to questionnaires
    .detail = Forms that were filled in, with the answers.
type-RelatedPerson = Relatives and contacts
    .detail = Family, carers and other contacts.
type-RequestGroup = Groups of orders
    .detail = Orders that belong together.
type-ResearchStudy = Research studies
    .detail = What is studied, and by whom.
type-ResearchSubject = Taking part in research
    .detail = Which studies a person takes part in.
type-RiskAssessment = Risk assessments
    .detail = How likely a health problem is.
type-Schedule = Calendars
    .detail = When clinicians, rooms or services can be booked.
type-ServiceRequest = Orders and referrals
    .detail = Tests, treatments and referrals that were ordered.
type-Slot = Free appointments
    .detail = Times that can be booked.
type-Specimen = Samples
    .detail = Samples such as blood or tissue.
type-Subscription = Notifications
    .detail = What an app is told about when it changes.
type-Substance = Substances
    .detail = Materials and chemicals used in care.
type-SupplyDelivery = Deliveries
    .detail = Supplies that were delivered.
type-SupplyRequest = Orders of supplies
    .detail = Supplies that were ordered.
type-Task = Tasks
    .detail = What is to be done, and who does it.
type-ValueSet = Code lists
    .detail = Lists of allowed codes.
type-VerificationResult = Checks of data
    .detail = Whether data was confirmed by its source.
type-VisionPrescription = Glasses and lenses
    .detail = Prescriptions for glasses and contact lenses.
