//! See [`vestibule_fuzz::jws`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::jws(data);
});
