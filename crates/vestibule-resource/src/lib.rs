//! What a FHIR server needs to honour the tokens of a SMART authorization server.
