//! Adds rows of its own to a folder that several processes share, as a user would: typed, on many
//! threads, each row by a commit of its own, and without ever trying again.
//!
//! Takes the folder, the address of a Redis server or nothing, the number of its first thread, how many
//! threads there are, and how many rows each of them adds. Says how many rows were acknowledged so
//! far after each.

use std::{
    env,
    io::{self, Write},
    sync::atomic::{AtomicU64, Ordering},
};

use sop_tests::{Outcome, adds, together};

fn main() -> Outcome {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [folder, redis, first, threads, rows] = &arguments[..] else {
        return Err("there are five arguments".into());
    };
    let (first, rows): (u64, u64) = (first.parse()?, rows.parse()?);
    let db = pollster::block_on(adds::open(folder.as_ref(), redis))?;
    let acknowledged = AtomicU64::new(0);
    together(threads.parse()?, |thread| {
        let thread = first + thread as u64;
        for row in 0..rows {
            pollster::block_on(adds::add(&db, thread, row))?;
            let line = format!("{}\n", 1 + acknowledged.fetch_add(1, Ordering::SeqCst));
            io::stdout().lock().write_all(line.as_bytes())?;
        }
        Ok(())
    })?;
    pollster::block_on(db.close())?;
    Ok(())
}
