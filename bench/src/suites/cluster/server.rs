//! A Redis server of a measurement's own, on a port of the loopback that was free.

use crate::Result;
use std::{
    io::{BufRead as _, BufReader, Lines},
    net::{Ipv4Addr, TcpListener},
    process::{Child, ChildStdout, Command, Stdio},
};

const PROGRAM: &str = "redis-server";

/// How many ports are tried, as somebody else may take one first.
const PORTS_TRIED: usize = 20;

/// A server that keeps nothing; it ends with this.
#[derive(Debug)]
pub(super) struct RedisServer {
    process: Child,
    port: u16,
    /// Kept open, for the server goes on talking.
    says: Lines<BufReader<ChildStdout>>,
}

/// What is installed, if anything is.
pub(super) fn version() -> Option<String> {
    let output = Command::new(PROGRAM).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map(str::to_owned)
}

impl RedisServer {
    /// Starts one.
    pub(super) fn start() -> Result<Self> {
        for _ in 0..PORTS_TRIED {
            let mut server =
                Self::at(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())?;
            while let Some(line) = server.says.next().transpose()? {
                if line.contains("Ready to accept connections") {
                    return Ok(server);
                }
            }
        }
        Err("a Redis server does not start on any port".into())
    }

    fn at(port: u16) -> Result<Self> {
        let mut process = Command::new(PROGRAM)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--daemonize", "no", "--logfile", ""])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("a server has no output")?;
        Ok(Self { process, port, says: BufReader::new(output).lines() })
    }

    /// Where it is to be found.
    pub(super) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // If it has ended already that is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
