//! The shape of the tables.

/// Where resources of a type name patients.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    /// The elements that say whom the resource is about.
    pub(crate) subjects: &'static [&'static str],
    /// Whether they can name several.
    pub(crate) many: bool,
    /// The elements that say who took part.
    pub(crate) participants: &'static [&'static str],
}

/// How a type stands to the patient compartment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In it.
    Compartment,
    /// Outside, although it names a patient: within reach only where a server lists it, and only what names the patient.
    Outside,
}

impl Row {
    pub(crate) const fn has_one_subject(&self) -> bool {
        self.subjects.len() == 1 && !self.many
    }
}

/// In the compartment, about one.
pub(super) const fn one(name: &'static str, subject: &'static [&'static str]) -> Row {
    Row { name, place: Place::Compartment, subjects: subject, many: false, participants: &[] }
}

/// In the compartment, perhaps about several.
pub(super) const fn several(name: &'static str, subjects: &'static [&'static str]) -> Row {
    Row { name, place: Place::Compartment, subjects, many: true, participants: &[] }
}

/// Outside, about one.
pub(super) const fn outside(name: &'static str, subject: &'static [&'static str]) -> Row {
    Row { name, place: Place::Outside, subjects: subject, many: false, participants: &[] }
}

impl Row {
    /// And who took part.
    pub(super) const fn with(self, participants: &'static [&'static str]) -> Self {
        Self { participants, ..self }
    }
}

/// The row of a name in a table sorted by name.
pub(super) fn find(table: &'static [Row], name: &str) -> Option<&'static Row> {
    let at = table.binary_search_by(|row| row.name.cmp(name)).ok()?;
    table.get(at)
}
