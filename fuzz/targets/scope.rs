//! See [`vestibule_fuzz::scope`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::scope(data);
});
