//! Watching a store: a task that reacts to what others commit.
//!
//! ```sh
//! cargo run --release -p sop-examples --example watch
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use sop_orm::{EventKind, Watch, prelude::*};

/// What a sensor measured last.
#[derive(SopStore, Debug)]
#[sop(store = "readings", key(room, sensor))]
struct Reading {
    room: String,
    sensor: u32,
    celsius: f64,
}

/// Tells of changes until a sensor of the room is gone.
async fn follow(mut watch: Watch<Reading>) -> Result<u32> {
    let mut events = 0;
    loop {
        let event = watch.next().await?;
        events += 1;
        let (room, sensor) = &event.key;
        match (event.kind, &event.record) {
            (EventKind::Deleted, _) => {
                println!("{room} {sensor} is gone at {}", event.position);
                return Ok(events);
            }
            (_, Some(reading)) => println!("{room} {sensor}: {} degrees", reading.celsius),
            (_, None) => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let db = Db::builder().store::<Reading>().ephemeral().await?;

    // The watch begins here, so that nothing is missed while the task starts.
    let kitchen = db.session().of::<Reading>().by_key().prefix("kitchen").watch()?;
    let follower = tokio::spawn(follow(kitchen));

    for celsius in [20.5, 21.0, 21.5] {
        let s = db.session();
        for room in ["attic", "kitchen"] {
            let reading = Reading { room: room.to_owned(), sensor: 1, celsius };
            s.of::<Reading>().upsert(reading).await?;
        }
        s.commit().await?;
        tokio::task::yield_now().await;
    }
    db.run(async |s| s.of::<Reading>().delete(("kitchen", 1)).await).await?;

    // Commits that came while the task was busy are taken together.
    let events = follower.await.map_err(|error| Error::Invalid(error.to_string().into()))??;
    println!("{events} events");
    assert!((1..=4).contains(&events));
    Ok(())
}
