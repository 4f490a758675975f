//! Nothing is taken from the prelude, not even by its names.
#![no_implicit_prelude]
#![deny(warnings)]

#[derive(::sop_orm::SopStore)]
#[sop(unique(by_name(kind, name)), index(by_each(list each, kind desc)))]
#[sop(new(derive(::core::fmt::Debug)))]
pub struct User {
    #[sop(key(auto = uuid7))]
    pub id: ::sop_orm::Id<User>,
    #[sop(sensitive)]
    pub name: ::std::string::String,
    #[sop(renamed_from = sort)]
    pub kind: Kind,
    pub list: ::std::vec::Vec<u16>,
    #[sop(default)]
    pub note: ::core::option::Option<::std::string::String>,
}

#[derive(::core::fmt::Debug, ::sop_orm::SopEmbed)]
pub enum Kind {
    #[sop(tag = 0)]
    Small,
    #[sop(tag = 1)]
    Large,
}

fn main() {}
