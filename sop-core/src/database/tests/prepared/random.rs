//! Life after life with crashes at any call: what was prepared is there, whole, and what clashes with
//! it is refused, and nothing else.

use super::{
    super::crash::{Work, live_and_crash},
    *,
};
use crate::limit::PREPARED_NAME_LEN_MAX;

const STORES: usize = 2;
const SPACE: usize = 40;
const PREPARED: usize = 4;

/// A store and a key in it.
type Place = (usize, Vec<u8>);

/// What a transaction does.
#[derive(Clone, Debug, Default)]
struct Deeds {
    opened: BTreeSet<usize>,
    writes: BTreeMap<Place, Option<Vec<u8>>>,
    /// What was to be removed and is not there.
    missed: BTreeSet<Place>,
}

#[derive(Clone, Debug, Default)]
struct State {
    committed: Model,
    prepared: BTreeMap<String, Deeds>,
}

impl State {
    fn apply(&mut self, work: &Deeds) {
        for store in &work.opened {
            self.committed.entry(*store).or_default();
        }
        for ((store, key), value) in &work.writes {
            let store = self.committed.entry(*store).or_default();
            match value {
                Some(value) => drop(store.insert(key.clone(), value.clone())),
                None => drop(store.remove(key)),
            }
        }
    }

    fn creates(&self, work: &Deeds, store: usize) -> bool {
        work.opened.contains(&store) && !self.committed.contains_key(&store)
    }

    /// Whether a transaction clashes with what is prepared.
    fn clashes(&self, work: &Deeds) -> bool {
        let clash = |one: &Deeds, other: &Deeds| {
            let writes = one.writes.keys();
            writes
                .clone()
                .any(|place| other.writes.contains_key(place) || other.missed.contains(place))
        };
        self.prepared.values().any(|held| {
            let creates = |store| self.creates(work, store) && self.creates(held, store);
            clash(work, held) || clash(held, work) || (0..STORES).any(creates)
        })
    }
}

fn write(random: &mut Random, db: &Database, state: &mut State) -> Result<()> {
    let tx = begin(db)?;
    let mut work = Deeds::default();
    for _ in 0..=random.pick(&[0, 1, 4, 30]) {
        let (store, key) = (random.below(STORES), random.key(SPACE));
        let opened = tx.open_store(&name(store), &nodes_of(1_024))?;
        work.opened.insert(store);
        let place = (store, key.clone());
        if !random.once_in(4) {
            let value = random.value();
            put(random, opened, &key, &value)?;
            work.writes.insert(place, Some(value));
        } else if opened.remove(&key)? {
            work.writes.insert(place, None);
        } else if !work.writes.contains_key(&place) {
            work.missed.insert(place);
        }
    }
    let name = random.pick(&["a", "b", "c", "d", "e"]);
    let name = if random.once_in(3) { name.repeat(PREPARED_NAME_LEN_MAX) } else { name.to_owned() };
    let prepares =
        random.once_in(2) && state.prepared.len() < PREPARED && !state.prepared.contains_key(&name);
    let creates = (0..STORES).any(|store| state.creates(&work, store));
    let is_idle = work.writes.is_empty() && !creates && !prepares;
    let clashes = state.clashes(&work) && !is_idle;
    if !clashes && prepares {
        state.prepared.insert(name.clone(), work);
    } else if !clashes {
        state.apply(&work);
    }
    let outcome = if prepares { tx.prepare(&name).map(drop) } else { tx.commit().map(drop) };
    match outcome {
        Err(Error::Conflict(conflict)) => {
            assert!(clashes && conflict.prepared.is_some(), "{conflict:?}");
            Ok(())
        }
        Ok(()) if clashes => panic!("it clashes with {:?}", state.prepared.keys()),
        outcome => outcome,
    }
}

fn end(random: &mut Random, db: &Database, state: &mut State) -> Result<()> {
    let names: Vec<_> = state.prepared.keys().cloned().collect();
    let Some(name) = (!names.is_empty()).then(|| &names[random.below(names.len())]) else {
        return Ok(());
    };
    let prepared = db.find_prepared(name)?;
    let work = state.prepared.remove(name).expect("it is one of them");
    if random.once_in(2) {
        state.apply(&work);
        prepared.commit().map(drop)
    } else {
        prepared.rollback()
    }
}

struct TwoPhases;

impl Work for TwoPhases {
    type Model = State;

    fn step(random: &mut Random, db: &Database, state: &mut State) -> Result<()> {
        match random.below(10) {
            0 | 1 => db.checkpoint(),
            2 => db.compact(),
            3 | 4 => end(random, db, state),
            _ => write(random, db, state),
        }
    }

    fn equals(snapshot: &Snapshot, state: &State) -> Result<bool> {
        let prepared = snapshot.prepared()?.into_iter().map(|info| info.name);
        Ok(prepared.eq(state.prepared.keys().cloned()) && equals(snapshot, &state.committed)?)
    }
}

#[test]
fn failures_and_crashes_at_any_call_lose_nothing_that_was_prepared() {
    live_and_crash::<TwoPhases>(150, 100);
}
