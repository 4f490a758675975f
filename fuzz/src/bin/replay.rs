//! Runs every target over its stored inputs, without libFuzzer and sanitizers. An input that fails
//! ends it with a panic, after its path has been named.
//!
//! Arguments are targets; without any all of them are run. `--list` names the targets.

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
};

fn main() -> io::Result<()> {
    let asked: Vec<String> = env::args().skip(1).collect();
    let mut out = io::stdout();
    for (name, run) in sop_fuzz::TARGETS {
        if asked.iter().any(|word| word == "--list") {
            writeln!(out, "{name}")?;
        } else if asked.is_empty() || asked.iter().any(|word| word == name) {
            let count = replay(name, *run)?;
            writeln!(out, "{count:6} inputs of {name}")?;
        }
    }
    Ok(())
}

fn replay(name: &str, run: fn(&[u8])) -> io::Result<usize> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut paths: Vec<_> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?;
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    for path in &paths {
        let named = NameIfItFails(path);
        run(&fs::read(path)?);
        std::mem::drop(named);
    }
    Ok(paths.len())
}

/// Says which input it was when a target panics.
struct NameIfItFails<'p>(&'p Path);

impl Drop for NameIfItFails<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input is {}", self.0.display());
        }
    }
}
