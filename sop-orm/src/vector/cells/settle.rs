//! Moving codes into cells, and cells apart: one bounded transaction after the other, beside
//! sessions.
//!
//! Sessions write the codes of a partition under its own key, and never into cells: what stands
//! there goes before what a cell has of the same record. Only what is done here writes cells, so
//! sessions have nothing to lose by it; a transaction of this kind that finds that somebody else
//! has written one of its keys is done again. That a partition has cells is said by a key that
//! sessions require to stay as it is when they delete: from then on they leave a code without bytes
//! behind, which hides what a cell has.

use std::{collections::BTreeMap, iter};

use fastrand::Rng;
use sop_core::{Database, Durability, Isolation, Snapshot, Store, Transaction, TransactionOptions};

use super::{
    keys::{self, Cell, Centre, Keys},
    means::{self, Cluster, Places, Vectors},
};
use crate::{
    db::registry::{OpenIndex, OpenStore},
    error::Result,
    query::Span,
    schema::{self, VectorSpec},
    vector::{Metric, gauge},
};

/// A partition of so many codes gets cells, if nobody says otherwise. Below, all codes are walked
/// faster than cells are chosen well.
pub(crate) const CELLS_FROM: u64 = 1 << 17;

/// The share of these that is worth moving, where there are cells.
const MOVED_SHARE: u64 = 16;

/// Members that a cell has when cells are made.
const MEMBERS: u64 = 160;

/// A cell with more is divided,
const MEMBERS_MAX: u32 = 384;

/// and one with fewer is given up, where there are others.
const MEMBERS_MIN: u32 = 24;

/// Cells around one that is given up or divided, to which its members may go.
const NEIGHBOURS: usize = 64;

/// The most cells that are made at once; more come about by dividing.
const CELLS_AT_ONCE: u64 = 256;

/// Vectors that are looked at for each cell that is made.
const SAMPLED: u64 = 24;

/// What is to be done in a partition.
struct Ground<'a> {
    store: &'a OpenStore,
    index: &'a OpenIndex,
    spec: &'a VectorSpec,
    keys: Keys<'a>,
    transaction: &'a Transaction,
    /// The state that the transaction sees, to read from without being bound to it.
    state: &'a Snapshot,
}

/// Whether there is work in a partition: codes in no cell, as many as are worth moving.
pub(crate) fn is_crowded(
    state: &Snapshot,
    index: &OpenIndex,
    partition: &[u8],
    from: u64,
) -> Result<bool> {
    let Some(cells) = index.cells else { return Ok(false) };
    let fresh = Span::prefix(partition.to_vec());
    let fresh = state.store_by_id(index.entries)?.count::<&[u8]>(fresh.bounds())?;
    Ok(fresh >= from
        || fresh >= from / MOVED_SHARE
            && state.store_by_id(cells)?.contains(Keys(partition).head())?)
}

/// All partitions of an index that have codes in no cell, found by leaping from one to the next.
pub(crate) fn partitions(
    state: &Snapshot,
    store: &OpenStore,
    index: &OpenIndex,
) -> Result<Vec<Vec<u8>>> {
    let entries = state.store_by_id(index.entries)?;
    let (mut found, mut rest) = (Vec::new(), Span::default());
    while !rest.is_empty() {
        let mut cursor = entries.range_cursor::<&[u8]>(rest.bounds())?;
        if !cursor.next()? {
            break;
        }
        let Some(key) = cursor.key() else { break };
        let split = schema::split(index.spec.columns, key);
        let (partition, _) = split.map_err(|source| store.unreadable(source))?;
        let Some(end) = Span::prefix(partition.to_vec()).end else {
            found.push(partition.to_vec());
            break;
        };
        found.push(partition.to_vec());
        rest = Span { start: end, end: None };
    }
    Ok(found)
}

/// Does the next bounded piece of work in a partition, of up to `len` codes; partitions get cells
/// from so many codes `from` on. Returns whether it did anything. Fails with a conflict if sessions
/// were faster: then it is to be done again.
pub(crate) fn settle(
    engine: &Database,
    (store, index): (&OpenStore, &OpenIndex),
    partition: &[u8],
    (from, len): (u64, usize),
) -> Result<bool> {
    let options = TransactionOptions::default()
        .isolation(Isolation::Snapshot)
        .durability(Durability::Eventual);
    let transaction = engine.begin_with(options)?;
    let Some(spec) = index.spec.vector.as_ref() else { return Ok(false) };
    let state = transaction.base();
    let (keys, transaction_ref) = (Keys(partition), &transaction);
    let ground = Ground { store, index, spec, keys, transaction: transaction_ref, state: &state };
    if !ground.work(from, len)? {
        return Ok(false);
    }
    drop(state);
    transaction.commit()?;
    Ok(true)
}

impl Ground<'_> {
    fn work(&self, from: u64, len: usize) -> Result<bool> {
        let Some(cells) = self.index.cells else { return Ok(false) };
        let cells = self.transaction.store_by_id(cells)?;
        let fresh = Span::prefix(self.keys.0.to_vec());
        let fresh =
            self.transaction.store_by_id(self.index.entries)?.count::<&[u8]>(fresh.bounds())?;
        if cells.find(self.keys.head())?.is_none() {
            return if fresh < from { Ok(false) } else { self.make_cells(&cells, fresh) };
        }
        if fresh >= (from / MOVED_SHARE).max(1) {
            return self.take_in(&cells, len);
        }
        self.even_out(&cells)
    }

    fn unreadable<T>(&self, read: Result<T, crate::error::CodecError>) -> Result<T> {
        read.map_err(|source| self.store.unreadable(source))
    }

    /// The vector of a record as cells have it: of length one where only its direction counts.
    fn vector(&self, primary: &[u8]) -> Result<Option<Vec<f32>>> {
        let Some(row) = self.state.store_by_id(self.store.rows)?.find(primary)? else {
            return Ok(None);
        };
        let vector = self.unreadable(gauge::components(self.spec, self.store, &row))?;
        Ok(vector.map(|vector| direction(self.spec.metric, vector)))
    }

    /// Makes the first cells, without members, from some of the vectors.
    fn make_cells(&self, cells: &Store<'_>, fresh: u64) -> Result<bool> {
        let count = (fresh / MEMBERS).clamp(2, CELLS_AT_ONCE);
        let every = usize::try_from(fresh / (count * SAMPLED)).unwrap_or(usize::MAX).max(1);
        let entries = self.state.store_by_id(self.index.entries)?;
        let span = Span::prefix(self.keys.0.to_vec());
        let (mut sample, mut cursor, mut at) =
            (Vec::new(), entries.range_cursor::<&[u8]>(span.bounds())?, 0);
        while cursor.next()? {
            at += 1;
            if at % every != 0 {
                continue;
            }
            let Some(key) = cursor.key() else { break };
            let (_, primary) = self.unreadable(schema::split(self.index.spec.columns, key))?;
            sample.extend(self.vector(primary)?);
        }
        let vectors = Vectors::new(&sample, self.spec.dimensions);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let clusters = means::clusters(&vectors, count, &mut Rng::with_seed(fresh));
        let mut next = 0;
        for cluster in &clusters {
            self.add_cell(cells, next, cluster, 0)?;
            next += 1;
        }
        cells.upsert(self.keys.head(), next.to_le_bytes())?;
        Ok(true)
    }

    fn add_cell(&self, cells: &Store<'_>, cell: Cell, cluster: &Cluster, count: u32) -> Result<()> {
        let centre = Centre { cell, spread: cluster.spread, place: cluster.centre.clone() };
        cells.upsert(self.keys.centre(cell), centre.to_bytes())?;
        cells.upsert(self.keys.count(cell), count.to_le_bytes())?;
        Ok(())
    }

    fn centres(&self) -> Result<Vec<Centre>> {
        let Some(cells) = self.index.cells else { return Ok(Vec::new()) };
        let view = self.state.store_by_id(cells)?;
        let mut cursor = view.range_cursor::<&[u8]>(self.keys.centres().bounds())?;
        let mut centres = Vec::new();
        while cursor.next()? {
            let (Some(key), Some(value)) = (cursor.key(), cursor.value()) else { break };
            let cell = self.unreadable(self.keys.cell_of(key))?;
            centres.push(self.unreadable(Centre::from_bytes(cell, value, self.spec.dimensions))?);
        }
        Ok(centres)
    }

    /// Moves codes into the cells that they are nearest to.
    fn take_in(&self, cells: &Store<'_>, len: usize) -> Result<bool> {
        let centres = self.centres()?;
        let places = centres.iter().map(|centre| centre.place.as_slice()).collect();
        let places = Places::new(places, &mut Rng::with_seed(0));
        let entries = self.transaction.store_by_id(self.index.entries)?;
        let mut change = Changes::default();
        for (key, code) in self.some_fresh(len)? {
            let (_, primary) = self.unreadable(schema::split(self.index.spec.columns, &key))?;
            let location = self.keys.location(primary);
            if let Some(old) = self.state_find(&location)? {
                let old = self.unreadable(keys::cell(&old))?;
                cells.remove(self.keys.member(old, primary))?;
                change.add(old, -1);
            }
            if code.is_empty() {
                cells.remove(&location)?;
            } else if let Some(vector) = self.vector(primary)? {
                let vectors = Vectors::new(&[vector], self.spec.dimensions);
                let nearest = places.nearest(&vectors, 0);
                let Some(centre) = nearest.and_then(|(at, _)| centres.get(at)) else { break };
                cells.upsert(self.keys.member(centre.cell, primary), &code)?;
                cells.upsert(&location, centre.cell.to_be_bytes())?;
                change.add(centre.cell, 1);
            }
            entries.remove(&key)?;
        }
        self.count(cells, change)?;
        Ok(true)
    }

    fn some_fresh(&self, len: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let entries = self.state.store_by_id(self.index.entries)?;
        let span = Span::prefix(self.keys.0.to_vec());
        let (mut some, mut cursor) = (Vec::new(), entries.range_cursor::<&[u8]>(span.bounds())?);
        while some.len() < len && cursor.next()? {
            let (Some(key), Some(code)) = (cursor.key(), cursor.value()) else { break };
            some.push((key.to_vec(), code.to_vec()));
        }
        Ok(some)
    }

    fn state_find(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(cells) = self.index.cells else { return Ok(None) };
        Ok(self.state.store_by_id(cells)?.find(key)?.map(|value| value.to_vec()))
    }

    /// Writes down how many members cells have.
    fn count(&self, cells: &Store<'_>, changes: Changes) -> Result<()> {
        for (cell, change) in changes.0 {
            let key = self.keys.count(cell);
            let known = cells.find(&key)?;
            let known = known.map_or(Ok(0), |known| keys::number(&known));
            let count = self.unreadable(known)?.saturating_add_signed(change);
            cells.upsert(&key, count.to_le_bytes())?;
        }
        Ok(())
    }

    /// Divides the first cell that is too large, or gives up the first that is too small.
    fn even_out(&self, cells: &Store<'_>) -> Result<bool> {
        let mut counts = Vec::new();
        let Some(id) = self.index.cells else { return Ok(false) };
        let view = self.state.store_by_id(id)?;
        let mut cursor = view.range_cursor::<&[u8]>(self.keys.counts().bounds())?;
        while cursor.next()? {
            let (Some(key), Some(value)) = (cursor.key(), cursor.value()) else { break };
            let cell = self.unreadable(self.keys.cell_of(key))?;
            counts.push((cell, self.unreadable(keys::number(value))?));
        }
        let wrong = |count: u32| count > MEMBERS_MAX || (count < MEMBERS_MIN && counts.len() > 1);
        match counts.iter().find(|(_, count)| wrong(*count)) {
            Some((cell, count)) => self.give_up(cells, *cell, *count > MEMBERS_MAX),
            None => Ok(false),
        }
    }

    /// Gives the members of a cell to the others, after it was divided into two new ones if it was
    /// too large. Each goes where it is nearest to, so that a border moves with its cells.
    fn give_up(&self, cells: &Store<'_>, cell: Cell, divided: bool) -> Result<bool> {
        let members = self.members(cell)?;
        let rows: Vec<Vec<f32>> = members.iter().map(|member| member.vector.clone()).collect();
        let vectors = Vectors::new(&rows, self.spec.dimensions);
        let mut centres = self.neighbours(cell)?;
        // The halves that members are in.
        let mut own = BTreeMap::new();
        if divided {
            let head = self.state_find(&self.keys.head())?.unwrap_or_default();
            let mut next = self.unreadable(keys::number(&head))?;
            for half in means::halves(&vectors, &mut Rng::with_seed(cell.into())) {
                self.add_cell(cells, next, &half, 0)?;
                own.extend(half.members.iter().map(|at| (*at, centres.len())));
                let (spread, place) = (half.spread, half.centre.clone());
                centres.push(Centre { cell: next, spread, place });
                next += 1;
            }
            cells.upsert(self.keys.head(), next.to_le_bytes())?;
        }
        let mut changes = Changes::default();
        for (at, member) in members.iter().enumerate() {
            cells.remove(self.keys.member(cell, &member.primary))?;
            let others = if divided { centres.len().saturating_sub(2) } else { centres.len() };
            let places = centres.iter().take(others).map(|centre| centre.place.as_slice());
            let nearest = means::nearest(&vectors, at, places);
            let own = own.get(&at).and_then(|half| {
                centres.get(*half).map(|centre| (*half, far(&vectors, at, &centre.place)))
            });
            // Only to what is nearer: halves of equal vectors stay what they are.
            let nearest = match (nearest, own) {
                (Some(nearest), Some(own)) if nearest.1 >= own.1 => Some(own),
                (nearest, own) => nearest.or(own),
            };
            let Some(centre) = nearest.and_then(|(at, _)| centres.get(at)) else { continue };
            cells.upsert(self.keys.member(centre.cell, &member.primary), &member.code)?;
            cells.upsert(self.keys.location(&member.primary), centre.cell.to_be_bytes())?;
            changes.add(centre.cell, 1);
        }
        cells.remove(self.keys.centre(cell))?;
        cells.remove(self.keys.count(cell))?;
        self.count(cells, changes)?;
        Ok(true)
    }

    /// The centres that are nearest to that of a cell, without it: where its members may go.
    fn neighbours(&self, cell: Cell) -> Result<Vec<Centre>> {
        let mut centres = self.centres()?;
        let own = centres.iter().position(|centre| centre.cell == cell);
        let Some(own) = own.map(|at| centres.remove(at)) else { return Ok(centres) };
        let own = Vectors::new(&[own.place], self.spec.dimensions);
        if centres.len() > NEIGHBOURS {
            centres.select_nth_unstable_by(NEIGHBOURS - 1, |one, other| {
                let away = |centre: &Centre| far(&own, 0, &centre.place);
                away(one).total_cmp(&away(other))
            });
            centres.truncate(NEIGHBOURS);
        }
        Ok(centres)
    }

    fn members(&self, cell: Cell) -> Result<Vec<Member>> {
        let Some(id) = self.index.cells else { return Ok(Vec::new()) };
        let view = self.state.store_by_id(id)?;
        let mut cursor = view.range_cursor::<&[u8]>(self.keys.members(cell).bounds())?;
        let mut members = Vec::new();
        while cursor.next()? {
            let (Some(key), Some(code)) = (cursor.key(), cursor.value()) else { break };
            let primary = self.unreadable(self.keys.primary_of_member(key))?.to_vec();
            // Of one that was deleted, or has another vector by now, any place will do: what
            // stands under the partition's own key hides it, and takes it out of here.
            let vector = self.vector(&primary)?.unwrap_or_else(|| vec![0.0; self.spec.dimensions]);
            members.push(Member { primary, code: code.to_vec(), vector });
        }
        Ok(members)
    }
}

/// A record in a cell.
struct Member {
    primary: Vec<u8>,
    code: Vec<u8>,
    vector: Vec<f32>,
}

/// How far a vector is from a place, squared.
fn far(vectors: &Vectors, at: usize, place: &[f32]) -> f32 {
    means::nearest(vectors, at, iter::once(place)).map_or(f32::INFINITY, |(_, far)| far)
}

/// By how many the members of cells become more.
#[derive(Default)]
struct Changes(BTreeMap<Cell, i32>);

impl Changes {
    fn add(&mut self, cell: Cell, change: i32) {
        *self.0.entry(cell).or_default() += change;
    }
}

/// The vector, of length one where only its direction counts.
pub(crate) fn direction(metric: Metric, mut vector: Vec<f32>) -> Vec<f32> {
    if metric == Metric::Cosine {
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        for x in &mut vector {
            *x /= norm;
        }
    }
    vector
}
