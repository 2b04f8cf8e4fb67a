//! The FHIR release that a server speaks.

use vestibule_scope::ResourceType;

/// A FHIR release: which resource types there are, and which of their elements say whom they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FhirVersion {
    /// 3.0.2
    Stu3,
    /// 4.0.1
    #[default]
    R4,
    /// 4.3.0
    R4B,
    /// 5.0.0
    R5,
}

impl FhirVersion {
    /// The resource type of this name, if the release has it. Case matters.
    pub fn resource_type(self, name: &str) -> Option<ResourceType> {
        ResourceType::from_name(name).filter(|found| self.has(*found))
    }

    /// Whether the release has the type.
    pub const fn has(self, resource_type: ResourceType) -> bool {
        use vestibule_scope::FhirVersion as Release;
        resource_type.exists_in(match self {
            Self::Stu3 => Release::Stu3,
            Self::R4 => Release::R4,
            Self::R4B => Release::R4B,
            Self::R5 => Release::R5,
        })
    }
}
