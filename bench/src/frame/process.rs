//! Every peer in every round in a process of its own, the peers taking turns.
//!
//! A process of its own keeps one engine's memory, threads and page tables from another's figures.
//! Taking turns spreads whatever else the machine does over all peers alike; the peer that begins
//! changes from round to round, so that none always runs on the disk another one has just filled.
//!
//! The child is this program again with the same arguments and two more. It writes one record a
//! line to its standard output.

use super::{Common, Recorder, Suite, machine, record};
use crate::{Result, report};
use clap::ValueEnum;
use std::{
    env,
    fmt::Write as _,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// Measures a suite: as the child that was told its peer, else as the parent of all children.
pub(crate) fn run<S: Suite>(suite: &S) -> Result<()> {
    match suite.common() {
        Common { child: Some(peer), round: Some(round), .. } => child(suite, peer, *round),
        _ => parent(suite),
    }
}

fn child<S: Suite>(suite: &S, peer: &S::Peer, round: u32) -> Result<()> {
    let folder = scratch(suite.common())?;
    suite.run(peer, folder.path(), &Recorder::new(S::NAME, name(peer), round))
}

fn parent<S: Suite>(suite: &S) -> Result<()> {
    let common = suite.common();
    let mut peers = chosen::<S>(&common.peers);
    let conditions = conditions(suite, &peers)?;
    report::say(&conditions)?;
    if let Some(path) = &common.json {
        append(&report::conditions_of(path), &conditions)?;
    }

    let (mut records, mut failures) = (Vec::new(), Vec::new());
    for round in 1..=common.rounds {
        for peer in &peers {
            let name = name(*peer);
            report::progress(&format!("round {round} of {}: {name}", common.rounds))?;
            let (lines, outcome) = measure(&name, round)?;
            failures.extend(outcome.err().map(|error| format!("{name}, round {round}: {error}")));
            common.json.as_ref().map_or(Ok(()), |path| append(path, &lines))?;
            records.extend(record::parse(&lines)?);
        }
        peers.rotate_left(1);
    }
    report::table(&records)?;
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// SOP, and then the peers that were asked for, each once, or all.
fn chosen<S: Suite>(asked: &[S::Peer]) -> Vec<&S::Peer> {
    let is_chosen =
        |peer: &&S::Peer| **peer == S::OURS || asked.is_empty() || asked.contains(*peer);
    S::Peer::value_variants().iter().filter(is_chosen).collect()
}

/// Everything that figures depend on and do not show themselves, as Markdown.
fn conditions<S: Suite>(suite: &S, peers: &[&S::Peer]) -> Result<String> {
    let common = suite.common();
    let machine = machine::describe(scratch(common)?.path())?;
    let mut text = format!(
        "### Conditions of `{}`\n\n- {}\n- {} rounds, caches of {} MiB\n{machine}",
        S::NAME,
        suite.about(),
        common.rounds,
        common.cache_mib
    );
    for peer in peers {
        let settings = S::settings(peer);
        writeln!(text, "- `{}`: {}; {}", name(*peer), settings.name, settings.options)?;
    }
    text.push('\n');
    Ok(text)
}

/// Lets a child measure one peer. What it recorded counts also if it failed later.
fn measure(peer: &str, round: u32) -> Result<(String, Result<()>)> {
    let output = Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
        .args(["--child", peer, "--round", &round.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    let outcome =
        if output.status.success() { Ok(()) } else { Err(output.status.to_string().into()) };
    Ok((String::from_utf8(output.stdout)?, outcome))
}

/// Keeps what was recorded at once: a run that is interrupted has kept all rounds before.
fn append(path: &Path, lines: &str) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(file.write_all(lines.as_bytes())?)
}

/// An empty folder on the disk to measure; it is removed with everything in it when dropped.
fn scratch<P: ValueEnum + Send + Sync + 'static>(common: &Common<P>) -> Result<TempDir> {
    let parent: PathBuf = common.folder.clone().unwrap_or_else(env::temp_dir);
    Ok(tempfile::Builder::new().prefix("sop-bench-").tempdir_in(parent)?)
}

fn name(peer: &impl ValueEnum) -> String {
    peer.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
