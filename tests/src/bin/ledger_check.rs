//! Checks what is left of the work of a process that is gone.
//!
//! Takes the folder of the database, and for each thread of [`sop_tests::ledger`] its last
//! transaction that must be there. Begins a database if there is none. Prints how far each thread
//! came; ends with an error if anything is missing, doubled, half done, or left over.

use std::{
    env,
    io::{self, Write},
    path::Path,
};

use sop_tests::{Outcome, ledger};

fn main() -> Outcome {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("the folder is missing")?;
    let durable = arguments.map(|argument| argument.parse()).collect::<Result<Vec<u64>, _>>()?;
    let durable: [u64; ledger::THREADS] = durable.try_into().map_err(|_| "a number is missing")?;
    let db = ledger::open(Path::new(&folder))?;
    if durable == [0; ledger::THREADS] && db.snapshot()?.stores()?.is_empty() {
        ledger::prepare(&db, ledger::THREADS)?;
    }
    let came = ledger::verify(&db, &durable.map(|durable| durable..=u64::MAX))?;
    writeln!(io::stdout(), "came to {came:?}")?;
    Ok(db.close()?)
}
