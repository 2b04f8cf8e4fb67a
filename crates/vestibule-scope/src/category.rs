//! The categories of Condition and Observation that US certification wants a patient to choose between
//! (`SMART-SCOPE-115`).

use alloc::format;

use crate::constraint::Constraint;
use crate::permissions::Permissions;
use crate::resource::{ResourceScope, TypeSpec};
use crate::resource_type::ResourceType;
use crate::scope::Scope;

/// One category of resources, for sub-resource scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Category {
    /// The name of the resource type.
    pub resource_type: &'static str,
    /// A name in plain English.
    pub label: &'static str,
    /// The code system.
    pub system: &'static str,
    /// The code in it.
    pub code: &'static str,
}

/// The categories of a type; empty for types without sub-resource scopes.
///
/// ```
/// use vestibule_scope::{categories_of, ResourceType, Scope};
///
/// let condition = ResourceType::from_name("Condition").unwrap();
/// let asked = Scope::parse("patient/Condition.read").unwrap();
/// let offered: Vec<Scope> = categories_of(condition).iter().filter_map(|it| asked.refined(it)).collect();
/// assert_eq!(
///     offered[2].as_str(),
///     "patient/Condition.rs?category=http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern"
/// );
/// ```
#[must_use]
pub fn categories_of(resource_type: ResourceType) -> &'static [Category] {
    match resource_type.name() {
        "Condition" => &CONDITION,
        "Observation" => &OBSERVATION,
        _ => &[],
    }
}

impl Category {
    /// `category=system|code`; `None` for a category of your own whose text no scope can hold.
    #[must_use]
    pub fn constraint(&self) -> Option<Constraint> {
        Constraint::parse(&format!("category={}|{}", self.system, self.code)).ok()
    }
}

impl Scope {
    /// This resource scope, narrowed to one category; `None` where nothing is left, or for other kinds of scope.
    #[must_use]
    pub fn refined(&self, category: &Category) -> Option<Self> {
        let level = self.as_resource()?.level();
        let resource_type = TypeSpec::Named(ResourceType::from_name(category.resource_type)?);
        let within =
            ResourceScope::new(level, resource_type, Permissions::ALL, Some(category.constraint()?)).ok()?;
        self.intersect(&Self::from(within))
    }
}

const CONDITION_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const OBSERVATION_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

const fn condition(label: &'static str, system: &'static str, code: &'static str) -> Category {
    Category { resource_type: "Condition", label, system, code }
}

const fn observation(label: &'static str, system: &'static str, code: &'static str) -> Category {
    Category { resource_type: "Observation", label, system, code }
}

static CONDITION: [Category; 3] = [
    condition("Encounter Diagnosis", CONDITION_SYSTEM, "encounter-diagnosis"),
    condition("Problem List", CONDITION_SYSTEM, "problem-list-item"),
    condition(
        "Health Concern",
        "http://hl7.org/fhir/us/core/CodeSystem/condition-category",
        "health-concern",
    ),
];

static OBSERVATION: [Category; 6] = [
    observation("Laboratory", OBSERVATION_SYSTEM, "laboratory"),
    observation("Social History", OBSERVATION_SYSTEM, "social-history"),
    observation("SDOH", "http://hl7.org/fhir/us/core/CodeSystem/us-core-category", "sdoh"),
    observation("Survey", OBSERVATION_SYSTEM, "survey"),
    observation("Vital Signs", OBSERVATION_SYSTEM, "vital-signs"),
    // US Core 6.1 reading: attested, not run.
    observation("Clinical Test", OBSERVATION_SYSTEM, "procedure"),
];
