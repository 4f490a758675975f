//! A process that ends in the middle of everything loses nothing that it was told is durable.
//!
//! What was written is in the hands of the operating system, so that without a crash of the machine
//! nothing is lost that was acknowledged at all.

use std::{
    hint,
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use fastrand::Rng;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use sop_core::{Error, StoreOptions};
use sop_tests::{Home, Outcome, Seed, effort, ledger, tally, write};

const KILLS: u64 = 150;

/// Most lines that are waited for before a process is killed.
const LINES_MAX: usize = 200;

/// How far each thread came, as far as it was told.
type Came = [u64; ledger::THREADS];

#[test]
fn a_killed_process_leaves_every_acknowledged_commit_and_no_half_of_any() -> Outcome {
    let home = prepared()?;
    let mut random = Seed::new(13).stream(0);
    let mut came = [0; ledger::THREADS];
    let (mut in_opening, mut in_closing) = (0, 0);
    for round in 1..=KILLS * effort() {
        let mut writer = Writer::start(home.path(), random.u64(..), "never")?;
        match random.u8(..4) {
            0 => writer.read_until("opening", &mut came)?,
            1 => writer.read_until("closing", &mut came)?,
            _ => writer.read_lines(random.usize(..LINES_MAX), &mut came)?,
        }
        spin(&mut random);
        writer.process.kill()?;
        let (status, last) = writer.finish(&mut came)?;
        assert!(status.code().is_none(), "the process ended by itself: {status}");
        in_opening += u64::from(last == "opening");
        in_closing += u64::from(last == "closing");
        // What is left is for the next process to recover, or to be killed while it does.
        if random.bool() {
            came = look(&home, came, round)?;
        }
    }
    look(&home, came, 0)?;
    assert!(came.iter().all(|n| *n > KILLS), "so few commits say little: {came:?}");
    // How many there are is up to the scheduler, but hardly that there are none.
    assert!(in_opening > 0, "none was killed while it opened the database");
    assert!(in_closing > 0, "none was killed while it closed the database");
    tally(in_opening, "processes killed while opening");
    tally(in_closing, "processes killed while closing");
    tally(KILLS * effort(), "processes killed");
    Ok(())
}

#[test]
fn a_process_that_ends_without_closing_leaves_every_acknowledged_commit() -> Outcome {
    let home = prepared()?;
    let mut random = Seed::new(17).stream(0);
    let mut came = [0; ledger::THREADS];
    for round in 1..=8 * effort() {
        for (ending, code) in [("panic", Some(101)), ("abort", None), ("exit", Some(7))] {
            let writer = Writer::start(home.path(), random.u64(..), ending)?;
            let (status, _) = writer.finish(&mut came)?;
            // There is no code if a signal was the end, as it is with an abort.
            assert_eq!(status.code(), code, "{ending}");
            came = look(&home, came, round)?;
        }
    }
    tally(24 * effort(), "processes that ended themselves");
    Ok(())
}

#[test]
fn a_process_that_is_stopped_keeps_its_database_and_goes_on() -> Outcome {
    let home = prepared()?;
    let mut random = Seed::new(19).stream(0);
    let mut came = [0; ledger::THREADS];
    let mut refused = 0;
    for round in 1..=8 * effort() {
        let mut writer = Writer::start(home.path(), random.u64(..), "never")?;
        for _ in 0..4 {
            writer.read_lines(random.usize(1..LINES_MAX), &mut came)?;
            writer.read_until("open", &mut came)?;
            spin(&mut random);
            writer.stop()?;
            // This returns, although the other process does nothing. It may have been stopped
            // between two openings, but then it finds nothing wrong later.
            match ledger::open(home.path()) {
                Err(Error::InUse { path }) if path == home.path() => refused += 1,
                Err(error) => Err(error)?,
                Ok(db) => db.close()?,
            }
            kill_process(writer.id()?, Signal::CONT)?;
            writer.read_lines(LINES_MAX, &mut came)?;
        }
        writer.process.kill()?;
        writer.finish(&mut came)?;
        came = look(&home, came, round)?;
    }
    assert!(refused > 16 * effort(), "only {refused} had the database open");
    tally(32 * effort(), "processes stopped");
    Ok(())
}

fn prepared() -> Outcome<Home> {
    let home = Home::on_disk();
    let db = ledger::open(home.path())?;
    ledger::prepare(&db, ledger::THREADS)?;
    db.close()?;
    Ok(home)
}

/// Asserts that the database has what it must have and can be written to.
fn look(home: &Home, came: Came, round: u64) -> Outcome<Came> {
    let db = ledger::open(home.path())?;
    // Each thread may have been in the middle of one.
    let came = ledger::verify(&db, &came.map(|n| n..=n + 1))?;
    write(&db, |transaction| {
        let rounds = transaction.open_store("rounds", &StoreOptions::default())?;
        rounds.add(round.to_be_bytes(), "the database can be written to")
    })?;
    write(&db, |transaction| transaction.drop_store("rounds"))?;
    if round.is_multiple_of(2) {
        db.close()?;
    }
    Ok(came)
}

/// Lets a moment pass: mostly short, sometimes long.
fn spin(random: &mut Rng) {
    let magnitude = random.u32(..20);
    (0..random.u32(..1 << magnitude)).for_each(|_| hint::spin_loop());
}

/// A process that commits, and what it says.
struct Writer {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// The last that it said it does, or has done, to the database.
    last: String,
}

impl Writer {
    fn start(folder: &Path, seed: u64, ending: &str) -> Outcome<Self> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_kill_writer"))
            .arg(folder)
            .args([&seed.to_string(), ending])
            .stdout(Stdio::piped())
            .stderr(if ending == "panic" { Stdio::null() } else { Stdio::inherit() })
            .spawn()?;
        let output = process.stdout.take().ok_or("the output is not ours")?;
        let lines = BufReader::new(output).lines();
        Ok(Self { process, lines, last: String::new() })
    }

    fn id(&self) -> Outcome<Pid> {
        Ok(Pid::from_raw(self.process.id().try_into()?).ok_or("no process has 0")?)
    }

    /// Stops the process, and returns when it has.
    fn stop(&self) -> Outcome {
        kill_process(self.id()?, Signal::STOP)?;
        waitpid(Some(self.id()?), WaitOptions::UNTRACED)?;
        Ok(())
    }

    fn read_lines(&mut self, count: usize, came: &mut Came) -> Outcome {
        (0..count).try_for_each(|_| self.read_line(came))
    }

    fn read_until(&mut self, last: &str, came: &mut Came) -> Outcome {
        while self.last != last {
            self.read_line(came)?;
        }
        Ok(())
    }

    fn read_line(&mut self, came: &mut Came) -> Outcome {
        let line = self.lines.next().ok_or("the process ended by itself")??;
        self.note(line, came)
    }

    /// Reads what the process still says, and how it ends.
    fn finish(mut self, came: &mut Came) -> Outcome<(ExitStatus, String)> {
        while let Some(line) = self.lines.next() {
            self.note(line?, came)?;
        }
        Ok((self.process.wait()?, self.last))
    }

    fn note(&mut self, line: String, came: &mut Came) -> Outcome {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some(thread), Some(n)) => came[thread.parse::<usize>()?] = n.parse()?,
            _ => self.last = line,
        }
        Ok(())
    }
}
