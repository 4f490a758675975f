//! Real Redis servers for tests, and members that coordinate by way of them.

mod members;
mod server;

pub use members::{Member, REALM, coordination, key};
pub use server::{RedisServer, ask, file};
