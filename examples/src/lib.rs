//! Programs to read first, and to begin your own from.
//!
//! | run it with `cargo run --release -p sop-examples --example ..` | what it shows |
//! |---|---|
//! | `quickstart` | a whole program: 20,000 real records, every kind of index, 40 sessions at once |
//! | `repository` | plain async functions over a session, as an application would have them |
//! | `keys` | keys that are made: UUIDs, ULIDs, numbers that count up |
//! | `indexes` | every kind of index, and adding one to records that exist |
//! | `queries` | conditions on several indexes, paging, streams, some fields only, `explain` |
//! | `semantic_search` | packages found by what their texts mean, of a family, of some time, with some tag |
//! | `agent_memory` | what several agents remember, recalled and written in one transaction each |
//! | `media_library` | files of any length in records, added in parts and served over HTTP by ranges |
//! | `relations` | records that refer to each other, and many of them with their other ends at once |
//! | `merging` | sessions that change the same record at once, and all commit |
//! | `hooks` | rules, hooks, versions: what happens around changes, and who was faster |
//! | `savepoints` | trying something inside of a session and going back |
//! | `soft_delete` | records that are deleted and can be restored |
//! | `watch` | a task that reacts to what others commit |
//! | `evolution` | a struct that changes while its records stay where they are |
//! | `cluster` | a service that is started three times, on one folder, and killed |
//! | `order_service` | orders here and payments in PostgreSQL, in one transaction, killed a hundred times; with `--features postgres` |
//! | `testing` | how to test such a program: orders of sessions, conflicts, power cuts |
//! | `engine` | the engine below, with keys and values of bytes |

pub mod adapters;
pub mod album;
pub mod blog;
pub mod films;
#[cfg(feature = "postgres")]
pub mod postgres_server;
pub mod shop;

/// What the project shows first, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

/// The chapters of the guide, so that their programs are compiled and run.
#[cfg(doctest)]
mod guide {
    macro_rules! chapter {
        ($name:ident, $file:literal) => {
            #[doc = include_str!(concat!("../../docs/guide/", $file))]
            mod $name {}
        };
    }

    chapter!(models, "models.md");
    chapter!(keys, "keys.md");
    chapter!(sessions, "sessions.md");
    chapter!(indexes, "indexes.md");
    chapter!(queries, "queries.md");
    chapter!(vectors, "vectors.md");
    chapter!(blobs, "blobs.md");
    chapter!(relations, "relations.md");
    chapter!(merging, "merging.md");
    chapter!(life, "life.md");
    chapter!(evolution, "evolution.md");
    chapter!(backup, "backup.md");
    chapter!(mirrors, "mirrors.md");
    chapter!(global, "global.md");
    chapter!(errors, "errors.md");
    chapter!(testing, "testing.md");
}
