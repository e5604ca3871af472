//! Any program of several transactions at once: the engine does as a plain model says.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../rust/embedded/tests/common/mod.rs"]
mod common;
#[path = "../../rust/embedded/tests/programs/mod.rs"]
mod programs;

fuzz_target!(|bytes: &[u8]| programs::run(bytes));
