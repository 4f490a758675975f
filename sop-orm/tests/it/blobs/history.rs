//! Random sessions over content, beside each other, against values in memory.

use std::collections::BTreeMap;

use fastrand::Rng;
use sop_orm::Error;

use super::*;

type Scripts = BTreeMap<u32, Vec<u8>>;

/// Does some work in a session, and the same with the model.
async fn work(s: &Session, model: &mut Scripts, rng: &mut Rng) -> Result<()> {
    let films = s.of::<Film>();
    for _ in 0..rng.usize(1..5) {
        let (number, seed) = (rng.u32(..5), rng.u8(..));
        let Some(script) = model.get_mut(&number) else {
            films.insert(new(number)).await?;
            model.insert(number, Vec::new());
            continue;
        };
        match rng.u8(..7) {
            0 => {
                films.delete(number).await?;
                model.remove(&number);
            }
            1 => {
                let part = content(seed, rng.usize(..2 * CHUNK));
                films.script(number).append(&part).await?;
                script.extend(part);
            }
            2 => {
                let len = rng.usize(..=script.len());
                films.script(number).truncate(len as u64).await?;
                script.truncate(len);
            }
            3 => {
                assert_eq!(films.script(number).len().await?, script.len() as u64);
            }
            4 => {
                let from = rng.u32(..5);
                let copied = films.script(number).copy_from(&films.script(from)).await;
                match model.get(&from).cloned() {
                    Some(other) => {
                        assert_eq!(copied?, other.len() as u64);
                        model.insert(number, other);
                    }
                    None => assert!(matches!(copied, Err(Error::NotFound { .. }))),
                }
            }
            _ => {
                let at = rng.usize(..=script.len());
                let part = content(seed, rng.usize(1..CHUNK + 100));
                films.script(number).write_at(at as u64, &part).await?;
                script.resize(script.len().max(at + part.len()), 0);
                script[at..at + part.len()].copy_from_slice(&part);
            }
        }
    }
    Ok(())
}

async fn compare(db: &Db, model: &Scripts) -> Result<()> {
    let s = db.session();
    assert_eq!(s.of::<Film>().by_key().count().await?, model.len() as u64);
    for (number, expected) in model {
        assert!(script(db, *number).await? == *expected, "film {number}");
        let checksum = s.of::<Film>().script(*number).checksum().await?;
        assert_eq!(checksum, crc32c::crc32c(expected));
    }
    Ok(())
}

#[tokio::test]
async fn content_is_what_was_written_to_it_whatever_was_committed_and_dropped() -> Result<()> {
    let mut rng = Rng::with_seed(11);
    let (db, mut model) = (builder().ephemeral().await?, Scripts::new());
    for round in 0..300 {
        let (s, mut ahead) = (db.session(), model.clone());
        work(&s, &mut ahead, &mut rng).await?;
        if rng.u8(..4) == 0 {
            drop(s);
        } else {
            s.commit().await?;
            model = ahead;
        }
        if round % 10 == 0 {
            compare(&db, &model).await?;
        }
    }
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}

/// Two sessions at once: if both commit, the result is that of one after the other.
#[tokio::test]
async fn two_sessions_that_both_commit_have_the_effect_of_one_after_the_other() -> Result<()> {
    let (mut both, mut beaten) = (0, 0);
    for seed in 0..150 {
        let mut rng = Rng::with_seed(seed);
        let (db, mut model) = (builder().ephemeral().await?, Scripts::new());
        for _ in 0..4 {
            let s = db.session();
            work(&s, &mut model, &mut rng).await?;
            s.commit().await?;
        }
        let [a, b] = [0, 1].map(|_| db.session());
        let seeds = [rng.u64(..), rng.u64(..)];
        let mut alone = [model.clone(), model.clone()];
        for ((s, model), seed) in [&a, &b].into_iter().zip(&mut alone).zip(seeds) {
            work(s, model, &mut Rng::with_seed(seed)).await?;
        }
        a.commit().await?;
        let [first, second] = &alone;
        if let Err(error) = b.commit().await {
            assert!(error.is_retryable(), "{error}");
            beaten += 1;
            compare(&db, first).await?;
        } else {
            both += 1;
            compare_merged(&db, &model, [first, second]).await?;
        }
        assert!(db.check_indexes().await?.is_sound());
    }
    assert!(both > 10 && beaten > 10, "{both} and {beaten}");
    Ok(())
}

/// Of each chunk there is what the one of the two wrote who changed it.
async fn compare_merged(db: &Db, before: &Scripts, after: [&Scripts; 2]) -> Result<()> {
    for number in 0..5 {
        let [old, one, two] = [before, after[0], after[1]].map(|films| films.get(&number));
        let there = db.session().of::<Film>().exists(number).await?;
        let expected = match (one == old, two == old) {
            (_, true) => one.cloned(),
            (true, _) => two.cloned(),
            (false, false) => {
                let (Some(old), Some(one), Some(two)) = (old, one, two) else {
                    panic!("both made, deleted or changed film {number}");
                };
                Some(merged(old, one, two))
            }
        };
        assert_eq!(there, expected.is_some());
        if let Some(expected) = expected {
            assert!(script(db, number).await? == expected, "film {number}");
        }
    }
    Ok(())
}

fn merged(old: &[u8], one: &[u8], two: &[u8]) -> Vec<u8> {
    let chunk = |all: &[u8], at: usize| all.chunks(CHUNK).nth(at).map(<[u8]>::to_vec);
    let chunks = old.len().max(one.len()).max(two.len()).div_ceil(CHUNK);
    let pick = |at: usize| {
        let [old, one, two] = [old, one, two].map(|all| chunk(all, at));
        if two == old { one } else { two }
    };
    (0..chunks).filter_map(pick).flatten().collect()
}
