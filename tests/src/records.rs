//! Typed records: sessions side by side, each answer and each commit judged by a model.
//!
//! As with the engine's stores (see [`crate::simulation`]), what a session was told is compared at once
//! with what it should see, and when it has committed, all of it is done again to the model of what
//! is committed and must be answered the same. Since most questions go by an index, an entry that
//! is missing or left over is a wrong answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fastrand::Rng;
use sop_orm::{Db, Error, Result, Session, SopStore};

use crate::Outcome;

/// How many sessions are open at a time.
const OPEN_MAX: usize = 4;

/// Most steps of a session.
const STEPS_MAX: usize = 6;

/// A record with an index of each kind.
#[derive(SopStore, Clone, Debug, PartialEq, Eq)]
#[sop(store = "items")]
pub struct Item {
    /// Its key.
    #[sop(key)]
    pub number: u32,
    /// A value that no two have.
    #[sop(unique(by_code))]
    pub code: u32,
    /// A value that many have.
    #[sop(index(by_group))]
    pub group: u32,
    /// Several values.
    #[sop(index(by_tag, each))]
    pub tags: BTreeSet<u32>,
    /// A value that no index has.
    pub hits: u64,
}

type Items = BTreeMap<u32, Item>;

/// Something that a session does.
#[derive(Clone, Debug)]
enum Op {
    Insert(Item),
    Upsert(Item),
    /// Gives the record of the same number the other values.
    Edit(Item),
    Delete(u32),
    ByCode(u32),
    ByGroup(u32),
    ByTag(u32),
    All,
}

/// What it was told.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Done,
    NotFound,
    Duplicate,
    Found(Vec<Item>),
}

/// A database of records and the model of what is committed.
#[derive(Debug)]
pub struct Records {
    db: Db,
    committed: Items,
    random: Rng,
    commits: u64,
    losers: u64,
}

/// An open session, what it sees, and what it was told.
struct Open {
    session: Session,
    sees: Items,
    told: Vec<(Op, Answer)>,
}

/// Whether a session can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Done,
    Refused,
}

impl Records {
    /// Creates the database, in memory.
    ///
    /// # Errors
    /// If that fails.
    pub fn new(random: Rng) -> Outcome<Self> {
        let db = pollster::block_on(Db::builder().store::<Item>().ephemeral())?;
        Ok(Self { db, committed: Items::new(), random, commits: 0, losers: 0 })
    }

    /// Begins and ends so many sessions, and says how many committed.
    ///
    /// # Errors
    /// If the database fails, or a commit with anything but that it was beaten.
    ///
    /// # Panics
    /// If an answer is wrong, or two sessions committed that could not have run one after the
    /// other.
    pub fn sessions(mut self, sessions: usize) -> Outcome<u64> {
        let mut open: Vec<Open> = Vec::new();
        for _ in 0..sessions {
            if open.len() == OPEN_MAX {
                let ended = open.swap_remove(self.random.usize(..OPEN_MAX));
                self.end(ended)?;
            }
            let (session, sees) = (self.db.session(), self.committed.clone());
            open.push(Open { session, sees, told: Vec::new() });
            for _ in 0..self.random.usize(..STEPS_MAX) {
                let any = self.random.usize(..open.len());
                if open[any].step(&mut self.random)? == Step::Refused {
                    // What was refused would be refused again.
                    open.swap_remove(any).session.rollback();
                    break;
                }
            }
            if self.random.u8(..20) == 0 {
                self.hit_twice()?;
            }
        }
        open.into_iter().try_for_each(|open| self.end(open))?;
        let enough = sessions as u64 / 20;
        assert!(self.commits > enough && self.losers > enough, "too tame or too wild");
        Ok(self.commits)
    }

    fn end(&mut self, open: Open) -> Outcome {
        let Open { session, told, .. } = open;
        match pollster::block_on(session.commit()) {
            Ok(_) => self.commits += 1,
            Err(Error::Conflict(_) | Error::Duplicate(_)) => {
                self.losers += 1;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let changed = told.iter().any(|(op, answer)| op.changes() && *answer == Answer::Done);
        if changed {
            for (op, answer) in &told {
                let found = op.on_model(&mut self.committed);
                assert!(found == *answer, "{op:?} gave {answer:?} and would now give {found:?}");
            }
        }
        Ok(())
    }

    /// Counts up a record in a unit of work that is overtaken by another one that does the same.
    fn hit_twice(&mut self) -> Outcome {
        let Some(item) = self.committed.values_mut().next() else { return Ok(()) };
        let (db, number) = (&self.db, item.number);
        pollster::block_on(db.run(async |session| {
            session.of::<Item>().edit(number).await?.hits += 1;
            if session.attempt() == 1 {
                let other = db.session();
                other.of::<Item>().edit(number).await?.hits += 1;
                other.commit().await?;
            }
            Ok(())
        }))?;
        item.hits += 2;
        let session = db.session();
        let found = pollster::block_on(session.of::<Item>().require(number))?;
        assert_eq!(*found, *item, "after two units of work");
        Ok(())
    }
}

impl Open {
    fn step(&mut self, random: &mut Rng) -> Outcome<Step> {
        let op = Op::any(random);
        let expected = op.on_model(&mut self.sees);
        let answer = match pollster::block_on(op.on(&self.session)) {
            Err(Error::NotFound { .. }) => Answer::NotFound,
            Err(Error::Duplicate(_)) => Answer::Duplicate,
            other => other?,
        };
        assert_eq!(answer, expected, "{op:?}");
        let step = if answer == Answer::Duplicate { Step::Refused } else { Step::Done };
        self.told.push((op, answer));
        Ok(step)
    }
}

fn any_item(random: &mut Rng) -> Item {
    let tags = (0..random.usize(..4)).map(|_| random.u32(..5)).collect();
    let (number, code, group) = (random.u32(..30), random.u32(..200), random.u32(..5));
    Item { number, code, group, tags, hits: random.u64(..) / 2 }
}

fn owned(found: impl IntoIterator<Item = Arc<Item>>) -> Answer {
    let mut found: Vec<Item> = found.into_iter().map(|item| (*item).clone()).collect();
    found.sort_by_key(|item| item.number);
    Answer::Found(found)
}

fn chosen(items: &Items, keep: impl Fn(&Item) -> bool) -> Answer {
    Answer::Found(items.values().filter(|item| keep(item)).cloned().collect())
}

impl Op {
    fn any(random: &mut Rng) -> Self {
        let item = any_item(random);
        match random.u8(..16) {
            0..4 => Self::Insert(item),
            4 | 5 => Self::Upsert(item),
            6..10 => Self::Edit(item),
            10 => Self::Delete(item.number),
            11 => Self::ByCode(item.code),
            12 | 13 => Self::ByGroup(item.group),
            14 => Self::ByTag(random.u32(..5)),
            _ => Self::All,
        }
    }

    fn changes(&self) -> bool {
        matches!(self, Self::Insert(_) | Self::Upsert(_) | Self::Edit(_) | Self::Delete(_))
    }

    async fn on(&self, session: &Session) -> Result<Answer> {
        let items = session.of::<Item>();
        Ok(match self {
            Self::Insert(item) => {
                items.insert(item.clone()).await?;
                Answer::Done
            }
            Self::Upsert(item) => {
                items.upsert(item.clone()).await?;
                Answer::Done
            }
            Self::Edit(item) => {
                let mut edit = items.edit(item.number).await?;
                *edit = item.clone();
                edit.save().await?;
                Answer::Done
            }
            Self::Delete(number) if items.delete(*number).await? => Answer::Done,
            Self::Delete(_) => Answer::NotFound,
            Self::ByCode(code) => owned(items.by_code(*code).await?),
            Self::ByGroup(group) => owned(items.by_group().prefix(*group).all().await?),
            Self::ByTag(tag) => owned(items.by_tag().prefix(*tag).all().await?),
            Self::All => owned(items.by_key().all().await?),
        })
    }

    fn on_model(&self, items: &mut Items) -> Answer {
        let takes = |item: &Item| {
            items.values().any(|other| other.code == item.code && other.number != item.number)
        };
        match self {
            Self::Insert(item) if items.contains_key(&item.number) || takes(item) => {
                Answer::Duplicate
            }
            Self::Edit(item) if !items.contains_key(&item.number) => Answer::NotFound,
            Self::Upsert(item) | Self::Edit(item) if takes(item) => Answer::Duplicate,
            Self::Insert(item) | Self::Upsert(item) | Self::Edit(item) => {
                items.insert(item.number, item.clone());
                Answer::Done
            }
            Self::Delete(number) => {
                if items.remove(number).is_some() {
                    Answer::Done
                } else {
                    Answer::NotFound
                }
            }
            Self::ByCode(code) => chosen(items, |item| item.code == *code),
            Self::ByGroup(group) => chosen(items, |item| item.group == *group),
            Self::ByTag(tag) => chosen(items, |item| item.tags.contains(tag)),
            Self::All => chosen(items, |_| true),
        }
    }
}
