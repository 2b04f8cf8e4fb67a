//! See [`vestibule_fuzz::fhir_search`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::fhir_search(data);
});
