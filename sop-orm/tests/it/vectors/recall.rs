//! How many of the true neighbours are found, on real embeddings where they are at hand.

use std::{collections::BTreeSet, fs, path::Path};

use half::f16;
use sop_orm::{IndexBuilding, Vector, prelude::*};

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

async fn insert(db: &Db, texts: impl Iterator<Item = Text>) -> Result<()> {
    let s = db.session();
    s.of::<Text>().insert_many(texts).await?;
    s.commit().await?;
    Ok(())
}

/// The vectors, the queries and their nearest of the folder of data.
struct Embeddings {
    rows: Vec<Vector<DIMENSIONS>>,
    queries: Vec<Vector<DIMENSIONS>>,
    truth: Vec<BTreeSet<u32>>,
}

impl Embeddings {
    /// None if there is no such folder beside the project.
    fn at_hand() -> Option<Self> {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
        let (rows, queries) = (data.join("packages.f16"), data.join("queries.f16"));
        let truth = truth(&data.join("truth100.u32"))?;
        Some(Self { rows: vectors(&rows)?, queries: vectors(&queries)?, truth })
    }

    fn text(&self, number: u32) -> Text {
        Text { number, meaning: self.rows[number as usize].clone() }
    }

    async fn fill(&self, db: &Db) -> Result<()> {
        for first in (0..ROWS).step_by(5_000) {
            insert(db, (first..first + 5_000).map(|number| self.text(number))).await?;
        }
        Ok(())
    }

    /// The share of the true ten nearest that is found.
    async fn recall(&self, db: &Db, demanded: f32) -> Result<f64> {
        let (s, mut found) = (db.session(), 0_u32);
        for (query, truth) in self.queries.iter().zip(&self.truth) {
            let hits = s.of::<Text>().near_meaning(query).recall(demanded).all().await?;
            found += hits.iter().map(|hit| u32::from(truth.contains(&hit.key))).sum::<u32>();
        }
        let all = 10 * u32::try_from(self.queries.len()).expect("a few hundred");
        Ok(f64::from(found) / f64::from(all))
    }
}

#[tokio::test]
async fn nearly_all_true_neighbours_are_found_also_after_half_was_deleted_and_came_again()
-> Result<()> {
    let Some(embeddings) = Embeddings::at_hand() else {
        println!("skipped: no embeddings in ../shared/data");
        return Ok(());
    };
    let db = Db::builder().store::<Text>().ephemeral().await?;
    embeddings.fill(&db).await?;
    let fresh = embeddings.recall(&db, 0.95).await?;
    assert!(fresh >= 0.96, "{fresh} of them were found");
    let default = embeddings.recall(&db, 0.99).await?;
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
        insert(&db, some.iter().map(|number| embeddings.text(*number))).await?;
    }
    let later = embeddings.recall(&db, 0.95).await?;
    assert!(later >= fresh - 0.005, "{later} instead of {fresh} of them were found");
    Ok(())
}

#[tokio::test]
async fn as_many_neighbours_are_found_in_cells_as_were_asked_for() -> Result<()> {
    let Some(embeddings) = Embeddings::at_hand() else {
        println!("skipped: no embeddings in ../shared/data");
        return Ok(());
    };
    let builder = Db::builder().store::<Text>().cells_from(16_384);
    let db = builder.index_building(IndexBuilding::ByHand).ephemeral().await?;
    embeddings.fill(&db).await?;
    while db.build_indexes(2_048)? {}
    for (demanded, least) in [(0.8, 0.8), (0.9, 0.92), (0.95, 0.95), (0.99, 0.98)] {
        let found = embeddings.recall(&db, demanded).await?;
        assert!(found >= least, "{found} of them were found, {demanded} were asked for");
    }
    let s = db.session();
    let (query, exact) = (&embeddings.queries[0], &embeddings.truth[0]);
    let hits = s.of::<Text>().near_meaning(query).exact().all().await?;
    assert_eq!(hits.iter().map(|hit| hit.key).collect::<BTreeSet<_>>(), *exact);
    Ok(())
}
