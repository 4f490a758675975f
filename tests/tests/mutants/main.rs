//! The proof that the tests test: guards are taken away one by one, and each must be missed.
//!
//! A guard is a line of the database that keeps an invariant (`sop_core::guard`). For each there is
//! a lane: a function that ordinary tests run too, and that is to notice when the guard is missing.
//! [`plan`] says which. Every lane must also pass while all guards stand. Each run is a process of
//! its own, since what a database without a guard does is anything: it may crash, or never end.
//!
//! There is something to remove only in a build with `--cfg mutants`; `tests/mutants.sh` makes it.

#[cfg(mutants)]
mod child;
#[cfg(mutants)]
mod lanes;
#[cfg(mutants)]
mod parent;
#[cfg(mutants)]
mod plan;

/// The ordinary build has nothing to remove.
#[cfg(not(mutants))]
fn main() {}

#[cfg(mutants)]
fn main() -> sop_tests::Outcome<std::process::ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [lane, missing, worker] => child::run(lane, missing, worker.parse()?),
        _ => parent::run(),
    }
}
