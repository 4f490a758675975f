//! `cluster`: what many processes get that commit to one shared folder, with Redis and without.
//!
//! Every process is this program again and has so many sessions, threads that wait for each commit
//! before they begin the next. With disjoint keys every session replaces values of its own; with the
//! hot one all of them count in the same. Beside each figure stands what the folder gives to anybody
//! who puts files of the size of a slot one after the other, taken right after it: disks differ, and
//! the same one from minute to minute.
//!
//! What is in the folder at the end has to agree with what the processes say they committed.

mod account;
mod crew;
mod member;
mod raw;
mod server;
mod work;

pub(crate) use member::serve;

use crate::{
    Result,
    engines::{Settings, version},
    frame::{Common, Recorder, Suite, Unit, seconds},
    measure::as_f64,
    probe::sync,
};
use account::Account;
use clap::{Args, ValueEnum};
use crew::Crew;
use member::Assignment;
use server::RedisServer;
use std::{fs, path::Path, time::Duration};
use work::Keys;

/// Rates that a long run is divided into, of which the first third is compared with the last.
const STEPS: u32 = 12;

/// How processes that share a folder coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// By the folder alone.
    Sop,
    /// By a Redis server as well.
    SopRedis,
}

/// Many processes commit to one shared folder
#[derive(Clone, Debug, Args)]
pub(crate) struct Cluster {
    #[command(flatten)]
    common: Common<Peer>,

    /// Numbers of processes
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8],
        value_parser = clap::value_parser!(u16).range(1..=64))]
    processes: Vec<u16>,

    /// Which keys they write [default: both]
    #[arg(long, value_enum, value_delimiter = ',')]
    keys: Vec<Keys>,

    /// Sessions of each process
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=250))]
    sessions: u16,

    /// Bytes that each transaction writes
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(16..=1 << 16))]
    bytes: u32,

    /// Seconds before each measurement, and seconds of the bare files after it
    #[arg(long, default_value = "1", value_parser = seconds)]
    warm_up: Duration,

    /// Seconds of each measurement
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,

    /// Seconds of the long run, which shows whether rates decay; none without
    #[arg(long, value_parser = seconds)]
    steady_seconds: Option<Duration>,

    /// Milliseconds that each sync takes longer on the slow disk; none without
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(0..=1_000))]
    slow_sync_ms: u64,

    /// Processes of the long run
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    steady_processes: u16,
}

impl Suite for Cluster {
    const NAME: &'static str = "cluster";
    type Peer = Peer;
    const OURS: Peer = Peer::Sop;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        let steady =
            self.steady_seconds.map_or_else(String::new, |time| format!(", long runs {time:?}"));
        format!(
            "the column of threads counts processes, of {} sessions each; {} B in each transaction, \
             {:?} each after {:?}{steady}; slow syncs take {} ms longer than the disk; latencies are \
             those of one session's commits, attempts that failed included; Redis: {}",
            self.sessions,
            self.bytes,
            self.seconds,
            self.warm_up,
            self.slow_sync_ms,
            server::version().unwrap_or_else(|| "none here".to_owned()),
        )
    }

    fn settings(peer: &Peer) -> Settings {
        Settings {
            name: format!("sop-core {}", version("sop-core")),
            options: match peer {
                Peer::Sop => "`Mode::Shared`, coordinated by the folder alone",
                Peer::SopRedis => {
                    "`Mode::Shared`, coordinated by a Redis server of the same machine"
                }
            },
            durable: "each slot written, synced, linked, and its folder synced, for all commits of \
                      a process that wait together",
            relaxed: "never",
        }
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        if *peer == Peer::SopRedis && server::version().is_none() {
            return recorder.skip("workloads with Redis", "there is no redis-server");
        }
        let all = Keys::value_variants();
        for keys in all.iter().filter(|keys| self.keys.is_empty() || self.keys.contains(keys)) {
            for &processes in &self.processes {
                let account = self.account(*peer, (*keys, processes, self.seconds), folder)?;
                account.record(keys.name(), recorder)?;
            }
        }
        if self.slow_sync_ms > 0 {
            sync::set_delay(Duration::from_millis(self.slow_sync_ms));
            let recorded = self.record_slow_syncs(*peer, folder, recorder);
            sync::set_delay(Duration::ZERO);
            recorded?;
        }
        if let Some(time) = self.steady_seconds {
            let measurement = (Keys::Disjoint, self.steady_processes, time);
            self.account(*peer, measurement, folder)?.record("steady", recorder)?;
        }
        Ok(())
    }
}

impl Cluster {
    /// Disjoint keys on the slow disk.
    fn record_slow_syncs(&self, peer: Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        for &processes in &self.processes {
            let account = self.account(peer, (Keys::Disjoint, processes, self.seconds), folder)?;
            account.record("slow_sync", recorder)?;
        }
        Ok(())
    }

    /// What so many processes do in so much time, in a folder of their own.
    fn account(
        &self,
        peer: Peer,
        (keys, processes, time): (Keys, u16, Duration),
        folder: &Path,
    ) -> Result<Account> {
        let folder = folder.join("shared");
        let redis = match peer {
            Peer::Sop => None,
            Peer::SopRedis => Some(RedisServer::start()?),
        };
        let assignment = Assignment {
            folder: folder.clone(),
            redis: redis.as_ref().map(RedisServer::address),
            keys,
            number: 0,
            sessions: self.sessions,
            bytes: self.bytes,
            cache: self.common.cache_mib << 20,
            warm_up: self.warm_up,
            step: time / STEPS,
            steps: STEPS,
            sync_delay: sync::delay(),
        };
        let mut account = Crew::start(&assignment, processes)?.finish(redis)?;
        work::check(&assignment, &account.ends)?;
        account.raw = raw::rate(&folder, 1, account.slot_len(), self.warm_up)?;
        if processes > 1 {
            let racing = raw::rate(&folder, processes, account.slot_len(), self.warm_up)?;
            account.raced = Some(racing);
        }
        fs::remove_dir_all(&folder)?;
        Ok(account)
    }
}

impl Account {
    /// Records everything under the name of a workload.
    fn record(&self, name: &str, recorder: &Recorder) -> Result<()> {
        let (processes, others) = (self.ends.len(), self.cost.others);
        recorder.rate(name, processes, Unit::Commits, &self.cost)?;
        recorder.latencies(
            |part| format!("{name}_{part}"),
            processes,
            &self.cost,
            &self.latencies,
        )?;
        let value = |part: &str, unit, value| {
            recorder.value(&format!("{name}_{part}"), processes, (unit, value), others)
        };
        let (slots, counts) = (self.slot_rate(), &self.counts);
        value("slots", Unit::Slots, slots)?;
        value("raw", Unit::Slots, self.raw)?;
        if let Some(raced) = self.raced {
            value("raw_racing", Unit::Slots, raced)?;
        }
        value("slots_of_raw", Unit::Share, slots / self.raw)?;
        value("in_slot", Unit::PerSlot, counts.per_slot(counts.commits))?;
        value("carried", Unit::Share, as_f64(counts.commits) / as_f64(counts.waiting.max(1)))?;
        value("lost_links", Unit::Times, counts.per_slot(counts.lost_links))?;
        value("conflicts", Unit::Times, self.cost.each(counts.conflicts))?;
        value("fairness", Unit::Share, self.fairness())?;
        value("kept", Unit::Share, self.kept())
    }
}
