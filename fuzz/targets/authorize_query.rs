//! See [`vestibule_fuzz::authorize_query`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::authorize_query(data);
});
