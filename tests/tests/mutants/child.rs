//! One lane with one guard missing, or none.

use std::{
    any::Any,
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
};

use sop_core::guard::{self, Guard};
use sop_tests::Outcome;

use crate::lanes::{self, Lane};

/// In place of a guard, that none is missing.
pub(crate) const NONE: &str = "none";

/// Says before each piece which it is, so that the last line tells where it ended.
pub(crate) const PIECE: &str = "piece ";

/// Says what was noticed.
pub(crate) const NOTICED: &str = "noticed: ";

/// Searches the lane's pieces until one fails.
pub(crate) fn run(lane: &str, missing: &str) -> Outcome<ExitCode> {
    let lane = lanes::ALL.iter().find(|known| known.name == lane).ok_or("no such lane")?;
    let guard = Guard::ALL.iter().find(|guard| format!("{guard:?}") == missing);
    let _missing = match guard {
        Some(guard) => Some(guard::remove(*guard)),
        None if missing == NONE => None,
        None => return Err("no such guard".into()),
    };
    // A panic is what is searched for, not worth a trace.
    if guard.is_some() {
        panic::set_hook(Box::new(|_| {}));
    }
    let mut out = io::stdout();
    for number in 0..lane.budget {
        writeln!(out, "{PIECE}{}", number + 1)?;
        if let Err(fault) = search(lane, number) {
            writeln!(out, "{NOTICED}{}", fault.lines().collect::<Vec<_>>().join(" "))?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn search(lane: &Lane, number: u64) -> Result<(), String> {
    match panic::catch_unwind(AssertUnwindSafe(|| (lane.search)(number))) {
        Ok(outcome) => outcome.map_err(|failure| format!("{failure:?}")),
        Err(payload) => Err(message(&*payload)),
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "a panic without words".to_owned())
}
