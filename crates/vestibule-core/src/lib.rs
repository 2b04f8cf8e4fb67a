//! The rules of a SMART on FHIR authorization server, pure.
