//! Programs of several transactions at once, against a plain model: what fuzzing has found, and some at random.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;
mod programs;

use std::path::Path;

/// FOUND_MODEL_ROUNDS asks for more.
fn rounds() -> u64 {
    std::env::var("FOUND_MODEL_ROUNDS").map_or(3000, |rounds| rounds.parse().unwrap())
}

/// A program drawn from a seed.
fn program(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..40 + usize::from(next())).map(|_| next()).collect()
}

fn fails(bytes: &[u8]) -> bool {
    std::panic::catch_unwind(|| programs::run(bytes)).is_err()
}

/// A part of a program that fails, as short as taking pieces away makes it.
fn shortened(mut bytes: Vec<u8>) -> Vec<u8> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut piece = bytes.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at + piece <= bytes.len() {
            let without = [&bytes[..at], &bytes[at + piece..]].concat();
            if fails(&without) {
                bytes = without;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    std::panic::set_hook(hook);
    bytes
}

#[test]
fn transactions_do_as_the_model_says() {
    for seed in 0..rounds() {
        let bytes = program(seed);
        if fails(&bytes) {
            let bytes = shortened(bytes);
            let _ = fails(&bytes);
            panic!("seed {seed}, shortened to {bytes:?}: keep it in fuzz/corpus/engine_model");
        }
    }
}

#[test]
fn what_was_once_found_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/engine_model");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        assert!(!fails(&std::fs::read(&file).unwrap()), "{}", file.display());
    }
}
