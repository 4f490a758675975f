//! Records that refer to each other: sessions side by side, and never a reference to nobody.
//!
//! As with records alone (see [`crate::records`]), each answer is foretold by a model of what the
//! session sees, and what a session has done is done again to the model of what is committed. Of
//! sessions under snapshot isolation, and of records that were merged, only that is asked which
//! must hold of them too: that every reference leads to a record, and every entry of an index.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use sop_orm::{CannotMerge, Db, Error, Isolation, Result, Session, SopStore, TransactionOptions};

use crate::Outcome;

const OPEN_MAX: usize = 5;
const STEPS_MAX: usize = 5;
const PERSONS: u32 = 8;
const PETS: u32 = 12;

/// Somebody to refer to.
#[derive(SopStore, Clone, Debug, PartialEq, Eq)]
#[sop(store = "persons", merge_record = fields, has_many(pets = pet::ByOwner))]
pub struct Person {
    /// Its key.
    #[sop(key)]
    pub number: u32,
    /// A counter that all may count up.
    #[sop(merge = add)]
    pub visits: u64,
}

/// A record with a reference of each kind.
#[derive(SopStore, Clone, Debug, PartialEq, Eq)]
#[sop(store = "pets", merge_record = fields)]
pub struct Pet {
    /// Its key.
    #[sop(key)]
    pub number: u32,
    /// Who is not deleted.
    #[sop(belongs_to(Person, on_delete = restrict), merge = custom(sum))]
    pub owner: u32,
    /// Who may be none.
    #[sop(belongs_to(Person, on_delete = set_null))]
    pub sitter: Option<u32>,
    /// With whom it goes.
    #[sop(belongs_to(Pet, on_delete = cascade))]
    pub mother: Option<u32>,
    /// Some of them.
    #[sop(belongs_to_many(Person, on_delete = remove), merge = union)]
    pub likes: BTreeSet<u32>,
}

/// Whom neither side had asked for, and who often is nobody.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "policies have this form"
)]
fn sum(_: &u32, ours: &u32, theirs: u32) -> Result<u32, CannotMerge> {
    Ok(ours + theirs)
}

/// All records, as they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Families {
    persons: BTreeMap<u32, Person>,
    pets: BTreeMap<u32, Pet>,
}

/// Something that a session does.
#[derive(Clone, Debug)]
enum Op {
    Add(u32),
    AddPet(Pet),
    /// Counts up a person's visits.
    Visit(u32),
    /// Gives a pet another owner.
    Give(u32, u32),
    /// Gives a pet another sitter, mother, and one more to like.
    Change(Pet),
    Delete(u32),
    DeletePet(u32),
    PetsOf(u32),
}

/// What it was told.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Done,
    NotFound,
    Duplicate,
    /// The number of a pet that is in the way is not foretold.
    Referenced,
    Pets(Vec<u32>),
}

/// A database, and the model of what is committed.
#[derive(Debug)]
pub struct Relatives {
    db: Db,
    committed: Families,
    random: Rng,
    done: Done,
}

/// How sessions have ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Committed.
    pub commits: u64,
    /// Beaten by others.
    pub losers: u64,
    /// Refused because something referred to nobody.
    pub broken: u64,
    /// Records that were merged.
    pub merges: u64,
}

struct Open {
    session: Session,
    isolation: Isolation,
    sees: Families,
    told: Vec<(Op, Answer)>,
}

impl Relatives {
    /// Creates the database, in memory.
    ///
    /// # Errors
    /// If that fails.
    pub fn new(random: Rng) -> Outcome<Self> {
        let types = Db::builder().store::<Person>().store::<Pet>();
        let db = pollster::block_on(types.ephemeral())?;
        Ok(Self { db, committed: Families::default(), random, done: Done::default() })
    }

    /// Begins and ends so many sessions, and says how.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Panics
    /// If an answer is wrong, or a reference leads to nobody after a commit.
    pub fn sessions(mut self, sessions: usize) -> Outcome<Done> {
        let mut open: Vec<Open> = Vec::new();
        for _ in 0..sessions {
            if open.len() == OPEN_MAX {
                let ended = open.swap_remove(self.random.usize(..OPEN_MAX));
                self.end(ended)?;
            }
            open.push(self.begin());
            for _ in 0..self.random.usize(1..STEPS_MAX) {
                let any = self.random.usize(..open.len());
                open[any].step(&mut self.random)?;
            }
        }
        open.into_iter().try_for_each(|open| self.end(open))?;
        let Done { commits, losers, broken, .. } = self.done;
        let least = sessions as u64 / 50;
        assert!(commits.min(losers).min(broken) > least, "too tame or too wild: {:?}", self.done);
        Ok(self.done)
    }

    fn begin(&mut self) -> Open {
        let isolation = *self
            .random
            .choice(&[Isolation::Serializable, Isolation::Snapshot])
            .expect("one of the two");
        let options = TransactionOptions::default().isolation(isolation);
        let session = self.db.session_with(options);
        Open { session, isolation, sees: self.committed.clone(), told: Vec::new() }
    }

    fn end(&mut self, open: Open) -> Outcome {
        let Open { session, isolation, sees, told } = open;
        let report = match pollster::block_on(session.commit()) {
            Ok(report) => report,
            Err(Error::Conflict(_)) => {
                self.done.losers += 1;
                return Ok(());
            }
            Err(Error::BrokenReference(broken)) => {
                assert!(!sees.is_whole(), "it is there: {broken}");
                self.done.broken += 1;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        assert!(sees.is_whole(), "committed with a reference to nobody: {sees:?}");
        self.done.commits += 1;
        self.done.merges += report.merges.len() as u64;
        let present = pollster::block_on(Families::read(&self.db.session()))?;
        if isolation == Isolation::Serializable && report.merges.is_empty() {
            // A session that wrote nothing is of the moment at which it began.
            if !report.changes.is_empty() {
                for (op, answer) in &told {
                    let found = op.on_model(&mut self.committed);
                    assert!(found == *answer, "{op:?} gave {answer:?} and would give {found:?}");
                }
            }
            assert_eq!(present, self.committed, "after {told:?}");
        }
        assert!(present.is_whole(), "there are orphans: {present:?}, after {told:?}");
        self.committed = present;
        let report = pollster::block_on(self.db.check_indexes())?;
        assert!(report.is_sound(), "{report:?}");
        Ok(())
    }
}

impl Open {
    fn step(&mut self, random: &mut Rng) -> Outcome {
        let op = Op::any(random);
        let expected = op.on_model(&mut self.sees);
        let answer = match pollster::block_on(op.on(&self.session)) {
            Err(Error::NotFound { .. }) => Answer::NotFound,
            Err(Error::Duplicate(_)) => Answer::Duplicate,
            Err(Error::StillReferenced(_)) => Answer::Referenced,
            other => other?,
        };
        assert_eq!(answer, expected, "{op:?} in {:?}", self.sees);
        self.told.push((op, answer));
        Ok(())
    }
}

impl Families {
    async fn read(session: &Session) -> Result<Self> {
        let persons = session.of::<Person>().by_key().all().await?;
        let pets = session.of::<Pet>().by_key().all().await?;
        Ok(Self {
            persons: persons.iter().map(|person| (person.number, (**person).clone())).collect(),
            pets: pets.iter().map(|pet| (pet.number, (**pet).clone())).collect(),
        })
    }

    /// Whether every reference leads to a record.
    fn is_whole(&self) -> bool {
        self.pets.values().all(|pet| {
            let mut persons = pet.likes.iter().chain(&pet.sitter).chain([&pet.owner]);
            persons.all(|person| self.persons.contains_key(person))
                && pet.mother.is_none_or(|mother| self.pets.contains_key(&mother))
        })
    }

    fn delete(&mut self, person: u32) -> Answer {
        if !self.persons.contains_key(&person) {
            return Answer::NotFound;
        }
        if self.pets.values().any(|pet| pet.owner == person) {
            return Answer::Referenced;
        }
        self.persons.remove(&person);
        for pet in self.pets.values_mut() {
            pet.sitter = pet.sitter.filter(|sitter| *sitter != person);
            pet.likes.remove(&person);
        }
        Answer::Done
    }

    fn delete_pet(&mut self, pet: u32) -> Answer {
        if self.pets.remove(&pet).is_none() {
            return Answer::NotFound;
        }
        let orphans = self.pets.values().filter(|other| other.mother == Some(pet));
        let orphans: Vec<u32> = orphans.map(|pet| pet.number).collect();
        for orphan in orphans {
            // A circle of mothers has taken it already.
            self.delete_pet(orphan);
        }
        Answer::Done
    }
}

fn any_pet(random: &mut Rng) -> Pet {
    let mut maybe = |most: u32| (random.u8(..3) == 0).then(|| random.u32(..most));
    let (sitter, mother, likes) = (maybe(PERSONS), maybe(PETS), maybe(PERSONS));
    let (number, owner) = (random.u32(..PETS), random.u32(..PERSONS));
    Pet { number, owner, sitter, mother, likes: likes.into_iter().collect() }
}

impl Op {
    fn any(random: &mut Rng) -> Self {
        let (pet, person) = (any_pet(random), random.u32(..PERSONS));
        match random.u8(..16) {
            0..3 => Self::Add(person),
            3..5 => Self::AddPet(pet),
            5 | 6 => Self::Visit(person),
            7 | 8 => Self::Give(pet.number, person),
            9..12 => Self::Change(pet),
            12 | 13 => Self::Delete(person),
            14 => Self::DeletePet(pet.number),
            _ => Self::PetsOf(person),
        }
    }

    async fn on(&self, session: &Session) -> Result<Answer> {
        let (persons, pets) = (session.of::<Person>(), session.of::<Pet>());
        match self {
            Self::Add(number) => drop(persons.insert(Person { number: *number, visits: 0 }).await?),
            Self::AddPet(pet) => drop(pets.insert(pet.clone()).await?),
            Self::Visit(person) => persons.edit(*person).await?.visits += 1,
            Self::Give(pet, owner) => pets.edit(*pet).await?.owner = *owner,
            Self::Change(other) => {
                let mut pet = pets.edit(other.number).await?;
                (pet.sitter, pet.mother) = (other.sitter, other.mother);
                pet.likes.extend(&other.likes);
            }
            Self::Delete(person) if !persons.delete(*person).await? => return Ok(Answer::NotFound),
            Self::DeletePet(pet) if !pets.delete(*pet).await? => return Ok(Answer::NotFound),
            Self::Delete(_) | Self::DeletePet(_) => {}
            Self::PetsOf(person) => {
                return Ok(Answer::Pets(persons.pets(*person).keys().all().await?));
            }
        }
        Ok(Answer::Done)
    }

    fn on_model(&self, all: &mut Families) -> Answer {
        match self {
            Self::Add(number) if all.persons.contains_key(number) => return Answer::Duplicate,
            Self::AddPet(pet) if all.pets.contains_key(&pet.number) => return Answer::Duplicate,
            Self::Add(number) => {
                all.persons.insert(*number, Person { number: *number, visits: 0 });
            }
            Self::AddPet(pet) => drop(all.pets.insert(pet.number, pet.clone())),
            Self::Visit(person) => match all.persons.get_mut(person) {
                Some(person) => person.visits += 1,
                None => return Answer::NotFound,
            },
            Self::Give(number, owner) => match all.pets.get_mut(number) {
                Some(pet) => pet.owner = *owner,
                None => return Answer::NotFound,
            },
            Self::Change(other) => match all.pets.get_mut(&other.number) {
                Some(pet) => {
                    (pet.sitter, pet.mother) = (other.sitter, other.mother);
                    pet.likes.extend(&other.likes);
                }
                None => return Answer::NotFound,
            },
            Self::Delete(person) => return all.delete(*person),
            Self::DeletePet(pet) => return all.delete_pet(*pet),
            Self::PetsOf(owner) => {
                let owned = all.pets.values().filter(|pet| pet.owner == *owner);
                return Answer::Pets(owned.map(|pet| pet.number).collect());
            }
        }
        Answer::Done
    }
}
