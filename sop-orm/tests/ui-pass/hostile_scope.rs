//! Whatever names surround the struct, the generated code means what it says.
#![allow(dead_code, non_camel_case_types, unused_macros)]

mod std {}
mod core {}
mod sop_orm {}

type Result = ();
type Option = ();
type Ok = ();
type Some = ();
type None = ();
type Err = ();
type String = u8;
type Vec = ();
type Box = ();
type Self_ = ();
trait Default {}
trait Clone {}
trait Copy {}
trait Debug {}
trait Send {}
trait Sized {}
trait From {}
struct usize;
struct u64;
struct bool;
struct Index;
struct Query;

macro_rules! vec {
    ($($_:tt)*) => {
        compile_error!("the surroundings' `vec`")
    };
}
macro_rules! format {
    ($($_:tt)*) => {
        compile_error!("the surroundings' `format`")
    };
}
macro_rules! matches {
    ($($_:tt)*) => {
        compile_error!("the surroundings' `matches`")
    };
}
macro_rules! panic {
    ($($_:tt)*) => {
        compile_error!("the surroundings' `panic`")
    };
}

#[derive(::sop_orm::SopStore)]
#[sop(unique(by_name(name)), index(by_both(kind, name desc)), index(by_each(list each)))]
#[sop(unique(by_count(count: i64 = Self::double), when = is_small, version = 1))]
#[sop(index(by_inner(one: u8 = both.one desc, item: u16 = Self::items each)))]
#[sop(has_many(related = user::ByRelated, followers = user::ByLeader))]
struct User {
    #[sop(key(auto = increment))]
    id: u32,
    name: ::std::string::String,
    kind: Kind,
    list: ::std::vec::Vec<u16>,
    both: Both<u8>,
    #[sop(default)]
    count: i64,
    #[sop(default = 7)]
    more: u8,
    #[sop(belongs_to(User, on_delete = set_null))]
    leader: ::core::option::Option<u32>,
    #[sop(belongs_to_many(User, on_delete = remove))]
    related: ::std::vec::Vec<u32>,
}

impl User {
    fn double(&self) -> i64 {
        self.count * 2
    }

    fn items(&self) -> &::std::vec::Vec<u16> {
        &self.list
    }
}

fn is_small(user: &User) -> ::core::primitive::bool {
    user.more < 9
}

#[derive(::sop_orm::SopEmbed)]
enum Kind {
    #[sop(tag = 0)]
    Small,
    #[sop(tag = 1)]
    Large,
}

#[derive(::sop_orm::SopEmbed)]
#[sop(key)]
struct Both<T> {
    one: T,
    two: Kind,
}

fn main() {}
