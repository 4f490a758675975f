//! Processes that share a folder, by real ones that are killed, stopped, cut off and left alone.

#[cfg(test)]
mod adds;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod disks;
#[cfg(test)]
mod files;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod modes;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod zombies;

#[cfg(test)]
use sop_tests::{
    Outcome,
    crew::{Crew, Post, WORKERS},
};

/// Workers that are all by way of one Redis server, or of none if its address is empty.
#[cfg(test)]
fn crew(redis: &str, seed: u64) -> Outcome<Crew> {
    let post = Post { redis: redis.to_owned(), ..Post::default() };
    crew_at([(); WORKERS].map(|()| post.clone()), seed)
}

/// Workers, each at its own post.
#[cfg(test)]
fn crew_at(posts: [Post; WORKERS], seed: u64) -> Outcome<Crew> {
    Crew::start(env!("CARGO_BIN_EXE_worker"), posts, seed)
}
