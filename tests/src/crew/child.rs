//! A worker as its test sees it: a process that was started, and what it says.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{self, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::{Orders, words::Word};
use crate::Outcome;

/// Where a worker works.
#[derive(Clone, Debug)]
pub struct Post {
    /// The folder that is shared, as it is seen there.
    pub folder: PathBuf,
    /// The address of its Redis server; none if it is empty.
    pub redis: String,
    /// The command by which it is started, such as one that enters another network.
    pub through: Vec<String>,
    /// How many times as fast as others its clock goes.
    pub haste: u32,
}

impl Default for Post {
    fn default() -> Self {
        Self { folder: PathBuf::new(), redis: String::new(), through: Vec::new(), haste: 1 }
    }
}

/// A worker that was started and is not known to have ended.
#[derive(Debug)]
pub(super) struct Child {
    process: process::Child,
    pub(super) output: ChildStdout,
    input: ChildStdin,
    /// What was said of a line that has not ended yet.
    begun: Vec<u8>,
    pub(super) is_stopped: bool,
    /// How many commits it was told of.
    pub(super) commits: u64,
    /// The last that it said of its state.
    pub(super) said: Option<Word>,
    /// What it was warned of.
    pub(super) warnings: Vec<String>,
}

impl Child {
    pub(super) fn start(program: &Path, post: &Post, orders: &Orders) -> Outcome<Self> {
        let words: Vec<_> = post
            .through
            .iter()
            .cloned()
            .chain([program.display().to_string()])
            .chain(orders.arguments())
            .collect();
        let mut process = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("the output is not ours")?;
        let input = process.stdin.take().ok_or("the input is not ours")?;
        let (begun, is_stopped, commits) = (Vec::new(), false, 0);
        let (said, warnings) = (None, Vec::new());
        Ok(Self { process, output, input, begun, is_stopped, commits, said, warnings })
    }

    /// Reads what there is, which must be something, or the end; nothing is the end. A line that the
    /// end broke off was never said.
    pub(super) fn hear(&mut self) -> Outcome<Option<Vec<Word>>> {
        let mut bytes = vec![0; 1 << 16];
        let len = self.output.read(&mut bytes)?;
        if len == 0 {
            return Ok(None);
        }
        self.begun.extend_from_slice(&bytes[..len]);
        let whole = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let lines = String::from_utf8(self.begun.drain(..whole).collect())?;
        lines.lines().map(str::parse).collect::<Outcome<_>>().map(Some)
    }

    /// Tells it something.
    pub(super) fn tell(&mut self, order: &str) -> Outcome {
        self.said = None;
        Ok(writeln!(self.input, "{order}")?)
    }

    /// Stops it, and returns when it has stopped.
    pub(super) fn stop(&mut self) -> Outcome {
        kill_process(self.id()?, Signal::STOP)?;
        waitpid(Some(self.id()?), WaitOptions::UNTRACED)?;
        self.is_stopped = true;
        Ok(())
    }

    /// Lets it go on.
    pub(super) fn resume(&mut self) -> Outcome {
        self.is_stopped = false;
        Ok(kill_process(self.id()?, Signal::CONT)?)
    }

    /// Ends it at once; what it has said can still be heard.
    pub(super) fn kill(&mut self) -> Outcome {
        self.process.kill()?;
        let status = self.process.wait()?;
        if status.code().is_some() {
            return Err(format!("the worker ended by itself: {status}").into());
        }
        Ok(())
    }

    /// Waits until it ends by itself.
    pub(super) fn wait(&mut self) -> Outcome<ExitStatus> {
        Ok(self.process.wait()?)
    }

    fn id(&self) -> Outcome<Pid> {
        Ok(Pid::from_raw(self.process.id().try_into()?).ok_or("no process has 0")?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It ends even when it is stopped; if it has ended already that is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
