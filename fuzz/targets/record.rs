//! See [`vestibule_fuzz::record`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::record(data);
});
