//! The lanes: what ordinary tests run, cut into pieces that can be counted.

use std::{
    io::ErrorKind,
    path::Path,
    sync::{Arc, OnceLock},
};

use sop_core::{Background, Database, Disk, Durability, Fault, Isolation, MemoryDisk, Survival};
use sop_tests::{
    Home, Outcome, Seed, away, beside, beyond, crash_matrix,
    damage::Sample,
    eventual,
    families::Relatives,
    full,
    history::{self, Anomaly, Workload},
    merge_model,
    merging::Merging,
    model,
    records::Records,
    simulation, taken_for_dead, two_phases,
    workload::{Run, Script, cut_at, go_wrong, life, moments},
};

/// A way to search for faults.
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    /// What a piece is.
    pub(crate) piece: &'static str,
    /// How many pieces must suffice.
    pub(crate) budget: u64,
    /// Whether its threads take turns, so that one processor is enough for it.
    pub(crate) takes_turns: bool,
    /// Searches one piece, which its number tells from all others.
    pub(crate) search: fn(u64) -> Outcome,
}

pub(crate) const ALL: &[&Lane] = &[
    POWER, ERRORS, ENDS, EVENTUAL, BESIDE, FULL, BITS, COPIES, MODEL, CONFLICTS, HISTORIES,
    SIMULATION, TYPED, CLUSTER, AWAY, DEAD, RECORDS, MERGES, RELATIVES, PHASES, MATRIX, BEYOND,
];

/// The life whose moments are searched. Without some guard it may not even be lived to its end.
fn lived() -> &'static Run {
    static LIFE: OnceLock<Run> = OnceLock::new();
    LIFE.get_or_init(|| life(2, Background::Manual, Seed::new(41)))
}

/// More calls than a disk gets in the lives here. Pieces beyond find nothing new.
const CALLS: u64 = 1_200;

pub(crate) const POWER: &Lane = &Lane {
    name: "power cuts",
    piece: "moments of a life",
    budget: CALLS,
    takes_turns: false,
    search: |number| {
        let run = lived();
        let moments = moments(run.disk());
        let Some(call) = usize::try_from(number).ok().and_then(|at| moments.get(at)) else {
            return Ok(());
        };
        let outcomes = [Survival::Nothing, Survival::Everything, Survival::Random(number)];
        cut_at(run, *call, outcomes)
    },
};

pub(crate) const ERRORS: &Lane = &Lane {
    name: "I/O errors",
    piece: "calls that fail",
    budget: CALLS,
    takes_turns: false,
    search: |number| {
        let fault = Fault::Error(ErrorKind::Other);
        go_wrong(&script(), |faults| faults.once(number, fault), number).map(drop)
    },
};

pub(crate) const ENDS: &Lane = &Lane {
    name: "ends of the process",
    piece: "calls that are the last",
    budget: CALLS,
    takes_turns: false,
    search: |number| {
        go_wrong(&script(), |faults| faults.from(number, Fault::Ended), number).map(drop)
    },
};

fn script() -> Script {
    Script::new(1, Seed::new(51))
}

pub(crate) const EVENTUAL: &Lane = &Lane {
    name: "power cuts of what was not synced",
    piece: "databases with four cuts",
    budget: 400,
    takes_turns: false,
    search: |number| eventual::lose_power(&mut Seed::new(43).stream(number)),
};

pub(crate) const BESIDE: &Lane = &Lane {
    name: "checkpoints beside writers",
    piece: "databases of 10 lives",
    budget: 3,
    takes_turns: false,
    search: |number| beside::live(&Home::on_disk(), 10, Seed::new(number)),
};

pub(crate) const FULL: &Lane = &Lane {
    name: "full disks",
    piece: "disks",
    budget: 1,
    takes_turns: false,
    search: |_| {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        full::fills_up_and_recovers(&disk, Path::new("db"))
    },
};

pub(crate) const BITS: &Lane = &Lane {
    name: "flipped bits",
    piece: "rounds over all files",
    budget: 2,
    takes_turns: false,
    search: |number| {
        Sample::make()?.flip_bits(500, &mut Seed::new(21).stream(number));
        Ok(())
    },
};

pub(crate) const COPIES: &Lane = &Lane {
    name: "mixed copies",
    piece: "pairs of copies",
    budget: 1,
    takes_turns: false,
    search: |_| Sample::make()?.mix_with_a_copy(),
};

pub(crate) const MODEL: &Lane = &Lane {
    name: "model of a store",
    piece: "seeds of 20000 steps",
    budget: 8,
    takes_turns: false,
    search: |number| model::Run::new(Home::in_memory(), Seed::new(number))?.steps(20_000),
};

pub(crate) const CONFLICTS: &Lane = &Lane {
    name: "model of conflicts",
    piece: "seeds of 1000 transactions",
    budget: 8,
    takes_turns: false,
    search: |number| {
        let isolation =
            [Isolation::Serializable, Isolation::Snapshot][usize::from(number % 2 == 1)];
        let run = merge_model::Run::new(&Home::in_memory(), isolation)?;
        run.transactions(Seed::new(number).stream(0), 1_000)
    },
};

pub(crate) const HISTORIES: &Lane = &Lane {
    name: "cycles in histories",
    piece: "histories of 2000 transactions",
    budget: 8,
    takes_turns: false,
    search: |number| {
        let seed = Seed::new(31).at(number);
        let workload = Workload {
            seed,
            threads: 8,
            transactions: 250,
            isolations: vec![Isolation::Serializable],
            durabilities: vec![Durability::Immediate, Durability::Eventual],
        };
        let anomalies = history::check(&history::record(&Home::in_memory().open()?, &workload)?);
        let words: Vec<_> = anomalies.iter().map(Anomaly::to_string).collect();
        if words.is_empty() { Ok(()) } else { Err(words.join("; ").into()) }
    },
};

pub(crate) const SIMULATION: &Lane = &Lane {
    name: "simulator",
    piece: "seeds",
    budget: 500,
    takes_turns: false,
    search: |number| Ok(simulation::run(number).map(drop).map_err(|failure| failure.reason)?),
};

pub(crate) const TYPED: &Lane = &Lane {
    name: "typed simulator",
    piece: "seeds",
    budget: 500,
    takes_turns: false,
    search: |number| {
        Ok(simulation::typed::run(number).map(drop).map_err(|failure| failure.reason)?)
    },
};

pub(crate) const CLUSTER: &Lane = &Lane {
    name: "simulator of clusters",
    piece: "seeds",
    budget: 300,
    takes_turns: true,
    search: |number| {
        Ok(simulation::cluster::run(number).map(drop).map_err(|failure| failure.reason)?)
    },
};

/// More calls than anything takes of which somebody is in the middle.
const CALLS_AWAY: u64 = 120;

pub(crate) const AWAY: &Lane = &Lane {
    name: "away at each call",
    piece: "calls",
    budget: CALLS_AWAY * 16,
    takes_turns: false,
    search: |number| {
        let cases = away::cases();
        let case = cases[usize::try_from(number)? % cases.len()];
        away::meet(number / cases.len() as u64, case).map(drop)
    },
};

pub(crate) const PHASES: &Lane = &Lane {
    name: "two phases",
    piece: "seeds",
    budget: 100,
    takes_turns: false,
    search: |number| two_phases::run(Seed::new(number)).map(drop),
};

pub(crate) const MATRIX: &Lane = &Lane {
    name: "interrupted global commits",
    piece: "cases",
    budget: 2_000,
    takes_turns: false,
    search: |number| {
        let case =
            usize::try_from(number).ok().and_then(|at| crash_matrix::cases().get(at).copied());
        case.map_or(Ok(()), |case| crash_matrix::run(&case).map(drop))
    },
};

pub(crate) const BEYOND: &Lane = &Lane {
    name: "cycles beyond one database",
    piece: "histories of 1200 transactions",
    budget: 12,
    takes_turns: false,
    search: |number| {
        let open = |_| Database::builder().in_memory();
        let members = vec![(0..2).map(open).collect::<sop_core::Result<_>>()?];
        let workload =
            beyond::Workload { seed: Seed::new(61).at(number), threads: 6, transactions: 200 };
        let history = beyond::record(&members, workload, &beyond::Tally::default())?;
        let anomalies = beyond::inexplicable(&history);
        let words: Vec<_> = anomalies.iter().map(Anomaly::to_string).collect();
        if words.is_empty() { Ok(()) } else { Err(words.join("; ").into()) }
    },
};

pub(crate) const DEAD: &Lane = &Lane {
    name: "taken for dead",
    piece: "numbers of checkpoints",
    budget: 20,
    takes_turns: false,
    search: taken_for_dead::load_and_be_away,
};

pub(crate) const RECORDS: &Lane = &Lane {
    name: "model of records",
    piece: "seeds of 1000 sessions",
    budget: 8,
    takes_turns: false,
    search: |number| Records::new(Seed::new(number).stream(0))?.sessions(1_000).map(drop),
};

pub(crate) const MERGES: &Lane = &Lane {
    name: "model of merged records",
    piece: "seeds of 1000 sessions",
    budget: 8,
    takes_turns: false,
    search: |number| Merging::new(Seed::new(number).stream(0))?.sessions(1_000).map(drop),
};

pub(crate) const RELATIVES: &Lane = &Lane {
    name: "model of relations",
    piece: "seeds of 1000 sessions",
    budget: 8,
    takes_turns: false,
    search: |number| Relatives::new(Seed::new(number).stream(0))?.sessions(1_000).map(drop),
};
