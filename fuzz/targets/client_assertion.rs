//! See [`vestibule_fuzz::client_assertion`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::client_assertion(data);
});
