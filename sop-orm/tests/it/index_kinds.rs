//! Every kind of index holds what it should, in the order in which it should.

use std::{cmp::Reverse, collections::BTreeMap};

use sop_orm::prelude::*;

#[derive(SopEmbed, Clone, Debug, PartialEq)]
struct Address {
    city: String,
    zip: Option<u32>,
}

#[derive(SopEmbed, Clone, Debug, PartialEq)]
struct Job {
    address: Option<Address>,
    skills: Vec<String>,
}

#[derive(SopEmbed, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    #[sop(tag = 3)]
    Large,
    #[sop(tag = 9)]
    Small,
}

#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "people")]
#[sop(index(by_lower(lower: String = Self::lower, kind desc)))]
#[sop(index(by_city(city: String = home.city, weight desc)))]
#[sop(index(by_zip(zip: Option<u32> = job.address.zip desc, kind)))]
#[sop(index(by_word(kind desc, word: String = Self::words each)))]
#[sop(index(by_skill(skill: String = job.skills each desc), when = Self::is_active))]
#[sop(unique(by_login(login), when = Self::is_active))]
#[sop(unique(by_size(kind, size: u32 = Self::size desc), when = Self::is_odd, version = 3))]
#[sop(index(by_mixed(active desc, pair, since desc, uuid)))]
struct Person {
    #[sop(key)]
    number: u32,
    name: String,
    #[sop(index(by_kind, desc, when = Self::is_active))]
    kind: Kind,
    weight: f64,
    home: Address,
    job: Option<Job>,
    login: String,
    active: bool,
    pair: [i16; 2],
    since: Timestamp,
    uuid: Option<Id<Person>>,
}

impl Person {
    fn lower(&self) -> String {
        self.name.to_lowercase()
    }

    fn words(&self) -> Vec<String> {
        self.name.split(' ').map(str::to_owned).collect()
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn is_odd(&self) -> bool {
        self.number % 2 == 1
    }

    fn size(&self) -> u32 {
        // Unique, since it is made from the key.
        self.number / 2
    }

    fn zip(&self) -> Option<u32> {
        self.job.as_ref().and_then(|job| job.address.as_ref()).and_then(|address| address.zip)
    }
}

/// Few values, so that they meet.
fn person(random: &mut fastrand::Rng, number: u32) -> Person {
    let mut word = || ["ann", "Ann", "bob", "Zoe", ""][random.usize(..5)].to_owned();
    let (name, login) = (format!("{} {}", word(), word()), word());
    let (city, skills) = (word(), vec![word(), word()]);
    let mut zip = || (random.bool()).then(|| random.u32(..3));
    let (home_zip, job_zip) = (zip(), zip());
    let address = random.bool().then(|| Address { city: city.clone(), zip: job_zip });
    Person {
        number,
        name,
        kind: if random.bool() { Kind::Large } else { Kind::Small },
        weight: [-1.5, -0.0, 0.0, 1e300, f64::NEG_INFINITY][random.usize(..5)],
        home: Address { city, zip: home_zip },
        job: random.bool().then_some(Job { address, skills }),
        login,
        active: random.bool(),
        pair: [random.i16(-1..2), random.i16(-300..300)],
        since: Timestamp::default() + std::time::Duration::from_micros(random.u64(..4)),
        uuid: random.bool().then(|| Id::from(uuid::Uuid::from_u128(random.u128(..3)))),
    }
}

type People = BTreeMap<u32, Person>;

/// The numbers of people in the order of a sort key, which some have several times or not at all.
fn sorted<K: Ord>(people: &People, keys: impl Fn(&Person) -> Vec<K>) -> Vec<u32> {
    let mut entries: Vec<(K, u32)> = Vec::new();
    for person in people.values() {
        entries.extend(keys(person).into_iter().map(|key| (key, person.number)));
    }
    entries.sort();
    entries.dedup();
    entries.into_iter().map(|(_, number)| number).collect()
}

fn numbers(found: &[std::sync::Arc<Person>]) -> Vec<u32> {
    found.iter().map(|person| person.number).collect()
}

fn float(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

async fn compare(db: &Db, people: &People) -> Result<()> {
    let s = db.session();
    let store = s.of::<Person>();
    let found = numbers(&store.by_lower().all().await?);
    assert_eq!(found, sorted(people, |one| vec![(one.lower(), Reverse(one.kind))]), "lower");
    let found = numbers(&store.by_city().all().await?);
    let city = |one: &Person| vec![(one.home.city.clone(), Reverse(float(one.weight)))];
    assert_eq!(found, sorted(people, city), "city");
    let found = numbers(&store.by_zip().all().await?);
    assert_eq!(found, sorted(people, |one| vec![(Reverse(one.zip()), one.kind)]), "zip");
    let found = numbers(&store.by_word().all().await?);
    let word =
        |one: &Person| one.words().into_iter().map(|word| (Reverse(one.kind), word)).collect();
    assert_eq!(found, sorted(people, word), "word");
    let found = numbers(&store.by_skill().all().await?);
    let skills = |one: &Person| {
        let job = one.job.iter().filter(|_| one.active);
        job.flat_map(|job| job.skills.clone()).map(Reverse).collect()
    };
    assert_eq!(found, sorted(people, skills), "skill");
    let active = |one: &Person| one.active.then_some(Reverse(one.kind)).into_iter().collect();
    assert_eq!(numbers(&store.by_kind().all().await?), sorted(people, active), "kind");
    let found = numbers(&store.query(person::ByLogin).all().await?);
    let login = |one: &Person| one.active.then(|| one.login.clone()).into_iter().collect();
    assert_eq!(found, sorted(people, login), "login");
    let found = numbers(&store.query(person::BySize).all().await?);
    let size = |one: &Person| one.is_odd().then(|| (one.kind, Reverse(one.size())));
    assert_eq!(found, sorted(people, |one| size(one).into_iter().collect()), "size");
    let found = numbers(&store.by_mixed().all().await?);
    let mixed = |one: &Person| (Reverse(one.active), one.pair, Reverse(one.since), one.uuid);
    assert_eq!(found, sorted(people, |one| vec![mixed(one)]), "mixed");
    let report = db.check_indexes().await?;
    assert!(report.is_sound(), "{report:?}");
    Ok(())
}

/// Does something to both; a login that an active person has already is refused.
async fn change(db: &Db, people: &mut People, random: &mut fastrand::Rng) -> Result<()> {
    let new = person(random, random.clone().u32(..40));
    let s = db.session();
    let store = s.of::<Person>();
    let taken = people
        .values()
        .any(|one| one.number != new.number && one.active && new.active && one.login == new.login);
    let done = match (random.u32(..4), people.contains_key(&new.number)) {
        (0, _) => {
            assert_eq!(store.delete(new.number).await?, people.remove(&new.number).is_some());
            return s.commit().await.map(drop);
        }
        (1, true) => {
            *store.edit(new.number).await? = new.clone();
            s.commit().await.map(drop)
        }
        (2, false) => match store.insert(new.clone()).await {
            Ok(_) => s.commit().await.map(drop),
            Err(error) => Err(error),
        },
        _ => match store.upsert(new.clone()).await {
            Ok(_) => s.commit().await.map(drop),
            Err(error) => Err(error),
        },
    };
    match done {
        Err(Error::Duplicate(duplicate)) => {
            assert!(taken && duplicate.index == Some("by_login"), "{duplicate}");
        }
        done => {
            done?;
            assert!(!taken, "two active people have one login");
            people.insert(new.number, new);
        }
    }
    Ok(())
}

#[tokio::test]
async fn all_kinds_of_indexes_agree_with_a_naive_computation() -> Result<()> {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let db = Db::builder().store::<Person>().ephemeral().await?;
        let mut people = People::new();
        for round in 0..150 {
            change(&db, &mut people, &mut random).await?;
            if round % 25 == 24 {
                compare(&db, &people).await?;
            }
        }
        assert!(people.len() > 10, "seed {seed}: there is something to compare");
    }
    Ok(())
}

async fn with(people: &[Person]) -> Result<(Db, People)> {
    let db = Db::builder().store::<Person>().ephemeral().await?;
    let s = db.session();
    s.of::<Person>().insert_many(people.iter().cloned()).await?;
    s.commit().await?;
    Ok((db, people.iter().map(|one| (one.number, one.clone())).collect()))
}

fn ann() -> Person {
    let ann = person(&mut fastrand::Rng::with_seed(1), 1);
    Person { active: true, login: "ann".to_owned(), ..ann }
}

#[tokio::test]
async fn queries_on_computed_columns_take_their_type() -> Result<()> {
    let mut one = Person { name: "Ann Lee".to_owned(), kind: Kind::Small, ..ann() };
    let address = Address { city: "Ulm".to_owned(), zip: Some(7) };
    one.home = address.clone();
    one.job = Some(Job { address: Some(address), skills: vec!["a".to_owned()] });
    let (db, _) = with(&[one]).await?;
    let s = db.session();
    let store = s.of::<Person>();
    assert_eq!(store.by_lower().prefix("ann lee").count().await?, 1);
    assert_eq!(store.by_lower().starts_with("ann").count().await?, 1);
    assert_eq!(store.by_city().prefix("Ulm").count().await?, 1);
    assert_eq!(store.by_zip().prefix(7).count().await?, 1);
    assert_eq!(store.by_zip().prefix((None, Kind::Small)).count().await?, 0);
    assert_eq!(store.by_zip().range(5..9).count().await?, 1);
    assert_eq!(store.by_word().prefix((Kind::Small, "Lee")).count().await?, 1);
    assert_eq!(store.by_size(Kind::Small, 0).await?.map(|one| one.number), Some(1));
    assert_eq!(store.by_login("ann").await?.map(|one| one.number), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_record_enters_and_leaves_a_partial_index_as_it_changes() -> Result<()> {
    let other = Person { number: 2, active: false, ..ann() };
    let (db, _) = with(&[ann(), other]).await?;
    let s = db.session();
    let store = s.of::<Person>();
    assert_eq!(store.by_login("ann").await?.unwrap().number, 1);
    store.edit(2).await?.active = true;
    assert!(matches!(s.commit().await, Err(Error::Duplicate(_))), "both would be in");
    store.edit(1).await?.active = false;
    assert_eq!(store.by_login("ann").await?.unwrap().number, 2, "they change places");
    s.commit().await?;
    let s = db.session();
    s.of::<Person>().edit(2).await?.active = false;
    assert!(s.of::<Person>().by_login("ann").await?.is_none());
    s.commit().await?;
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}

#[tokio::test]
async fn two_sessions_cannot_both_enter_a_unique_partial_index() -> Result<()> {
    let two = |number| Person { number, active: false, ..ann() };
    let (db, _) = with(&[two(1), two(2)]).await?;
    let (one, other) = (db.session(), db.session());
    one.of::<Person>().edit(1).await?.active = true;
    other.of::<Person>().edit(2).await?.active = true;
    one.commit().await?;
    let Err(Error::Duplicate(duplicate)) = other.commit().await else { panic!("both are in") };
    assert!(duplicate.concurrent && duplicate.index == Some("by_login"));
    Ok(())
}

#[tokio::test]
async fn nan_is_refused_with_the_name_of_the_index() -> Result<()> {
    let (db, _) = with(&[ann()]).await?;
    let s = db.session();
    s.of::<Person>().edit(1).await?.weight = f64::NAN;
    let error = s.commit().await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    assert!(error.to_string().contains("by_city") && error.to_string().contains("NaN"), "{error}");
    s.of::<Person>().edit(1).await?.weight = -0.0;
    s.commit().await?;
    let s = db.session();
    let city = s.of::<Person>().require(1).await?.home.city.clone();
    let zero = s.of::<Person>().by_city().prefix((city, 0.0)).count().await?;
    assert_eq!(zero, 1, "-0.0 is 0.0");
    Ok(())
}
