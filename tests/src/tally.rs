//! How much the long tests do, and how much they did.

use std::{env, fs::OpenOptions, io::Write};

/// How many times as much as usual the long tests are to do: `SOP_TEST_EFFORT`, or 1.
///
/// # Panics
/// If it is set to anything but a number from 1 on.
pub fn effort() -> u64 {
    match env::var("SOP_TEST_EFFORT") {
        Ok(text) => match text.parse() {
            Ok(effort) if effort > 0 => effort,
            _ => panic!("SOP_TEST_EFFORT must be a number from 1 on, not {text:?}"),
        },
        Err(_) => 1,
    }
}

/// Notes that so many of something were tested, for the list that ends a run of all tests.
///
/// What the file named by `SOP_TEST_TALLY` gets is a line of a count and a name; `tests/run.sh`
/// adds up the lines of each name. Without the variable nothing is noted.
///
/// # Panics
/// If the file cannot be written to.
pub fn tally(count: u64, of: &str) {
    let Some(path) = env::var_os("SOP_TEST_TALLY") else { return };
    let line = format!("{count} {of}\n");
    // One write, so that lines of several processes do not mix.
    let noted = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    noted.unwrap_or_else(|error| panic!("cannot write to {}: {error}", path.display()));
}

/// Says that something was not tested, because this machine does not allow it: to whoever looks at
/// the test, and in the list that ends a run of all tests.
pub fn skip(what: &str) {
    #[expect(clippy::print_stderr, reason = "what is skipped must be seen")]
    {
        eprintln!("skipped: {what}");
    }
    tally(1, &format!("SKIPPED: {what}"));
}
