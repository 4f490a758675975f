//! A PostgreSQL server of one's own, for examples and tests: in a folder that goes with it, reached by
//! nobody from outside.

use std::{
    fs, io,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;
use tokio_postgres::Config;

/// What Debian's package calls the user whom the server runs as; it refuses to be root.
const USER: &str = "postgres";

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    as_other: bool,
}

impl PostgresServer {
    /// Makes one and starts it, with room for prepared transactions.
    ///
    /// # Errors
    /// If PostgreSQL is not installed (`apt-get install postgresql`), or does not start.
    pub fn start() -> io::Result<Self> {
        let programs = programs()?;
        let folder = tempfile::tempdir()?;
        let as_other = text(&Command::new("id").arg("-u").output()?).trim() == "0";
        if as_other {
            let user = Command::new("id").args(["-u", USER]).output()?;
            let user = text(&user).trim().parse().map_err(io::Error::other)?;
            chown(folder.path(), Some(user), None)?;
        }
        let server = Self { folder, programs, as_other };
        let data = server.data();
        let arguments = ["-D", &data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale"];
        server.run("initdb", &arguments)?;
        server.restart()?;
        Ok(server)
    }

    /// How it is reached.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user(USER).dbname(USER);
        config
    }

    /// The folder with the socket that it listens at.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it again, after [`crash`](Self::crash).
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart(&self) -> io::Result<()> {
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c max_prepared_transactions=64 \
             -c fsync=on",
            self.folder.path().display()
        );
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["start", "-w", "-D", &self.data(), "-l", &log, "-o", &options])
    }

    /// Ends it at once, without letting it finish anything: it recovers when it is started again.
    ///
    /// # Errors
    /// If it does not run.
    pub fn crash(&self) -> io::Result<()> {
        self.run("pg_ctl", &["stop", "-w", "-D", &self.data(), "-m", "immediate"])
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        let path = self.programs.join(program);
        let mut command = if self.as_other {
            let mut command = Command::new("runuser");
            command.args(["-u", USER, "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        // Into a file: a server that is started keeps what it is given open.
        let says = fs::OpenOptions::new().create(true).append(true).open(self.says())?;
        let status = command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdout(says.try_clone()?)
            .stderr(says)
            .status()?;
        if status.success() {
            return Ok(());
        }
        let said = fs::read_to_string(self.says())?;
        Err(io::Error::other(format!("{program} has failed: {said}")))
    }

    fn says(&self) -> PathBuf {
        self.folder.path().join("says")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // If it does not run, there is nothing to end.
        drop(self.crash());
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Where the newest version is installed that there is.
fn programs() -> io::Result<PathBuf> {
    let missing = |error| {
        io::Error::other(format!(
            "PostgreSQL is not installed (apt-get install postgresql): {error}"
        ))
    };
    let versions = fs::read_dir(Path::new("/usr/lib/postgresql")).map_err(missing)?;
    let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    let newest = programs.filter(|programs| programs.join("pg_ctl").exists()).max();
    newest.ok_or_else(|| missing(io::ErrorKind::NotFound.into()))
}
