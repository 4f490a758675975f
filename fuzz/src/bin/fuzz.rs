//! One target under libFuzzer, which the environment variable `SOP_FUZZ_TARGET` names.
#![no_main]

use std::{env, sync::OnceLock};

static RUN: OnceLock<fn(&[u8])> = OnceLock::new();

fn chosen() -> fn(&[u8]) {
    let name = env::var("SOP_FUZZ_TARGET").unwrap_or_default();
    sop_fuzz::target(&name).unwrap_or_else(|| panic!("SOP_FUZZ_TARGET={name} is no target"))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    RUN.get_or_init(chosen)(bytes);
});
