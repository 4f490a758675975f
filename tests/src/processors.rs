//! Which processor does the work.

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// Lets the calling thread, and those that it begins from now on, work on one of the processors
/// that it may use, which the number chooses.
///
/// Threads of which just one works at a time hand work over up to twice as fast if they need not
/// wake another processor for it. Where that cannot be had they work as before.
pub fn stay_on_one(number: usize) {
    const ITSELF: Option<Pid> = None;
    let Ok(all) = sched_getaffinity(ITSELF) else { return };
    let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|at| all.is_set(*at)).collect();
    let Some(chosen) = number.checked_rem(allowed.len()).and_then(|at| allowed.get(at)) else {
        return;
    };
    let mut one = CpuSet::new();
    one.set(*chosen);
    // It is faster, not needed.
    _ = sched_setaffinity(ITSELF, &one);
}
