//! Opens a database and holds it until the standard input ends.
//!
//! Takes the folder. Prints one line: `open`, or the kind of the error and its text.

use std::{
    env,
    io::{self, Read, Write},
};

use sop_core::Database;
use sop_tests::Outcome;

fn main() -> Outcome {
    let folder = env::args().nth(1).ok_or("the folder is missing")?;
    let result = Database::open(folder);
    match &result {
        Ok(_) => writeln!(io::stdout(), "open")?,
        Err(error) => writeln!(io::stdout(), "{:?}: {error}", error.kind())?,
    }
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
