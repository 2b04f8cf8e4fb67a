//! The SMART on FHIR authorization server as an embeddable engine.
