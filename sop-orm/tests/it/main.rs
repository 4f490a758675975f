//! The typed layer through its public interface.

mod bulk;
mod concurrency;
mod crud;
mod disk;
mod edits;
mod hooks;
mod identity;
mod merging;
mod model;
mod opening;
mod paging;
mod queries;
mod retries;
mod savepoints;
mod schemas;
mod sensitive;
mod unique;
mod unknown;
mod upserts;
mod versions;
mod watching;
