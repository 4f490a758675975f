//! Single moments of a life: the power goes at one, or one call goes wrong.

use sop_core::{Background, Faults, SimulatedDisk, Survival};

use super::{Run, Script};
use crate::{Context, Outcome, Seed};

/// A whole life of a database in which nothing goes wrong.
///
/// # Panics
/// If something does.
pub fn life(rounds: u64, background: Background, seed: Seed) -> Run {
    let mut run = Run::new(SimulatedDisk::new(), background, true);
    run.perform(&Script::new(rounds, seed).steps);
    run.close();
    run
}

/// The moments of a disk that differ in what a power cut can leave: before each change, and after
/// the last.
pub fn moments(disk: &SimulatedDisk) -> Vec<u64> {
    disk.changes().into_iter().chain([disk.faults().calls()]).collect()
}

/// Cuts the power at one moment of a life, with one outcome after the other, and judges each.
///
/// # Errors
/// If what is left cannot be opened.
///
/// # Panics
/// If it is not what it may be.
pub fn cut_at(run: &Run, call: u64, outcomes: impl IntoIterator<Item = Survival>) -> Outcome {
    for survival in outcomes {
        let _context = Context(format!("a power cut before call {call}, {survival:?}"));
        let judged = run.left(call).judge(&run.disk().cut(call, survival));
        judged.map_err(|failure| format!("call {call}, {survival:?}: {failure:?}"))?;
    }
    Ok(())
}

/// Lives a life in which what is planned goes wrong, and judges what is left of it: by a power cut
/// at its end, with everything unsynced lost or any part of it, which `seed` decides; by the end of
/// the process; and by a power cut after another process has taken over. Gives the number of
/// commits whose fate was unknown.
///
/// # Errors
/// If what is left cannot be opened.
///
/// # Panics
/// If something fails that was not planned, or what is left is not what it may be.
pub fn go_wrong(script: &Script, plan: impl FnOnce(&Faults), seed: u64) -> Outcome<u64> {
    let mut run = Run::new(SimulatedDisk::new(), Background::Manual, false);
    plan(run.disk().faults());
    run.perform(&script.steps);
    run.close();
    judge(&run, seed)?;
    Ok(run.poisonings())
}

/// Judges what is left of a life that went wrong, see [`go_wrong`].
///
/// # Errors
/// If it cannot be opened.
///
/// # Panics
/// If it is not what it may be.
pub fn judge(run: &Run, seed: u64) -> Outcome {
    run.disk().faults().clear();
    for survival in [Survival::Nothing, Survival::Random(seed)] {
        run.left(u64::MAX).judge(&run.disk().cut_now(survival))?;
    }
    run.left_by_process().judge_taken_over(run.disk())
}
