# Deutsch. Werte wie $app und $patient setzt die Seite ein; hier steht kein Markup.

direction = ltr

## Rahmen

frame-user = Angemeldet als { $user }
error-label = Es gibt ein Problem
new-tab = (öffnet einen neuen Tab)

## Akte wählen

patients-title = Akte wählen
patients-heading = Wessen Akte darf { $app } öffnen?
patients-lead = Wählen Sie eine Person. Die App sieht nichts, bevor Sie zustimmen.
patients-legend = Personen, deren Akte Sie öffnen dürfen
patients-search-label = Suche nach Name, Geburtsdatum oder Nummer
patients-search-button = Suchen
patients-search-hint = Geben Sie einen Namen ein, um die Person zu finden.
patients-none = Sie haben hier keine Akte, die Sie öffnen könnten.
patients-not-found = Zu „{ $text }“ wurde niemand gefunden. Prüfen Sie die Schreibweise oder geben Sie weniger Buchstaben ein.
patients-results = Treffer für „{ $text }“
patients-more = Weitere Personen anzeigen
patients-choose = Mit dieser Akte weiter

## Besuch wählen

encounters-title = Besuch wählen
encounters-heading = Um welchen Besuch geht es?
encounters-lead = { $app } arbeitet immer mit einem Besuch. Wählen Sie ihn, oder machen Sie ohne Besuch weiter.
encounters-of = Akte von { $patient }
encounters-legend = Besuche
encounters-none = Es gibt keinen Besuch zur Auswahl.
encounters-more = Weitere Besuche anzeigen
encounters-choose = Mit diesem Besuch weiter
encounters-skip = Ohne Besuch weiter

born = Geboren { $date }
cancel = Abbrechen
app-answers-to = Ihre Antwort geht an { $host }
app-about = Über { $app }

mistake-nothing-chosen = Wählen Sie zuerst einen Eintrag aus der Liste.
mistake-not-available = Diese Auswahl ist nicht möglich. Wählen Sie einen anderen Eintrag.
mistake-search-too-long = Der Suchtext ist zu lang. Höchstens 100 Zeichen sind möglich.

## Zustimmung

consent-title = Zugriff erlauben
consent-heading-patient = Darf { $app } die Akte von { $patient } nutzen?
consent-heading-user = Darf { $app } für Sie Gesundheitsdaten nutzen?
consent-lead = Entfernen Sie die Haken bei allem, was Sie nicht teilen möchten. Geteilt wird erst, wenn Sie „Erlauben“ wählen.
consent-app = App
consent-answers-to = Ihre Antwort geht an
consent-record = Wessen Akte
consent-relationship = Sie sind
consent-until = Ihr Zugang endet am
consent-encounter = Besuch
consent-duration = Wie lange
consent-duration-value = Bis zu { $time }, falls Sie den Zugriff nicht vorher beenden.
consent-duration-longer = Länger, wenn Sie unten auch „Zugriff behalten“ erlauben.
consent-duration-until = Nie nach dem { $date }.
consent-group-patient = Aus der Akte von { $patient }
consent-group-patient-unnamed = Aus der gewählten Akte
consent-group-user = Aus allen Akten, die Sie öffnen dürfen
consent-group-user-hint = Nicht nur eine Akte: Was Sie hier sehen oder ändern dürfen, darf die App für Sie sehen oder ändern.
consent-group-system = Die App selbst, ohne Sie
consent-group-identity = Über Sie
consent-group-staying = Dauer des Zugriffs
consent-group-context = Woran Sie gerade arbeiten
consent-group-other = Weitere Rechte
consent-parts = Nur einen Teil davon teilen
consent-parts-of = Teile von „{ $name }“
consent-parts-hint = Entfernen Sie den Haken darüber und setzen Sie Haken bei dem, was Sie teilen möchten. Diese Haken zählen nur, solange der obere nicht gesetzt ist.
consent-only = Beschränkt auf: { $limit }
consent-nothing = Die App fragt nach nichts, was Sie teilen könnten.
consent-after = Danach können Sie diesen Zugriff jederzeit auf der Seite „Apps mit Zugriff“ beenden.
consent-allow = Erlauben
consent-deny = Nicht erlauben
badge-sensitive = Sensibel
badge-changes = Ändert Daten: { $verbs }
badge-every-record = In allen Akten, die Sie öffnen dürfen
badge-future = Auch künftige Daten

verb-see = Ansehen
verb-see-single = Öffnen
verb-search = Durchsuchen
verb-add = hinzufügen
verb-change = ändern
verb-delete = löschen
list-comma = { $first }, { $next }

## Zeit

duration-minutes = { $count ->
    [one] 1 Minute
   *[other] { $count } Minuten
 }
duration-hours = { $count ->
    [one] 1 Stunde
   *[other] { $count } Stunden
 }
duration-days = { $count ->
    [one] 1 Tag
   *[other] { $count } Tage
 }
duration-months = { $count ->
    [one] etwa 1 Monat
   *[other] etwa { $count } Monate
 }
duration-years = { $count ->
    [one] etwa 1 Jahr
   *[other] etwa { $count } Jahre
 }
date = { $day }. { $month } { $year }
month-1 = Januar
month-2 = Februar
month-3 = März
month-4 = April
month-5 = Mai
month-6 = Juni
month-7 = Juli
month-8 = August
month-9 = September
month-10 = Oktober
month-11 = November
month-12 = Dezember

## Apps mit Zugriff

manage-title = Apps mit Zugriff
manage-heading = Apps mit Zugriff
manage-lead = Diese Apps dürfen Gesundheitsdaten nutzen, weil Sie es erlaubt haben. Sie können das jederzeit beenden.
manage-empty = Zurzeit hat keine App Zugriff.
manage-empty-hint = Wenn Sie einer App eine Akte öffnen, steht sie hier.
manage-revoked = Der Zugriff wurde entfernt. Die App kann diese Daten hier nicht mehr nutzen, auf keinem Gerät; was sie schon kopiert hat, bleibt bei der App.
manage-together = { $count ->
    [one] Sie haben dieser App dieselben Daten noch einmal erlaubt, zum Beispiel auf einem anderen Gerät. Das Entfernen beendet beides.
   *[other] Sie haben dieser App dieselben Daten noch { $count }-mal erlaubt, zum Beispiel auf anderen Geräten. Das Entfernen beendet alles.
 }
manage-record = Wessen Akte
manage-since = Erlaubt am
manage-until = Endet spätestens am
manage-what-count = { $count ->
    [one] Was sie nutzen darf (1 Recht)
   *[other] Was sie nutzen darf ({ $count } Rechte)
 }
manage-revoke = Zugriff entfernen
manage-revoke-for = für { $app }
manage-grants = Apps
manage-used = Zuletzt genutzt am
manage-until-unused = Endet, wenn nicht vorher genutzt
manage-stays = Dauer
manage-stays-once = Für kurze Zeit; danach muss die App wieder fragen
manage-stays-signed-in = Solange Sie angemeldet sind
manage-stays-away = Auch wenn Sie nicht da sind
manage-forgotten = Ihre Antwort wurde vergessen. Die App muss Sie das nächste Mal wieder fragen.
manage-ended-all = Jeder Zugriff wurde beendet. Keine App kann Ihre Daten hier noch nutzen; was Apps schon kopiert haben, bleibt bei ihnen.
manage-pages = Seiten
manage-newer = Neuere Zugriffe
manage-older = Ältere Zugriffe
manage-remembered = Apps, die nicht noch einmal fragen
manage-remembered-lead = Diese Apps haben zurzeit keinen Zugriff. Sie haben ihn einmal erlaubt, und die Apps dürfen wiederkommen, ohne zu fragen.
manage-answered = Beantwortet am
manage-answer-count = { $count ->
    [one] Was Sie erlaubt haben (1 Recht)
   *[other] Was Sie erlaubt haben ({ $count } Rechte)
 }
manage-forget = Das nächste Mal wieder fragen
manage-forget-for = bei { $app }
manage-end-all = Jeden Zugriff beenden …

## Jeden Zugriff beenden

end-all-title = Jeden Zugriff beenden
end-all-heading = Jeden Zugriff beenden?
end-all-lead = Diese Apps verlieren sofort den Zugriff, und jede muss Sie wieder fragen:
end-all-copies = Was eine App schon kopiert hat, bleibt bei dieser App. Das lässt sich nicht rückgängig machen, aber Sie können eine App später wieder zulassen.
end-all-yes = Jeden Zugriff beenden
end-all-no = Zugriff behalten

## Probleme

problem-title = Das hat nicht geklappt
problem-reference = Wenn Sie um Hilfe bitten, nennen Sie diese Nummer:
problem-continue = Dort weitermachen, wo Sie waren
problem-app = Zurück zu { $app }
problem-app-lead = Gehen Sie zurück zu { $app } und beginnen Sie dort neu.
problem-start-again = Schließen Sie dieses Fenster, gehen Sie zurück zur App und beginnen Sie dort neu.
problem-retry = Noch einmal versuchen

problem-unknown-client = Diese App ist hier nicht bekannt
    .detail = Die App, die Sie hierher geschickt hat, ist nicht registriert. Es wurde nichts geteilt. Fragen Sie den Anbieter der App.
problem-unknown-redirect = Die App nennt eine falsche Adresse
    .detail = Die Antwort soll an eine Adresse gehen, die für diese App nicht registriert ist. Zu Ihrem Schutz haben wir abgebrochen. Es wurde nichts geteilt.
problem-malformed = Wir konnten die Anfrage nicht lesen
    .detail = Im Link oder Formular war etwas beschädigt oder unvollständig. Es wurde nichts geteilt.
problem-too-large = Die Anfrage ist zu groß
    .detail = Die App fragt nach mehr, als auf einmal möglich ist. Es wurde nichts geteilt.
problem-method = So lässt sich diese Seite nicht öffnen
    .detail = Bitte beginnen Sie in der App neu. Es wurde nichts geteilt.
problem-not-found = Diese Seite gibt es nicht
    .detail = Vielleicht ist die Adresse falsch geschrieben oder nicht mehr in Gebrauch.
problem-finished = Sie haben schon geantwortet
    .detail = Die Frage ist beantwortet, und die App weiß es. Zurückgehen ändert die Antwort nicht.
problem-expired = Das hat zu lange gedauert
    .detail = Zu Ihrer Sicherheit ist eine Frage nur zehn Minuten offen. Es wurde nichts geteilt.
problem-no-cookie = Wir erkennen Ihren Browser nicht
    .detail = Ihr Browser hat das Cookie nicht geschickt, das wir gerade gesetzt haben. Erlauben Sie Cookies für diese Seite und bleiben Sie von Anfang bis Ende in einem Fenster. Es wurde nichts geteilt.
problem-other-user = Das hat jemand anderes begonnen
    .detail = Diese Frage gehört zu einer anderen Anmeldung. Beginnen Sie neu, damit es Ihre Antwort ist. Es wurde nichts geteilt.
problem-stale = Sie haben in einem anderen Tab weitergemacht
    .detail = Diese Seite wurde in einem anderen Tab oder Fenster beantwortet. Nichts ist verloren: Machen Sie dort weiter, wo Sie waren.
problem-forged = Dieses Formular kam nicht von hier
    .detail = Zu Ihrem Schutz haben wir es nicht angenommen. Es wurde nichts geteilt oder geändert.
problem-unavailable = Das geht im Moment nicht
    .detail = Ein Teil unseres Systems ist gerade nicht erreichbar. Nichts ist verloren. Warten Sie kurz und versuchen Sie es noch einmal.
problem-too-many = Gerade sind es zu viele Anfragen
    .detail = Nichts ist verloren. Warten Sie kurz und versuchen Sie es noch einmal.
problem-internal = Bei uns ist etwas schiefgegangen
    .detail = Es liegt nicht an Ihnen. Bitte versuchen Sie es noch einmal; wenn es wieder passiert, nennen Sie uns die Nummer unten.

## Weiter

bounce-title = { $app } wird geöffnet
bounce-heading = Einen Moment, bitte
bounce-lead = Es geht gleich weiter zur nächsten Seite für { $app }.
bounce-link = Jetzt weiter

## Rechte, die keine Art von Daten nennen

scope-openid = Wer Sie sind
    .detail = Sagt der App, dass Sie hier angemeldet sind, mit einer Kennung, die für Sie steht.
scope-fhirUser = Ihr eigener Eintrag
    .detail = Sagt der App, welcher Eintrag in diesem System Sie sind, etwa als Patient, Angehöriger oder Fachkraft.
scope-profile = Ihr Profil
    .detail = Grundlegende Angaben über Sie, zum Beispiel Ihr Name.
scope-email = Ihre E-Mail-Adresse
    .detail = Die E-Mail-Adresse, die hier bekannt ist.
scope-phone = Ihre Telefonnummer
    .detail = Die Telefonnummer, die hier bekannt ist.
scope-address = Ihre Postanschrift
    .detail = Die Postanschrift, die hier bekannt ist.
scope-offline_access = Zugriff behalten, wenn Sie nicht da sind
    .detail = Die App kann die Daten auch nutzen, wenn Sie nicht angemeldet sind, bis der Zugriff endet oder Sie ihn entfernen.
scope-online_access = Zugriff behalten, solange Sie angemeldet sind
    .detail = Die App kann die Daten nutzen, bis Sie sich abmelden.
scope-offline_access-idle = Die App kann diese Angaben weiter nutzen, wenn Sie nicht angemeldet sind. Das endet, wenn die App sie { $time } lang nicht nutzt oder Sie den Zugriff entfernen.
scope-offline_access-until = Die App kann diese Angaben weiter nutzen, wenn Sie nicht angemeldet sind. Das endet, wenn die App sie { $time } lang nicht nutzt, spätestens am { $date }, oder wenn Sie den Zugriff entfernen.
scope-online_access-limit = Die App kann diese Angaben weiter nutzen, bis Sie sich abmelden, höchstens { $time } lang.
scope-launch = Was Sie geöffnet haben
    .detail = Sagt der App, welche Akte und welcher Besuch auf Ihrem Bildschirm offen sind.
scope-launch-patient = Welche Akte Sie gewählt haben
    .detail = Sagt der App, mit wessen Akte sie arbeitet.
scope-launch-encounter = Welchen Besuch Sie gewählt haben
    .detail = Sagt der App, mit welchem Besuch sie arbeitet.
scope-launch-other = Woran Sie arbeiten: { $name }
    .detail = Sagt der App, an welchem Eintrag dieser Art Sie arbeiten.
scope-extension = Besonderes Recht
    .detail = Diese App und diese Einrichtung haben es vereinbart. Wenn Sie es nicht kennen, entfernen Sie den Haken oder fragen Sie nach.

everything-patient = Alles in dieser Akte
    .detail = Alle Daten jeder Art, auch Daten, die künftig in die Akte kommen.
everything-user = Alles, was Sie öffnen dürfen
    .detail = Alle Daten jeder Art in allen Akten, die Sie öffnen dürfen, auch Daten, die künftig dazukommen.

## Kategorien

category-encounter-diagnosis = Diagnosen aus Besuchen
    .detail = Was bei einem einzelnen Besuch festgestellt oder behandelt wurde.
category-problem-list-item = Problemliste
    .detail = Dauerhafte Beschwerden, die beobachtet oder behandelt werden.
category-health-concern = Gesundheitliche Sorgen
    .detail = Sorgen und Risiken, die Sie oder Ihr Behandlungsteam notiert haben.
category-laboratory = Laborwerte
    .detail = Blut, Urin und andere Untersuchungen im Labor.
category-social-history = Lebensgewohnheiten
    .detail = Zum Beispiel Rauchen, Alkohol, Arbeit und Schwangerschaft.
category-sdoh = Lebensumstände
    .detail = Zum Beispiel Wohnen, Essen, Geld, Verkehr und Sicherheit.
category-clinical-note = Ärztliche Notizen
    .detail = Notizen von Fachkräften über Besuche und Behandlung.
category-survey = Fragebögen und Punktwerte
    .detail = Antworten und Punktwerte, zum Beispiel zu Schmerz oder Stimmung.
category-vital-signs = Vitalwerte
    .detail = Zum Beispiel Blutdruck, Puls, Temperatur, Größe und Gewicht.
category-procedure = Klinische Tests
    .detail = Ergebnisse von Untersuchungen, zum Beispiel von Herz oder Lunge.
category-imaging = Befunde aus Bildern
    .detail = Was in Röntgen, Schichtbildern und Ultraschall gemessen oder gesehen wurde.
category-exam = Körperliche Untersuchung
    .detail = Was bei der Untersuchung des Körpers festgestellt wurde.
category-therapy = Therapie
    .detail = Beobachtungen während einer Therapie.
category-activity = Aktivität
    .detail = Zum Beispiel Schritte, Sport und Schlaf.
unknown-category = { $name }
    .detail = Nur Einträge dieser Kategorie.

## Arten von Daten

unknown-type = { $name }
    .detail = Einträge dieser Art.
type-Account = Abrechnungskonten
    .detail = Was für die Behandlung berechnet wurde und wem.
type-AdverseEvent = Schädliche Ereignisse
    .detail = Schaden oder Beinahe-Schaden bei der Behandlung, etwa eine schlechte Reaktion.
type-AllergyIntolerance = Allergien
    .detail = Allergien und Unverträglichkeiten, zum Beispiel gegen Medikamente oder Essen.
type-Appointment = Termine
    .detail = Geplante und vergangene Termine.
type-AppointmentResponse = Antworten auf Termine
    .detail = Wer einen Termin angenommen oder abgelehnt hat.
type-AuditEvent = Zugriffsprotokoll
    .detail = Wer die Akte wann angesehen oder geändert hat.
type-Basic = Andere Notizen
    .detail = Einträge, die zu keiner anderen Art passen.
type-Binary = Dateien
    .detail = Dateien wie eingescannte Briefe und Bilder.
type-BodyStructure = Körperstellen
    .detail = Notierte Stellen am Körper, zum Beispiel ein Tumor oder ein Bein.
type-CarePlan = Behandlungspläne
    .detail = Was für Behandlung und Pflege geplant ist.
type-CareTeam = Behandlungsteam
    .detail = Die Menschen und Einrichtungen, die an der Behandlung teilnehmen.
type-ChargeItem = Einzelne Leistungen
    .detail = Einzelne berechnete Leistungen.
type-Claim = Rechnungen an die Versicherung
    .detail = Rechnungen, die an eine Versicherung gingen.
type-ClaimResponse = Antworten der Versicherung
    .detail = Was eine Versicherung zu einer Rechnung entschieden hat.
type-ClinicalImpression = Ärztliche Einschätzungen
    .detail = Was eine Fachkraft über den Gesundheitszustand denkt.
type-Communication = Nachrichten
    .detail = Nachrichten zwischen Patienten und Behandlungsteams.
type-CommunicationRequest = Bitten um Nachrichten
    .detail = Nachrichten, um deren Versand jemand gebeten hat.
type-Composition = Gegliederte Dokumente
    .detail = Zusammenfassungen und Briefe aus Abschnitten.
type-Condition = Beschwerden und Diagnosen
    .detail = Krankheiten, Diagnosen und gesundheitliche Sorgen, jetzt und früher.
type-Consent = Einwilligungen
    .detail = Wozu eingewilligt wurde, zum Beispiel zu Behandlung oder Weitergabe von Daten.
type-Contract = Verträge
    .detail = Vereinbarungen über Behandlung oder Daten.
type-Coverage = Versicherung
    .detail = Krankenversicherung und wer die Behandlung bezahlt.
type-CoverageEligibilityRequest = Fragen zur Versicherung
    .detail = Fragen an eine Versicherung, was sie übernimmt.
type-CoverageEligibilityResponse = Auskünfte der Versicherung
    .detail = Was eine Versicherung nach eigener Auskunft übernimmt.
type-DetectedIssue = Sicherheitshinweise
    .detail = Mögliche Probleme der Behandlung, etwa Medikamente, die sich nicht vertragen.
type-Device = Implantate und Geräte
    .detail = Medizinische Geräte, zum Beispiel ein Herzschrittmacher.
type-DeviceMetric = Einstellungen von Geräten
    .detail = Was ein Gerät misst und wie es eingestellt ist.
type-DeviceRequest = Verordnete Geräte
    .detail = Geräte und Hilfsmittel, die bestellt oder verordnet wurden.
type-DeviceUseStatement = Nutzung von Geräten
    .detail = Welche Geräte seit wann genutzt werden.
type-DiagnosticReport = Befunde
    .detail = Berichte über Labor, Röntgen, Schichtbilder und andere Untersuchungen.
type-DocumentManifest = Dokumentensammlungen
    .detail = Dokumente, die zusammengehören.
type-DocumentReference = Dokumente und Notizen
    .detail = Briefe, ärztliche Notizen und andere Dokumente.
type-Encounter = Besuche und Krankenhausaufenthalte
    .detail = Wann, wo und warum behandelt wurde.
type-Endpoint = Technische Adressen
    .detail = Wo Systeme erreichbar sind.
type-EnrollmentRequest = Anträge auf Versicherung
    .detail = Anträge auf Aufnahme in eine Versicherung.
type-EnrollmentResponse = Antworten auf Anträge
    .detail = Was eine Versicherung auf einen Antrag geantwortet hat.
type-EpisodeOfCare = Behandlungszeiträume
    .detail = Längere Zeiten, in denen eine Einrichtung für die Behandlung zuständig ist.
type-ExplanationOfBenefit = Leistungsabrechnungen
    .detail = Was berechnet wurde, was die Versicherung zahlte und was offen ist.
type-FamilyMemberHistory = Krankheiten in der Familie
    .detail = Gesundheitliche Probleme von Verwandten.
type-Flag = Warnhinweise
    .detail = Hinweise für das Personal, zum Beispiel auf Sturzgefahr.
type-Goal = Gesundheitsziele
    .detail = Was Behandlung oder Pflege erreichen sollen.
type-Group = Gruppen von Menschen
    .detail = Gruppen, zu denen eine Person gehört, etwa in einer Studie.
type-HealthcareService = Angebotene Leistungen
    .detail = Welche Behandlung wo und wann angeboten wird.
type-ImagingStudy = Röntgen und Schichtbilder
    .detail = Verzeichnisse von Röntgen-, CT-, MRT- und Ultraschallbildern.
type-Immunization = Impfungen
    .detail = Welche Impfungen wann gegeben wurden.
type-ImmunizationEvaluation = Prüfungen von Impfungen
    .detail = Ob eine Impfung zählt.
type-ImmunizationRecommendation = Empfohlene Impfungen
    .detail = Welche Impfungen anstehen.
type-InsurancePlan = Versicherungstarife
    .detail = Was ein Versicherungstarif abdeckt.
type-Invoice = Rechnungen
    .detail = Rechnungen für Behandlungen.
type-List = Listen
    .detail = Listen von Einträgen, zum Beispiel der aktuellen Medikamente.
type-Location = Orte
    .detail = Wo behandelt wird, zum Beispiel Stationen und Praxen.
type-MeasureReport = Qualitätszahlen
    .detail = Zahlen zur Qualität der Behandlung.
type-Media = Fotos und Aufnahmen
    .detail = Fotos, Videos und Tonaufnahmen aus der Behandlung.
type-Medication = Arzneimittel
    .detail = Namen, Wirkstoffe und Stärken von Arzneimitteln.
type-MedicationAdministration = Gegebene Medikamente
    .detail = Welche Medikamente wann und in welcher Menge gegeben wurden.
type-MedicationDispense = Ausgegebene Medikamente
    .detail = Was eine Apotheke ausgegeben hat.
type-MedicationRequest = Verordnete Medikamente
    .detail = Medikamente, die verschrieben oder bestellt wurden, und wie sie einzunehmen sind.
type-MedicationStatement = Eingenommene Medikamente
    .detail = Medikamente, die eine Person nach eigenen Angaben nimmt oder nahm.
type-MolecularSequence = Genetische Daten
    .detail = Untersuchte Teile des Erbguts.
type-NutritionOrder = Verordnete Kost
    .detail = Besondere Ernährung, die verordnet wurde.
type-Observation = Messwerte und Testergebnisse
    .detail = Laborwerte, Blutdruck, Gewicht, Rauchen und andere Beobachtungen.
type-OperationOutcome = Fehlermeldungen
    .detail = Was bei einer technischen Anfrage schiefging.
type-Organization = Einrichtungen
    .detail = Krankenhäuser, Praxen, Versicherungen und ihre Adressen.
type-OrganizationAffiliation = Partnereinrichtungen
    .detail = Welche Einrichtungen zusammenarbeiten.
type-Patient = Angaben zur Person
    .detail = Name, Geburtsdatum, Geschlecht, Adresse, Telefon und Kontakte.
type-PaymentNotice = Zahlungshinweise
    .detail = Hinweise, dass etwas bezahlt wurde.
type-PaymentReconciliation = Zahlungen
    .detail = Wie Zahlungen zu Rechnungen passen.
type-Person = Identität über Akten hinweg
    .detail = Welche Akten zur selben Person gehören.
type-PlanDefinition = Behandlungsvorlagen
    .detail = Musterpläne, denen eine Behandlung folgen kann.
type-Practitioner = Fachkräfte
    .detail = Namen und Qualifikationen der Menschen, die behandeln.
type-PractitionerRole = Aufgaben von Fachkräften
    .detail = Wer wo und als was arbeitet.
type-Procedure = Operationen und Eingriffe
    .detail = Operationen, Behandlungen und andere Eingriffe.
type-Provenance = Herkunft von Einträgen
    .detail = Wer wann was eingetragen oder geändert hat.
type-Questionnaire = Leere Fragebögen
    .detail = Formulare und ihre Fragen, ohne Antworten.
type-QuestionnaireResponse = Ausgefüllte Fragebögen
    .detail = Ausgefüllte Formulare mit den Antworten.
type-RelatedPerson = Angehörige und Kontakte
    .detail = Familie, Pflegende und andere Kontakte.
type-RequestGroup = Gruppen von Aufträgen
    .detail = Aufträge, die zusammengehören.
type-ResearchStudy = Studien
    .detail = Was von wem erforscht wird.
type-ResearchSubject = Teilnahme an Studien
    .detail = An welchen Studien eine Person teilnimmt.
type-RiskAssessment = Risikoeinschätzungen
    .detail = Wie wahrscheinlich ein gesundheitliches Problem ist.
type-Schedule = Kalender
    .detail = Wann Fachkräfte, Räume oder Leistungen gebucht werden können.
type-ServiceRequest = Aufträge und Überweisungen
    .detail = Angeordnete Untersuchungen, Behandlungen und Überweisungen.
type-Slot = Freie Termine
    .detail = Zeiten, die gebucht werden können.
type-Specimen = Proben
    .detail = Proben wie Blut oder Gewebe.
type-Subscription = Benachrichtigungen
    .detail = Über welche Änderungen eine App informiert wird.
type-Substance = Stoffe
    .detail = Materialien und Stoffe, die bei der Behandlung genutzt werden.
type-SupplyDelivery = Lieferungen
    .detail = Geliefertes Material.
type-SupplyRequest = Materialbestellungen
    .detail = Bestelltes Material.
type-Task = Aufgaben
    .detail = Was zu tun ist und wer es tut.
type-ValueSet = Codelisten
    .detail = Listen erlaubter Codes.
type-VerificationResult = Prüfungen von Daten
    .detail = Ob Daten von ihrer Quelle bestätigt wurden.
type-VisionPrescription = Brillen und Linsen
    .detail = Verordnungen für Brillen und Kontaktlinsen.
