//! See [`vestibule_fuzz::engine`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::engine(data);
});
