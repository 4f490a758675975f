//! Transactions of ours in which real servers of others take part.

mod postgres;
mod redis;
mod sqlite;
mod stage;
