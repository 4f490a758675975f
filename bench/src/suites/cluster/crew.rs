//! The processes of a measurement: this program again, once for each.
//!
//! A process says that it is ready, is told to begin, and says what it has done, each in a line.

use super::{
    account::Account,
    member::{Assignment, Report},
    server::RedisServer,
};
use crate::{Result, frame::Usage};
use std::{
    env,
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
};

/// Processes that are ready to begin.
#[derive(Debug)]
pub(super) struct Crew {
    before: Option<Usage>,
    members: Vec<Process>,
}

/// One process; it ends with this.
#[derive(Debug)]
struct Process {
    child: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Crew {
    /// Starts so many processes with the same to do, and waits until all are ready.
    pub(super) fn start(assignment: &Assignment, processes: u16) -> Result<Self> {
        let before = Usage::now();
        let mut members = Vec::new();
        for number in 0..processes {
            let mut process = Process::start(&Assignment { number, ..assignment.clone() })?;
            // The first one creates the folder, with the others it would be a race.
            process.hear()?;
            members.push(process);
        }
        Ok(Self { before, members })
    }

    /// Lets all of them begin, and waits for what they have done. The server, if there is one, is in
    /// use until then.
    pub(super) fn finish(self, server: Option<RedisServer>) -> Result<Account> {
        let Self { before, mut members } = self;
        for member in &mut members {
            let input = member.child.stdin.as_mut().ok_or("a process has no input")?;
            input.write_all(b"begin\n")?;
        }
        let mut reports = Vec::new();
        for mut member in members {
            reports.push(serde_json::from_str::<Report>(&member.hear()?)?);
            let status = member.child.wait()?;
            if !status.success() {
                return Err(format!("a process ended with {status}").into());
            }
        }
        drop(server);
        Account::new(reports, before)
    }
}

impl Process {
    fn start(assignment: &Assignment) -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(["cluster-member", &serde_json::to_string(assignment)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("a process has no output")?;
        Ok(Self { child, says: BufReader::new(output).lines() })
    }

    fn hear(&mut self) -> Result<String> {
        Ok(self.says.next().ok_or("a process ended without a word")??)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // If it has ended already that is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
