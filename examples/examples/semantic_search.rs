//! Search by meaning: packages that do what a sentence says, in all of a catalogue or in a family of
//! packages, of some time, with some tag.
//!
//! ```sh
//! cargo run --release -p sop-examples --example semantic_search
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context, ensure};
use serde::Deserialize;
use sop_orm::{Hit, Near, Vector, prelude::*};

/// A real catalogue, and questions, with embeddings that a model has made of their texts.
const CATALOGUE: &str = include_str!("../data/packages.jsonl");
const EMBEDDINGS: &[u8] = include_bytes!("../data/embeddings.i8");
const QUESTIONS: &str = include_str!("../data/queries.jsonl");
const THEIR_EMBEDDINGS: &[u8] = include_bytes!("../data/queries.i8");

/// Components of an embedding.
const D: usize = 384;

/// A byte for each component does: the model is far less precise than that.
type Meaning = Vector<D, i8>;

#[derive(SopStore)]
#[sop(store = "packages")]
struct Package {
    #[sop(key)]
    id: u32,
    name: String,
    tenant: String,
    /// The month, as `yyyymm`.
    #[sop(index(by_date))]
    date: u32,
    #[sop(index(by_tag, each))]
    tags: BTreeSet<String>,
    text: String,
    /// Searched everywhere; where a search is bounded by date or tag, only what these select is
    /// looked at.
    #[sop(vector(metric = cosine, filter(by_date, by_tag)))]
    meaning: Meaning,
    /// The same once more, searched in one tenant: what others have costs nothing there.
    #[sop(vector(metric = cosine, partition = tenant, filter = by_date))]
    meaning_here: Meaning,
}

/// A line of the catalogue.
#[derive(Deserialize)]
struct Line {
    id: u32,
    name: String,
    tenant: String,
    date: u32,
    tags: BTreeSet<String>,
    text: String,
}

/// A line of the questions.
#[derive(Deserialize)]
struct Question {
    text: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let db = Db::builder().store::<Package>().ephemeral().await?;
    import(&db).await?;

    let questions: Vec<Question> =
        QUESTIONS.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let questions: Vec<_> = questions.into_iter().zip(embeddings(THEIR_EMBEDDINGS)?).collect();
    let about = |word: &str| {
        let found = questions.iter().find(|(question, _)| question.text.contains(word));
        found.with_context(|| format!("no question about {word}"))
    };

    let s = db.session();
    let (question, payments) = about("payment")?;
    println!("\"{}\"", question.text);
    everywhere(&s, payments).await?;

    let (question, undo) = about("undo-redo")?;
    println!("\"{}\"", question.text);
    within_a_tenant(&s, undo).await?;

    let (question, agents) = about("LangGraph")?;
    println!("\"{}\"", question.text);
    recent_with_a_tag(&s, agents).await?;

    like_another(&s, 1_049).await?;
    let all: Vec<_> = questions.iter().map(|(_, meaning)| meaning).collect();
    how_many_are_missed(&s, &all).await
}

/// All packages that have an embedding, with it.
async fn import(db: &Db) -> anyhow::Result<()> {
    let mut packages = Vec::new();
    for (line, meaning) in CATALOGUE.lines().zip(embeddings(EMBEDDINGS)?) {
        let Line { id, name, tenant, date, tags, text } = serde_json::from_str(line)?;
        let meaning_here = meaning.clone();
        packages.push(Package { id, name, tenant, date, tags, text, meaning, meaning_here });
    }
    println!("{} packages", packages.len());
    let s = db.session();
    s.of::<Package>().insert_many(packages).await?;
    // Their indexes are written in the same commit.
    s.commit().await?;
    Ok(())
}

/// The nearest of all. The greatest score is 1, for the same direction.
async fn everywhere(s: &Session, meaning: &Meaning) -> anyhow::Result<()> {
    let hits = show(|| s.of::<Package>().near_meaning(meaning).k(3)).await?;
    ensure!(hits[0].record().await?.text == "Flask/Quart extension for Merchants payment SDK");
    Ok(())
}

/// The nearest of one tenant: the others are in other partitions.
async fn within_a_tenant(s: &Session, meaning: &Meaning) -> anyhow::Result<()> {
    let packages = s.of::<Package>();
    let flask = || packages.near_meaning_here("flask", meaning);
    let hits = show(|| flask().k(2)).await?;
    ensure!(hits[0].record().await?.text.starts_with("Add undo/redo functionality for Flask"));

    // Of the last years only: that one is too old.
    let late = || packages.by_date().range(202_001..);
    let recent = show(|| flask().among(late()).k(2)).await?;
    ensure!(recent.iter().all(|hit| hit.key != hits[0].key));
    Ok(())
}

/// Conditions on several indexes, and one that only the record can tell.
async fn recent_with_a_tag(s: &Session, meaning: &Meaning) -> anyhow::Result<()> {
    let packages = s.of::<Package>();
    let near = || {
        let tagged = packages.by_tag().prefix("agents");
        packages.near_meaning(meaning).among(tagged).among(packages.by_date().range(202_601..))
    };
    let filtered = || near().filter(|package| !package.text.contains("email")).k(3);
    for hit in show(filtered).await? {
        let package = hit.record().await?;
        ensure!(package.tags.contains("agents") && package.date >= 202_601);
    }
    // Nothing nearer than this is there.
    ensure!(near().within(0.1).first().await?.is_none());
    Ok(())
}

/// Packages like one that is there, page by page. It is not among them itself.
async fn like_another(s: &Session, id: u32) -> anyhow::Result<()> {
    let packages = s.of::<Package>();
    let one = packages.require(id).await?;
    println!("like {}", one.name);
    let near = || packages.near_meaning_of(&one).k(2);
    let first = show(near).await?;
    let last = first.last().context("a page is full")?;
    let second = show(|| near().after(&last.cursor())).await?;
    ensure!(second[0].distance >= last.distance && first.iter().all(|hit| hit.key != id));
    Ok(())
}

/// A search may miss a neighbour; `exact` misses none, and reads all vectors for it.
async fn how_many_are_missed(s: &Session, questions: &[&Meaning]) -> anyhow::Result<()> {
    let (mut wanted, mut found) = (0, 0);
    for question in questions {
        let near = || s.of::<Package>().near_meaning(*question);
        let keys = |hits: Vec<Hit<'_, Package>>| hits.iter().map(|hit| hit.key).collect();
        let all: HashSet<u32> = keys(near().exact().all().await?);
        let hits: HashSet<u32> = keys(near().all().await?);
        wanted += all.len();
        found += all.intersection(&hits).count();
    }
    println!("{found} of the {wanted} nearest of {} questions were found", questions.len());
    ensure!(found * 100 >= wanted * 98);
    Ok(())
}

/// Prints how a search goes about it, and what it finds.
async fn show<'s>(near: impl Fn() -> Near<'s, Package>) -> anyhow::Result<Vec<Hit<'s, Package>>> {
    println!("  {}", near().explain().await?);
    let hits = near().all().await?;
    for hit in &hits {
        let package = hit.record().await?;
        let (month, score) = (package.date, hit.score());
        println!("  {score:.2}  {} ({}, {month}): {}", package.name, package.tenant, package.text);
    }
    Ok(hits)
}

/// The rows of a file of embeddings.
fn embeddings(file: &[u8]) -> anyhow::Result<Vec<Meaning>> {
    let rows = file.chunks_exact(D).map(|row| {
        let row: Vec<i8> = row.iter().map(|byte| byte.cast_signed()).collect();
        Ok(Meaning::try_from(row).map_err(Error::from)?)
    });
    rows.collect()
}
