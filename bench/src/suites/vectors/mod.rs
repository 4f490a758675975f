//! `vectors`: what a program gets from an index of vectors.
//!
//! The data are real: rows with embeddings, and questions from elsewhere. Answers may be
//! approximate: the effort of each index is raised until it finds what part of the exact answers is
//! asked for, and what it reached stands beside each figure.

mod churn;
mod insert;
mod search;

use crate::{
    Result,
    engines::Settings,
    frame::{Common, Recorder, Suite, Unit, allocated, seconds},
    measure::{as_f64, timed},
    probe::{memory, sync},
    vectors::{
        Catalogue, Item, Layout, Peer, Scope, Truth, Vectors as Index, WHOLE, Work,
        python::{Plan, Script, Search},
        rows, scopes,
    },
};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// One program searches vectors
#[derive(Clone, Debug, Args)]
pub(crate) struct Vectors {
    #[command(flatten)]
    common: Common<Peer>,

    /// The folder with the data
    #[arg(long, default_value = "../shared/data")]
    data: PathBuf,

    /// Only the first rows of the data [default: all]
    #[arg(long, value_parser = clap::value_parser!(u32).range(100..))]
    items: Option<u32>,

    /// Seconds for each workload, at least
    #[arg(long, default_value = "2", value_parser = seconds)]
    seconds: Duration,

    /// Threads that search side by side
    #[arg(long, value_delimiter = ',', default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Vec<u16>,

    /// What part (0 to 1) of the exact answers each index has to find
    #[arg(long, default_value_t = 0.95)]
    recall: f64,

    /// Measures every setting of a search, not only the one that is good enough
    #[arg(long)]
    curve: bool,

    /// The interpreter with the packages of `bench/python/requirements.txt`
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

impl Vectors {
    fn limit(&self) -> Option<usize> {
        self.items.map(|items| usize::try_from(items).unwrap_or(usize::MAX))
    }

    fn threads(&self) -> Vec<usize> {
        self.threads.iter().map(|threads| usize::from(*threads)).collect()
    }
}

impl Suite for Vectors {
    const NAME: &'static str = "vectors";
    type Peer = Peer;
    const OURS: Peer = Peer::Sop;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        let scopes = rows(&self.data, self.limit()).and_then(|rows| scopes(&rows));
        let scopes = scopes
            .map(|scopes| scopes.iter().map(Scope::describe).collect::<Vec<String>>().join(", "));
        format!(
            "searches for 10 answers of which {} are right, at least {:?} each; {}",
            self.recall,
            self.seconds,
            scopes.unwrap_or_else(|error| format!("no data in {}: {error}", self.data.display()))
        )
    }

    fn settings(peer: &Peer) -> Settings {
        peer.settings()
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        let catalogue = Catalogue::read(&self.data, self.limit())?;
        let scopes = scopes(catalogue.rows())?;
        peer.run(&Round { suite: self, catalogue: &catalogue, scopes, folder, recorder })
    }
}

/// One round on one index.
struct Round<'a> {
    suite: &'a Vectors,
    catalogue: &'a Catalogue,
    scopes: Vec<Scope>,
    folder: &'a Path,
    recorder: &'a Recorder,
}

impl Work for Round<'_> {
    fn on<V: Index>(&self) -> Result<()> {
        let items = self.catalogue.items();
        for layout in [Layout::Whole, Layout::Partitioned] {
            self.searches::<V>(layout, &items)?;
        }
        self.inserts::<V>(&items)
    }

    fn script(&self, script: &Script) -> Result<()> {
        let (suite, recorder) = (self.suite, self.recorder);
        if let Some(lack) = script.lacks(&suite.python) {
            return recorder.skip("workload", &lack);
        }
        let searches = self
            .scopes
            .iter()
            .map(|scope| Search::new(scope, &Truth::new(self.catalogue, |row| scope.holds(row))));
        let data = fs::canonicalize(&suite.data)?;
        let plan = Plan {
            suite: Vectors::NAME,
            engine: recorder.engine(),
            round: recorder.round(),
            seed: recorder.seed(),
            data: &data,
            folder: self.folder,
            items: self.catalogue.rows().len(),
            recall: suite.recall,
            seconds: suite.seconds.as_secs_f64(),
            threads: &suite.threads(),
            curve: suite.curve,
            searches: searches.collect(),
            inserts: insert::shares(self.catalogue.rows().len()),
        };
        script.run(&suite.python, &plan)
    }
}

impl Round<'_> {
    /// Builds a store from scratch, searches it, and changes the half of it.
    fn searches<V: Index>(&self, layout: Layout, items: &[Item<'_>]) -> Result<()> {
        let before = memory::resident()?;
        let (store, folder) = self.open::<V>(layout.name(), layout)?;
        let cost = timed(|| {
            store.build(items)?;
            Ok(u64::try_from(items.len())?)
        })?;
        let (build, disk, memory) = match layout {
            Layout::Whole => ("build", "disk_per_vector", "memory_per_vector"),
            Layout::Partitioned => (
                "build_partitioned",
                "disk_per_vector_partitioned",
                "memory_per_vector_partitioned",
            ),
        };
        let (build, rows) = (durable::<V>(build), as_f64(cost.ops));
        self.recorder.rate(&build, 1, Unit::Operations, &cost)?;
        count(&store, items.len())?;
        let mut last = None;
        for scope in self.scopes.iter().filter(|scope| Layout::of(scope) == layout) {
            last = Some((scope, self.search(&store, scope)?));
        }
        let grown = as_f64(memory::resident()?.saturating_sub(before));
        self.recorder.value(memory, 1, (Unit::Bytes, grown / rows), None)?;
        if folder.read_dir()?.next().is_some() {
            let taken = as_f64(allocated(&folder)?);
            self.recorder.value(disk, 1, (Unit::Bytes, taken / rows), None)?;
        }
        if let Some((scope, reached)) = last.filter(|(scope, _)| scope.name == WHOLE) {
            self.churn(&store, scope, items, reached)?;
        }
        Ok(())
    }

    /// An empty store in a folder of its own.
    fn open<V: Index>(&self, name: &str, layout: Layout) -> Result<(V, PathBuf)> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder)?;
        let store = V::open(&folder, layout, self.suite.common.cache_mib << 20)?;
        sync::watch()?;
        Ok((store, folder))
    }

    fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.recorder.seed())
    }
}

/// The name of a workload that writes: what a power cut would take is not to be compared with what
/// it would leave.
fn durable<V: Index>(workload: &str) -> String {
    format!("{workload}{}", if V::IS_DURABLE { "" } else { "_volatile" })
}

fn count(store: &impl Index, expected: usize) -> Result<()> {
    let found = store.len()?;
    if found == expected {
        Ok(())
    } else {
        Err(format!("there are {found} rows, not {expected}").into())
    }
}
