//! A process that is killed in the middle of everything loses nothing that it was told is durable.

use std::{
    hint,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use sop_core::StoreOptions;
use sop_tests::{Home, Outcome, Seed, ledger, write};

const KILLS: u64 = 100;

/// Most commits that a process gets to make.
const COMMITS_MAX: usize = 200;

#[test]
fn a_killed_process_leaves_every_acknowledged_commit_and_no_half_of_any() -> Outcome {
    let home = Home::on_disk();
    let seed = Seed::new(13);
    let mut random = seed.stream(0);
    let db = ledger::open(home.path())?;
    ledger::prepare(&db)?;
    db.close()?;
    let mut came = [0; ledger::THREADS];
    for round in 1..=KILLS {
        let mut writer = Writer::start(home.path(), random.u64(..))?;
        if random.u8(..8) == 0 {
            spin(random.u32(..1_000_000));
        } else {
            writer.read_acknowledgements(random.usize(..COMMITS_MAX), &mut came)?;
            spin(random.u32(..10_000));
        }
        writer.kill(&mut came)?;

        let db = ledger::open(home.path())?;
        came = ledger::verify(&db, came)?;
        write(&db, |transaction| {
            let rounds = transaction.open_store("rounds", &StoreOptions::default())?;
            rounds.add(round.to_be_bytes(), "the database can be written to")
        })?;
        write(&db, |transaction| transaction.drop_store("rounds"))?;
        if random.bool() {
            db.close()?;
        }
    }
    assert!(came.iter().all(|n| *n > KILLS), "so few commits say little: {came:?}");
    Ok(())
}

/// Lets a moment pass that is not the same each time.
fn spin(rounds: u32) {
    (0..rounds).for_each(|_| hint::spin_loop());
}

/// The process to be killed, and what it says.
struct Writer {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Writer {
    fn start(folder: &Path, seed: u64) -> Outcome<Self> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_kill_writer"))
            .arg(folder)
            .arg(seed.to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("the output is not ours")?;
        Ok(Self { process, lines: BufReader::new(output).lines() })
    }

    /// Waits until so many commits are acknowledged.
    fn read_acknowledgements(
        &mut self,
        count: usize,
        came: &mut [u64; ledger::THREADS],
    ) -> Outcome {
        // The first line says that the database is open.
        for _ in 0..=count {
            let line = self.lines.next().ok_or("the process ended by itself")??;
            note(&line, came)?;
        }
        Ok(())
    }

    /// Kills the process, and reads what it had still said before.
    fn kill(mut self, came: &mut [u64; ledger::THREADS]) -> Outcome {
        self.process.kill()?;
        let status = self.process.wait()?;
        assert!(status.code().is_none(), "the process ended by itself: {status}");
        for line in self.lines {
            note(&line?, came)?;
        }
        Ok(())
    }
}

fn note(line: &str, came: &mut [u64; ledger::THREADS]) -> Outcome {
    if let Some((thread, n)) = line.split_once(' ') {
        came[thread.parse::<usize>()?] = n.parse()?;
    }
    Ok(())
}
