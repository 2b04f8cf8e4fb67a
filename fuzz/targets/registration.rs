//! See [`vestibule_fuzz::registration`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::registration(data);
});
