//! How many of the true neighbours are found, on real embeddings where they are at hand.

use std::{collections::BTreeSet, fs, path::Path};

use half::f16;
use sop_orm::{Vector, prelude::*};

const DIMENSIONS: usize = 384;
const ROWS: u32 = 30_000;

#[derive(SopStore, Clone, Debug, PartialEq)]
struct Text {
    #[sop(key)]
    number: u32,
    #[sop(vector)]
    meaning: Vector<DIMENSIONS>,
}

/// The vectors of a file of half floats.
fn vectors(path: &Path) -> Option<Vec<Vector<DIMENSIONS>>> {
    let bytes = fs::read(path).ok()?;
    let (numbers, _) = bytes.as_chunks();
    let numbers: Vec<f32> = numbers.iter().map(|two| f16::from_le_bytes(*two).to_f32()).collect();
    let rows = numbers.chunks_exact(DIMENSIONS);
    Some(rows.map(|row| Vector::try_from(row).expect("as many components")).collect())
}

/// The numbers of the ten nearest of each query.
fn truth(path: &Path) -> Option<Vec<BTreeSet<u32>>> {
    let bytes = fs::read(path).ok()?;
    let (numbers, _) = bytes.as_chunks();
    let numbers: Vec<u32> = numbers.iter().map(|four| u32::from_le_bytes(*four)).collect();
    Some(numbers.chunks_exact(100).map(|row| row[..10].iter().copied().collect()).collect())
}

/// The share of the true ten nearest that is found.
async fn recall(
    db: &Db,
    queries: &[Vector<DIMENSIONS>],
    truth: &[BTreeSet<u32>],
    demanded: f32,
) -> Result<f64> {
    let (s, mut found) = (db.session(), 0_u32);
    for (query, truth) in queries.iter().zip(truth) {
        let hits = s.of::<Text>().near_meaning(query).recall(demanded).all().await?;
        found += hits.iter().map(|hit| u32::from(truth.contains(&hit.key))).sum::<u32>();
    }
    let all = 10 * u32::try_from(queries.len()).expect("a few hundred");
    Ok(f64::from(found) / f64::from(all))
}

async fn insert(db: &Db, texts: impl Iterator<Item = Text>) -> Result<()> {
    let s = db.session();
    s.of::<Text>().insert_many(texts).await?;
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn nearly_all_true_neighbours_are_found_also_after_half_was_deleted_and_came_again()
-> Result<()> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let found = (
        vectors(&data.join("packages.f16")),
        vectors(&data.join("queries.f16")),
        truth(&data.join("truth100.u32")),
    );
    let (Some(rows), Some(queries), Some(truth)) = found else {
        println!("skipped: no embeddings in {}", data.display());
        return Ok(());
    };
    let db = Db::builder().store::<Text>().ephemeral().await?;
    let text = |number: u32| Text { number, meaning: rows[number as usize].clone() };
    for first in (0..ROWS).step_by(5_000) {
        insert(&db, (first..first + 5_000).map(text)).await?;
    }
    let fresh = recall(&db, &queries, &truth, 0.95).await?;
    assert!(fresh >= 0.96, "{fresh} of them were found");
    let default = recall(&db, &queries, &truth, 0.99).await?;
    assert!(default >= 0.98, "{default} of them were found");

    let mut rng = fastrand::Rng::with_seed(11);
    let mut half: Vec<u32> = (0..ROWS).collect();
    rng.shuffle(&mut half);
    half.truncate(ROWS as usize / 2);
    for some in half.chunks(5_000) {
        let s = db.session();
        for number in some {
            s.of::<Text>().delete(*number).await?;
        }
        s.commit().await?;
    }
    for some in half.chunks(5_000) {
        insert(&db, some.iter().copied().map(text)).await?;
    }
    let later = recall(&db, &queries, &truth, 0.95).await?;
    assert!(later >= fresh - 0.005, "{later} instead of {fresh} of them were found");
    Ok(())
}
