//! The scope language of SMART on FHIR: parse, compare, narrow, print.
