//! Programs to read first, and to begin your own from.
//!
//! | run it with `cargo run --release -p sop-examples --example ..` | what it shows |
//! |---|---|
//! | `quickstart` | a whole program: 20,000 real records, every kind of index, 40 sessions at once |
//! | `repository` | plain async functions over a session, as an application would have them |
//! | `engine` | the engine below, with keys and values of bytes |
