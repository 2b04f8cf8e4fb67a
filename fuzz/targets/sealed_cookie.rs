//! See [`vestibule_fuzz::sealed_cookie`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::sealed_cookie(data);
});
