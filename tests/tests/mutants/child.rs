//! One lane with one guard missing, or none.

use std::{
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    thread,
};

use sop_core::guard::{self, Guard};
use sop_tests::{Outcome, processors};

use crate::lanes;

/// In place of a guard, that none is missing.
pub(crate) const NONE: &str = "none";

/// Says before each piece which it is, so that the last line tells where it ended.
pub(crate) const PIECE: &str = "piece ";

/// Says what was noticed.
pub(crate) const NOTICED: &str = "noticed: ";

/// Searches the lane's pieces until one fails, as one of several such processes.
pub(crate) fn run(lane: &str, missing: &str, worker: usize) -> Outcome<ExitCode> {
    let lane = lanes::ALL.iter().find(|known| known.name == lane).ok_or("no such lane")?;
    let guard = Guard::ALL.iter().find(|guard| format!("{guard:?}") == missing);
    let _missing = match guard {
        Some(guard) => Some(guard::remove(*guard)),
        None if missing == NONE => None,
        None => return Err("no such guard".into()),
    };
    report_panics();
    if lane.takes_turns {
        processors::stay_on_one(worker);
    }
    let mut out = io::stdout();
    for number in 0..lane.budget {
        writeln!(out, "{PIECE}{}", number + 1)?;
        match panic::catch_unwind(AssertUnwindSafe(|| (lane.search)(number))) {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                report(&format!("{failure:?}"));
                return Ok(ExitCode::FAILURE);
            }
            // It was reported when it came.
            Err(_) => return Ok(ExitCode::FAILURE),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reports what the lane panics with at once: what is dropped then may panic too, which is the end.
fn report_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        if thread::current().name() == Some("main") {
            report(text.unwrap_or("a panic without words"));
        }
        default(info);
    }));
}

fn report(fault: &str) {
    let line = fault.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    // If nobody listens, nothing is to be reported.
    _ = writeln!(io::stdout(), "{NOTICED}{line}");
}
