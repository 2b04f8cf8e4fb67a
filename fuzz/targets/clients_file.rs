//! See [`vestibule_fuzz::clients_file`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_fuzz::clients_file(data);
});
