//! Records that several sessions change at once: what merging makes of them, judged by a model.
//!
//! A session that only edits, inserts and deletes reads nothing but what it changes. So the model
//! can say of each commit whether it must succeed, and what is there then: each field from base,
//! ours and theirs by the definition of its policy, and the indexes from the records alone.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use sop_orm::{Db, Error, Result, Session, SopStore};

use crate::Outcome;

/// How many sessions are open at a time.
const OPEN_MAX: usize = 5;

/// Most changes of a session.
const CHANGES_MAX: usize = 4;

/// Keys, few enough for sessions to meet.
const NUMBERS: u32 = 12;

/// A record whose fields merge, with an index of each kind.
#[derive(SopStore, Clone, Debug, PartialEq, Eq)]
#[sop(store = "pages", merge_record = fields)]
#[sop(index(by_group_and_state(group, state desc)))]
pub struct Page {
    /// Its key.
    #[sop(key)]
    pub number: u32,
    /// A value that no two have.
    #[sop(unique(by_code))]
    pub code: u32,
    /// One column of an index.
    pub group: u8,
    /// The other one.
    pub state: u8,
    /// A set whose changes by two sessions both count.
    #[sop(merge = union, index(by_tag, each))]
    pub tags: BTreeSet<u8>,
    /// A number to which two sessions may add.
    #[sop(merge = add, index(by_hits))]
    pub hits: u64,
}

/// Records by key, each with the number of the commit that wrote it.
type Pages = BTreeMap<u32, (u64, Page)>;

/// A database of pages and the model of what is committed.
#[derive(Debug)]
pub struct Merging {
    db: Db,
    committed: Pages,
    random: Rng,
    tally: Tally,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sessions that committed.
    pub commits: u64,
    /// Records that were merged in them.
    pub merges: u64,
    /// Sessions that were beaten.
    pub losers: u64,
}

struct Open {
    session: Session,
    base: Pages,
    /// What it made of records; none if it deleted them.
    changes: BTreeMap<u32, Option<Page>>,
}

impl Merging {
    /// Creates the database, in memory.
    ///
    /// # Errors
    /// If that fails.
    pub fn new(random: Rng) -> Outcome<Self> {
        let db = pollster::block_on(Db::builder().store::<Page>().ephemeral())?;
        Ok(Self { db, committed: Pages::new(), random, tally: Tally::default() })
    }

    /// Begins and ends so many sessions, and says what happened.
    ///
    /// # Errors
    /// If the database fails, or a commit with anything but that it was beaten.
    ///
    /// # Panics
    /// If a commit ends otherwise than it must, or leaves something else than it must.
    pub fn sessions(mut self, sessions: usize) -> Outcome<Tally> {
        let mut open: Vec<Open> = Vec::new();
        for _ in 0..sessions {
            if open.len() == OPEN_MAX {
                let ended = open.swap_remove(self.random.usize(..OPEN_MAX));
                self.end(&ended)?;
            }
            let (session, base) = (self.db.session(), self.committed.clone());
            let mut begun = Open { session, base, changes: BTreeMap::new() };
            for _ in 0..self.random.usize(1..=CHANGES_MAX) {
                pollster::block_on(begun.change(&mut self.random))?;
            }
            open.push(begun);
        }
        open.iter().try_for_each(|open| self.end(open))?;
        let enough = sessions as u64 / 20;
        let Tally { commits, merges, losers } = self.tally;
        assert!(commits.min(merges).min(losers) > enough, "too tame or too wild: {:?}", self.tally);
        Ok(self.tally)
    }

    fn end(&mut self, open: &Open) -> Outcome {
        let expected = merged(open, &self.committed);
        match (pollster::block_on(open.session.commit()), expected) {
            (Ok(report), Some(after)) => {
                self.tally.commits += 1;
                self.tally.merges += report.merges.len() as u64;
                for (number, page) in after {
                    match page {
                        Some(page) => {
                            self.committed.insert(number, (self.tally.commits, page));
                        }
                        None => _ = self.committed.remove(&number),
                    }
                }
                pollster::block_on(self.check())
            }
            (Err(Error::Conflict(_) | Error::Duplicate(_)), None) => {
                self.tally.losers += 1;
                Ok(())
            }
            (Err(error @ (Error::Conflict(_) | Error::Duplicate(_))), Some(_)) => {
                panic!("{:?} could have been merged: {error}", open.changes)
            }
            (Ok(report), None) => panic!("{:?} was merged: {report:?}", open.changes),
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Compares all records, and what each index finds, with the model.
    async fn check(&self) -> Outcome {
        let s = self.db.session();
        let pages = s.of::<Page>();
        let model: Vec<&Page> = self.committed.values().map(|(_, page)| page).collect();
        let all = pages.by_key().all().await?;
        assert!(all.iter().map(|page| &**page).eq(model.iter().copied()), "{all:?}, not {model:?}");
        for page in &model {
            let found = pages.by_code(page.code).await?.map(|page| page.number);
            assert_eq!(found, Some(page.number), "by code {}", page.code);
        }
        let codes = pages.query(page::ByCode).count().await?;
        let (hits, states) =
            (pages.by_hits().all().await?, pages.by_group_and_state().all().await?);
        let tags = pages.by_tag().count().await?;
        let model_tags: usize = model.iter().map(|page| page.tags.len()).sum();
        assert_eq!((codes, tags), (model.len() as u64, model_tags as u64), "entries too many");
        assert!(hits.is_sorted_by_key(|page| page.hits) && hits.len() == model.len());
        let key = |page: &Page| (page.group, u8::MAX - page.state);
        assert!(states.is_sorted_by_key(|page| key(page)) && states.len() == model.len());
        for tag in 0..TAGS {
            let found = pages.by_tag().prefix(tag).all().await?;
            let expected = model.iter().filter(|page| page.tags.contains(&tag));
            assert!(found.iter().map(|page| page.number).eq(expected.map(|page| page.number)));
        }
        Ok(())
    }
}

const TAGS: u8 = 5;

impl Open {
    fn sees(&self, number: u32) -> Option<&Page> {
        match self.changes.get(&number) {
            Some(changed) => changed.as_ref(),
            None => self.base.get(&number).map(|(_, page)| page),
        }
    }

    fn is_free(&self, code: u32) -> bool {
        (0..NUMBERS).all(|number| self.sees(number).is_none_or(|page| page.code != code))
    }

    async fn change(&mut self, random: &mut Rng) -> Result<()> {
        let number = random.u32(..NUMBERS);
        let pages = self.session.of::<Page>();
        // A code that was taken and given up again has been seen to be free, which is a reading of
        // its own: so a record gets one code at most.
        let is_changed = self.changes.contains_key(&number);
        let after = match self.sees(number) {
            // What was deleted is not inserted again: the record would be another one.
            None if is_changed => return Ok(()),
            None => {
                let page = any_page(number, random);
                if !self.is_free(page.code) {
                    return Ok(());
                }
                pages.insert(page.clone()).await?;
                Some(page)
            }
            Some(_) if random.u8(..10) == 0 && !is_changed => {
                assert!(pages.delete(number).await?);
                None
            }
            Some(before) => {
                let mut page = edited(before, random);
                if is_changed {
                    page.code = before.code;
                }
                let is_taken = page.code != before.code && !self.is_free(page.code);
                // What is edited without a change was only read, and is not merged.
                if is_taken || page == *before {
                    return Ok(());
                }
                let mut edit = pages.edit(number).await?;
                *edit = page.clone();
                edit.save().await?;
                Some(page)
            }
        };
        self.changes.insert(number, after);
        Ok(())
    }
}

fn any_page(number: u32, random: &mut Rng) -> Page {
    let tags = (0..random.usize(..4)).map(|_| random.u8(..TAGS)).collect();
    let (code, group, state) = (random.u32(..40), random.u8(..3), random.u8(..3));
    Page { number, code, group, state, tags, hits: random.u64(..10) }
}

/// The record with one or two fields changed.
fn edited(page: &Page, random: &mut Rng) -> Page {
    let (other, mut page) = (any_page(page.number, random), page.clone());
    for _ in 0..random.usize(1..=2) {
        match random.u8(..8) {
            0 => page.code = other.code,
            1 => page.group = other.group,
            2 => page.state = other.state,
            3 | 4 => page.tags.clone_from(&other.tags),
            _ => page.hits += 1 + other.hits,
        }
    }
    page
}

/// What a session leaves behind if it commits now; none if it must not.
fn merged(open: &Open, committed: &Pages) -> Option<BTreeMap<u32, Option<Page>>> {
    let mut after = BTreeMap::new();
    for (number, ours) in &open.changes {
        let (base, theirs) = (open.base.get(number), committed.get(number));
        let was_written = base.map(|(commit, _)| commit) != theirs.map(|(commit, _)| commit);
        let page = match (ours, base, theirs) {
            (ours, ..) if !was_written => ours.clone(),
            (Some(ours), Some((_, base)), Some((_, theirs))) => Some(page(base, ours, theirs)?),
            _ => return None,
        };
        after.insert(*number, page);
    }
    let others = committed.iter().filter(|(number, _)| !after.contains_key(number));
    let all = others.map(|(_, (_, page))| page).chain(after.values().flatten());
    let mut codes = BTreeSet::new();
    let is_unique = all.map(|page| page.code).all(|code| codes.insert(code));
    is_unique.then_some(after)
}

fn page(base: &Page, ours: &Page, theirs: &Page) -> Option<Page> {
    let has = |page: &Page, tag: u8| page.tags.contains(&tag);
    let stays = |tag: u8| {
        let (ours, theirs) = (has(ours, tag), has(theirs, tag));
        if has(base, tag) { ours && theirs } else { ours || theirs }
    };
    Some(Page {
        number: base.number,
        code: either(base.code, ours.code, theirs.code)?,
        group: either(base.group, ours.group, theirs.group)?,
        state: either(base.state, ours.state, theirs.state)?,
        tags: (0..TAGS).filter(|tag| stays(*tag)).collect(),
        hits: theirs.hits + (ours.hits - base.hits),
    })
}

/// The side that changed it; none if both did, and not alike.
fn either<T: PartialEq + Copy>(base: T, ours: T, theirs: T) -> Option<T> {
    if theirs == base {
        Some(ours)
    } else if ours == base || ours == theirs {
        Some(theirs)
    } else {
        None
    }
}
