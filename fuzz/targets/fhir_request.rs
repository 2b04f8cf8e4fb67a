//! See [`vestibule_fuzz::fhir_request`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::fhir_request(data);
});
