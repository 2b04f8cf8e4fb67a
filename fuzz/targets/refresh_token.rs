//! See [`vestibule_fuzz::refresh_token`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::refresh_token(data);
});
