//! A Redis server of a test's own, on a port of the loopback that was free.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use ::redis::{Cmd, FromRedisValue};
use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// How many ports are tried, as somebody else may take one first.
const PORTS_TRIED: usize = 20;

/// What a server says when it can be talked to; a sentinel says the latter.
const READY: [&str; 2] = ["Ready to accept connections", "+monitor master"];

/// A server with its process, which ends with this.
#[derive(Debug)]
pub struct RedisServer {
    folder: tempfile::TempDir,
    place: Place,
    port: u16,
    /// What follows the port, when it is started.
    settings: Vec<String>,
    running: Option<Running>,
}

/// Where it runs.
#[derive(Debug)]
struct Place {
    /// The command by which it is started, if it is started by one.
    through: Vec<String>,
    /// The addresses that it listens at.
    hosts: Vec<String>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    /// Kept open, for the server goes on talking.
    _says: Lines<BufReader<ChildStdout>>,
}

impl RedisServer {
    /// Starts one that anybody may use.
    ///
    /// # Errors
    /// If there is no `redis-server`, which `tests/run.sh` installs, or it does not start.
    pub fn start() -> Outcome<Self> {
        Self::with(&[])
    }

    /// Starts one with such settings, as on the command line.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn with(settings: &[&str]) -> Outcome<Self> {
        Self::prepared(|_, port| {
            let port = port.to_string();
            let all = [&["--port", &port, "--save", ""], settings].concat();
            Ok(all.into_iter().map(str::to_owned).collect())
        })
    }

    /// Starts one with what is made for it in its folder and of its port.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn prepared(settings: impl Fn(&Path, u16) -> Outcome<Vec<String>>) -> Outcome<Self> {
        let place = Place { through: Vec::new(), hosts: vec!["127.0.0.1".to_owned()] };
        Self::at(place, settings)
    }

    /// Starts one that anybody may use who reaches one of these addresses, in another network that
    /// is entered by a command.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn elsewhere(through: &[&str], hosts: &[&str]) -> Outcome<Self> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self::at(Place { through: owned(through), hosts: owned(hosts) }, |_, port| {
            let port = port.to_string();
            Ok(owned(&["--port", &port, "--save", "", "--protected-mode", "no"]))
        })
    }

    fn at(place: Place, settings: impl Fn(&Path, u16) -> Outcome<Vec<String>>) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        for _ in 0..PORTS_TRIED {
            let port = Self::free_port()?;
            let settings = settings(folder.path(), port)?;
            if let Some(running) = run(folder.path(), &place, &settings)? {
                return Ok(Self { folder, place, port, settings, running: Some(running) });
            }
        }
        Err("a Redis server does not start on any port".into())
    }

    /// A port that nobody listens at, for now.
    ///
    /// # Errors
    /// If there is none.
    pub fn free_port() -> Outcome<u16> {
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
    }

    /// The port that it listens at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, without a name or password.
    pub fn address(&self) -> String {
        format!("redis://{}:{}", self.place.hosts[0], self.port)
    }

    /// The folder where it runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the process at once.
    ///
    /// # Errors
    /// If it has ended before.
    pub fn kill(&mut self) -> Outcome {
        let mut running = self.running.take().ok_or("the server does not run")?;
        running.process.kill()?;
        running.process.wait()?;
        Ok(())
    }

    /// Starts it again where it was, with nothing in it.
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart(&mut self) -> Outcome {
        if self.running.is_some() {
            self.kill()?;
        }
        self.running = run(self.folder.path(), &self.place, &self.settings)?;
        self.running.is_some().then_some(()).ok_or_else(|| "the server does not start again".into())
    }

    /// Stops the process where it is; it accepts connections, and answers nothing.
    ///
    /// # Errors
    /// If it does not run.
    pub fn pause(&self) -> Outcome {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// If it does not run.
    pub fn resume(&self) -> Outcome {
        self.signal(Signal::CONT)
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn flush(&self) -> Outcome {
        self.ask(&["FLUSHALL"])
    }

    /// Asks it something, as nobody in particular.
    ///
    /// # Errors
    /// If it does not answer, or with something else.
    pub fn ask<T: FromRedisValue>(&self, words: &[impl AsRef<[u8]>]) -> Outcome<T> {
        ask(&self.address(), words)
    }

    fn signal(&self, signal: Signal) -> Outcome {
        let running = self.running.as_ref().ok_or("the server does not run")?;
        let id = Pid::from_raw(running.process.id().try_into()?).ok_or("no process has 0")?;
        Ok(kill_process(id, signal)?)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            // It ends even when it is stopped; if it has ended already that is as good.
            drop(running.process.kill());
            drop(running.process.wait());
        }
    }
}

/// Asks the server at an address something.
///
/// # Errors
/// If it does not answer, or with something else.
pub fn ask<T: FromRedisValue>(address: &str, words: &[impl AsRef<[u8]>]) -> Outcome<T> {
    let mut question = Cmd::new();
    for word in words {
        question.arg(word.as_ref());
    }
    Ok(question.query(&mut ::redis::Client::open(address)?.get_connection()?)?)
}

/// Starts a process and waits until it is ready. None if it ended before.
fn run(folder: &Path, place: &Place, settings: &[String]) -> Outcome<Option<Running>> {
    let program = "redis-server".to_owned();
    let words: Vec<_> = place.through.iter().chain([&program]).collect();
    let mut process = Command::new(words[0])
        .args(&words[1..])
        .args(settings)
        .arg("--bind")
        .args(&place.hosts)
        .args(["--daemonize", "no", "--logfile", ""])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("redis-server, which tests/run.sh installs: {error}"))?;
    let output = process.stdout.take().ok_or("the output is not ours")?;
    let mut says = BufReader::new(output).lines();
    while let Some(line) = says.next().transpose()? {
        if READY.iter().any(|ready| line.contains(ready)) {
            return Ok(Some(Running { process, _says: says }));
        }
    }
    process.wait()?;
    Ok(None)
}

/// Writes a file into a server's folder, and says where.
///
/// # Errors
/// If it cannot be written.
pub fn file(folder: &Path, name: &str, text: &str) -> Outcome<String> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path.to_str().ok_or("the folder has a strange name")?.to_owned())
}
