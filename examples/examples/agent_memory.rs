//! The memory of several agents: what they were told, what they have read, and what they take for
//! known, recalled by meaning and written in one transaction.
//!
//! ```sh
//! cargo run --release -p sop-examples --example agent_memory
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use anyhow::ensure;
use serde::Deserialize;
use sop_orm::{RetryPolicy, Vector, prelude::*};

/// What agents read: summaries of packages, with embeddings that a model has made of them.
const TEXTS: &str = include_str!("../data/packages.jsonl");
const EMBEDDINGS: &[u8] = include_bytes!("../data/embeddings.i8");

/// Components of an embedding.
const D: usize = 384;
type Meaning = Vector<D, i8>;

const AGENTS: [&str; 4] = ["ada", "ben", "cleo", "dan"];
const TEXTS_PER_AGENT: usize = 60;

/// What is nearer than this counts as known.
const SAME: f32 = 0.35;

/// What happened to an agent.
#[derive(SopStore)]
#[sop(store = "episodes")]
struct Episode {
    #[sop(key(auto = uuid7))]
    id: Id<Episode>,
    agent: String,
    /// Counts the agent's episodes.
    #[sop(index(by_step))]
    step: u16,
    text: String,
    /// Only this agent's episodes are searched, and of some time if so asked.
    #[sop(vector(partition = agent, filter = by_step))]
    meaning: Meaning,
}

/// What an agent takes for known.
#[derive(SopStore)]
#[sop(store = "facts")]
struct Fact {
    #[sop(key(auto = uuid7))]
    id: Id<Fact>,
    agent: String,
    text: String,
    /// How many episodes have said so.
    #[sop(merge = add)]
    support: u32,
    #[sop(vector(partition = agent))]
    meaning: Meaning,
}

/// Something that belongs to an episode. Only some can be searched.
#[derive(SopStore)]
#[sop(store = "attachments")]
struct Attachment {
    #[sop(key(auto = uuid7))]
    id: Id<Attachment>,
    agent: String,
    #[sop(belongs_to(on_delete = cascade), index(by_episode))]
    episode: Id<Episode>,
    bytes: Vec<u8>,
    #[sop(vector(partition = agent))]
    meaning: Option<Meaning>,
}

/// What all agents have done together.
#[derive(SopStore, Clone)]
#[sop(store = "crews")]
struct Crew {
    #[sop(key)]
    name: String,
    #[sop(merge = add)]
    read: u64,
}

/// Something to read.
#[derive(Deserialize)]
struct Line {
    name: String,
    text: String,
}

#[derive(Clone)]
struct Reading {
    name: String,
    text: String,
    meaning: Meaning,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let db = Db::builder().store::<Episode>().store::<Fact>().store::<Attachment>();
    let db = db.store::<Crew>().ephemeral().await?;
    let crew = Crew { name: "crew".to_owned(), read: 0 };
    db.run(async |s| s.of::<Crew>().insert(crew.clone()).await).await?;

    // All agents work at the same time.
    let readings = readings()?;
    let agents: Vec<_> = AGENTS
        .into_iter()
        .zip(readings.chunks(TEXTS_PER_AGENT))
        .map(|(agent, readings)| tokio::spawn(work(db.clone(), agent, readings.to_vec())))
        .collect();
    for agent in agents {
        agent.await??;
    }

    let s = db.session();
    let read = s.of::<Crew>().require("crew").await?.read;
    println!("{read} texts read, {} facts", s.of::<Fact>().by_key().count().await?);
    ensure!(read == (AGENTS.len() * TEXTS_PER_AGENT) as u64);
    ensure!(db.check_indexes().await?.is_sound());

    recall(&s, &readings).await?;
    two_of_one_mind(&db, &readings).await
}

/// One agent reads one text after the other.
async fn work(db: Db, agent: &'static str, readings: Vec<Reading>) -> Result<()> {
    for (step, reading) in (0..).zip(&readings) {
        // What agents recall is their own, and the counter of all is merged: so nobody is in the way
        // of anybody, and one attempt is enough. Usually it is left to the default.
        let policy = RetryPolicy::default().attempts(1);
        tx!(db, policy, |s| { remember(s, agent, step, reading).await })?;
    }
    Ok(())
}

/// Recalls what is known and writes what is new, all of it or nothing.
async fn remember(s: &Session, agent: &str, step: u16, reading: &Reading) -> Result<()> {
    let Reading { name, text, meaning } = reading;
    let episode =
        NewEpisode { agent: agent.to_owned(), step, text: text.clone(), meaning: meaning.clone() };
    let episode = s.of::<Episode>().insert(episode).await?.id;

    let known = s.of::<Fact>().near_meaning(agent, meaning).within(SAME).first().await?;
    if let Some(fact) = known {
        s.of::<Fact>().edit(fact.key).await?.support += 1;
    } else {
        let (agent, text) = (agent.to_owned(), text.clone());
        let fact = NewFact { agent, text, support: 1, meaning: meaning.clone() };
        s.of::<Fact>().insert(fact).await?;
    }

    // A picture, say, of which no model has made an embedding, is kept without.
    let meaning = step.is_multiple_of(2).then(|| meaning.clone());
    let bytes = name.clone().into_bytes();
    let attachment = NewAttachment { agent: agent.to_owned(), episode, bytes, meaning };
    s.of::<Attachment>().insert(attachment).await?;

    s.of::<Crew>().edit("crew").await?.read += 1;
    Ok(())
}

/// What an agent remembers of something.
async fn recall(s: &Session, readings: &[Reading]) -> anyhow::Result<()> {
    let asked = &readings[TEXTS_PER_AGENT + 10];
    println!("what ben knows of \"{}\":", asked.text);
    for hit in s.of::<Fact>().near_meaning("ben", &asked.meaning).k(3).all().await? {
        let fact = hit.record().await?;
        ensure!(fact.agent == "ben", "nobody else's memory is searched");
        println!("  {:.2}  {} ({} times)", hit.score(), fact.text, fact.support);
    }

    // Of the last episodes only, and the recent ones of those first.
    let episodes = s.of::<Episode>();
    let late = episodes.by_step().range(40..);
    let near = episodes.near_meaning("ben", &asked.meaning).among(late).k(10);
    let ranked = near.ranked_by(|episode, score| score + f32::from(episode.step) / 200.0).await?;
    println!("and lately:");
    for hit in ranked.iter().take(3) {
        let episode = hit.record().await?;
        ensure!(episode.agent == "ben" && episode.step >= 40);
        println!("  {:.2}  {} (step {})", hit.score(), episode.text, episode.step);
    }

    // Only what has an embedding can be found by it.
    let found = s.of::<Attachment>().near_meaning("ben", &asked.meaning).k(1_000).all().await?;
    println!("{} of ben's attachments can be searched", found.len());
    ensure!(found.len() == TEXTS_PER_AGENT / 2);
    let first = found[0].record().await?;
    ensure!(first.bytes == asked.name.as_bytes());
    ensure!(s.of::<Episode>().require(first.episode).await?.text == asked.text);
    Ok(())
}

/// Two sessions of one agent at once: who has searched depends on what was there.
async fn two_of_one_mind(db: &Db, readings: &[Reading]) -> anyhow::Result<()> {
    // Both would write the same fact, since neither sees that of the other. The second one is told.
    let new = &readings[AGENTS.len() * TEXTS_PER_AGENT];
    let (one, two) = (db.session(), db.session());
    remember(&one, "ada", 100, new).await?;
    remember(&two, "ada", 101, new).await?;
    one.commit().await?;
    match two.commit().await {
        Err(error) if error.is_retryable() => println!("{error}"),
        outcome => anyhow::bail!("expected a conflict, not {outcome:?}"),
    }
    // `run` would have done this by itself. Now the fact is known.
    db.run(async |s| remember(s, "ada", 101, new).await).await?;
    let s = db.session();
    let hits = s.of::<Fact>().near_meaning("ada", &new.meaning).within(0.001).all().await?;
    ensure!(hits.len() == 1);
    println!("\"{}\": {} times", new.text, hits[0].record().await?.support);
    Ok(())
}

/// What there is to read.
fn readings() -> anyhow::Result<Vec<Reading>> {
    let rows = TEXTS.lines().zip(EMBEDDINGS.chunks_exact(D)).map(|(line, row)| {
        let Line { name, text } = serde_json::from_str(line)?;
        let row: Vec<i8> = row.iter().map(|byte| byte.cast_signed()).collect();
        let meaning = Meaning::try_from(row).map_err(Error::from)?;
        Ok(Reading { name, text, meaning })
    });
    rows.collect()
}
