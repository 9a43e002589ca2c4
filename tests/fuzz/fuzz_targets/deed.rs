//! The fuzzer of the door `deed`: what it does there, and what must hold, is in `targets.rs`.

#![no_main]
#[path = "../targets.rs"]
mod targets;
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut doors = targets::TARGETS.iter();
    doors.find(|(name, _)| *name == "deed").expect("a door").1(bytes);
});
