//! See [`vestibule_fuzz::token_form`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::token_form(data);
});
