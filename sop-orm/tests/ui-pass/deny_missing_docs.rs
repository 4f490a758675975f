//! Generated items have documentation.
#![deny(missing_docs, missing_debug_implementations, unreachable_pub, warnings)]

use sop_orm::prelude::*;

/// A person.
#[derive(SopStore, Debug)]
#[sop(store = "people", index(by_name(last, first desc)), has_many(friends = person::ByFriend))]
pub struct Person {
    /// The key.
    #[sop(key(auto = increment))]
    pub number: u64,
    /// Given name.
    pub first: String,
    /// Family name.
    pub last: String,
    /// Where to write to.
    #[sop(unique(by_mail))]
    pub mail: Option<String>,
    /// Somebody else.
    #[sop(belongs_to(Person))]
    pub friend: Option<u64>,
    /// How it is.
    pub mood: Mood,
}

/// How somebody is.
#[derive(SopEmbed, Debug)]
pub enum Mood {
    /// Well.
    #[sop(tag = 1)]
    Good,
}

fn main() {}
