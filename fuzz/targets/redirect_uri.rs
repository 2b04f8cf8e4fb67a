//! See [`vestibule_fuzz::redirect_uri`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::redirect_uri(data);
});
