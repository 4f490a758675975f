//! Typed objects, kept: stores of Rust structs with indexes, transactions and retries, inside the
//! program that uses them.
//!
//! ```
//! use sop_orm::prelude::*;
//!
//! #[derive(SopStore)]
//! #[sop(store = "users")]
//! pub struct User {
//!     #[sop(key(auto = uuid7))]
//!     pub id: Id<User>,
//!     #[sop(unique(by_email))]
//!     pub email: String,
//!     #[sop(default)]
//!     pub articles: i64,
//! }
//!
//! #[derive(SopStore)]
//! #[sop(store = "articles", index(feed(author, published_at desc)))]
//! pub struct Article {
//!     #[sop(key(auto = increment))]
//!     pub number: u64,
//!     pub author: Id<User>,
//!     pub title: String,
//!     pub published_at: Option<Timestamp>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let db = Db::builder().store::<User>().store::<Article>().ephemeral().await?;
//!
//! // A unit of work. If another one was faster, it runs again.
//! let ann = db
//!     .run(async |s| {
//!         let ann = s.of::<User>().insert(NewUser { email: "ann@x.io".into() }).await?;
//!         let (title, published_at) = ("Hello".to_owned(), Some(Timestamp::now()));
//!         s.of::<Article>().insert(NewArticle { author: ann.id, title, published_at }).await?;
//!         s.of::<User>().edit(ann.id).await?.articles += 1;
//!         Ok(ann.id)
//!     })
//!     .await?;
//!
//! // A session by hand: it sees one state of the database and its own changes.
//! let s = db.session();
//! assert_eq!(s.of::<User>().by_email("ann@x.io").await?.map(|user| user.articles), Some(1));
//! let recent = s.of::<Article>().feed().range((ann, Timestamp::hours_ago(24))..).limit(50);
//! assert_eq!(recent.all().await?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! - [`SopStore`] and [`SopEmbed`]: what can be said about a struct and its fields.
//! - [`Db`]: opening, [`Db::run`], [`tx!`]. [`RetryPolicy`] bounds the retries.
//! - [`Session`]: a unit of work; [`Session::of`] gives the typed store. [`Savepoint`] goes back.
//! - [`StoreHandle`]: get, insert, upsert, delete, and [`Edit`] to change a record.
//! - [`Query`]: prefix, range, filter, several indexes with `and` and `or`, and how to take the
//!   results: all, first, count, [`Rows`] one by one, [`Page`] by page with a [`Cursor`]; whole
//!   records, keys only, or some fields by their [`FieldRef`]s.
//! - [`Vector`] as a field marked `vector`, and [`Near`]: records by the nearness of their embeddings,
//!   within a partition and [among](Near::among) what a query selects; [`Hit`], [`Metric`].
//! - [`Blob`] as a field marked `blob`, and [`BlobContent`]: content of any length, as streams.
//! - [`StoreHandle::children`], [`StoreHandle::preload_parents`], [`Db::check_references`]: records
//!   that refer to each other.
//! - [`SoftDelete`]: records that are deleted and can be restored.
//! - [`Hooks`]: rules and what happens around changes. [`Watch`]: changes as they are committed.
//! - [`Error`]: what can go wrong, and [`Error::is_retryable`].
//! - `testing`, behind the feature of that name: orders of sessions, conflicts and power cuts on
//!   request, for tests.
//! - [`Field`], [`KeyPart`], [`Signature`]: how values are written, for types of your own that the
//!   derives do not cover.
//!
//! - [`MergeAdd`], [`MergeSet`], [`MergeMap`], [`MergeAppend`], [`CannotMerge`]: what `merge = ..` on
//!   a field takes, for types of your own.
//!
//! # The examples
//!
//! Most examples in this documentation are about a small shop. `db` is its database, and `s` is a
//! session on that:
//!
//! ```
//! # use sop_orm::prelude::*;
//! #[derive(SopStore)]
//! #[sop(store = "users", index(by_city(city, age desc)))]
//! struct User {
//!     #[sop(key(auto = uuid7))]
//!     id: Id<User>,
//!     #[sop(unique(by_email))]
//!     email: String, // ann@x.io, bob@x.io, cleo@x.io
//!     city: String, // Rome, Rome, Oslo
//!     age: u8, // 40, 17, 29
//!     #[sop(default, merge = add)]
//!     visits: u32, // 0, 0, 0
//! }
//!
//! #[derive(SopStore)]
//! #[sop(store = "orders")]
//! struct Order {
//!     #[sop(key(auto = increment))]
//!     number: u64, // 1, 2, 3
//!     #[sop(index(by_total))]
//!     total: i64, // 10, 20, 30
//!     #[sop(default, index(by_tag, each))]
//!     tags: Vec<String>, // none
//! }
//! ```
//!
//! # Promises
//!
//! Sessions are serializable unless asked otherwise, and durable when their commit returns. Two
//! sessions that did not read what the other one wrote both commit. A value in a unique index stays
//! unique whatever runs beside, and a field marked `belongs_to` leads to a record. A row is never read as something else than it was written as: a
//! struct that does not fit its rows is refused when the database is opened, with the difference.
#![forbid(unsafe_code)]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod access;
mod auto;
mod blob;
mod db;
mod deleted;
mod entity;
mod error;
mod field;
mod fingerprint;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod global;
mod hexadecimal;
mod hooks;
mod id;
mod index;
mod key;
mod layout;
mod many;
mod merge;
mod query;
mod relation;
mod retry;
mod schema;
mod session;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod timestamp;
#[cfg(feature = "ulid")]
mod ulid;
mod vector;
mod watch;

/// Of the crate [`ulid`](https://docs.rs/ulid), with the feature `ulid`: as a field, a column and a key.
/// One that `auto = ulid` makes is greater than all that were made in this process before.
///
/// ```
/// use sop_orm::{Ulid, prelude::*};
///
/// #[derive(SopStore)]
/// struct Message {
///     #[sop(key(auto = ulid))]
///     id: Ulid,
///     text: String,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Message>().ephemeral().await?;
/// let s = db.session();
/// let first = s.of::<Message>().insert(NewMessage { text: "first".to_owned() }).await?.id;
/// let second = s.of::<Message>().insert(NewMessage { text: "second".to_owned() }).await?.id;
/// assert!(first < second);
/// // As text it has 26 letters and digits, and the same order.
/// assert!(first.to_string().len() == 26 && first.to_string() < second.to_string());
/// assert_eq!(s.of::<Message>().require(first).await?.text, "first");
/// # Ok(())
/// # });
/// ```
#[cfg(feature = "ulid")]
pub use ::ulid::Ulid;
pub use access::{Access, Written};
pub use blob::{Blob, BlobContent, BlobReader, BlobWriter, Download, Upload, Uploaded};
pub use db::{
    Backup, Db, DbBuilder, IndexBuilding, IndexFault, IndexProgress, IndexState, Migration,
    Progress, Restore,
};
pub use deleted::{DeletedAt, SoftDelete, WithDeleted};
pub use entity::{Entity, IntoEntity};
pub use error::{
    CodecError, Conflict, Duplicate, Ended, Error, Invalid, Result, SchemaError, Stale,
};
#[cfg(feature = "json")]
pub use field::Json;
pub use field::{Decoder, Encoder, Field, NamedSignature, Signature, VariantSignature};
pub use global::{GlobalReport, GlobalSession};
pub use hooks::{Hooks, VersionNumber, Versioned};
pub use id::Id;
pub use index::{Each, Index, Prefix};
pub use key::{Key, KeyArg, KeyPart, KeyReader, KeyWriter, StartsWith, starts_with};
pub use merge::{CannotMerge, MergeAdd, MergeAppend, MergeMap, MergeSet};
pub use query::{
    Combined, Cursor, Explain, FieldRef, Fields, Keys, Output, Page, Query, QueryStats, Records,
    Rows, Select,
};
pub use relation::{
    BrokenReference, ChildIndex, Children, Parents, Reference, ReferenceReport, RefersTo,
    StillReferenced,
};
pub use retry::{RetryPolicy, RunOptions};
pub use schema::verify::{IndexProblem, IndexReport};
pub use session::{CommitReport, Edit, MergedRecord, Savepoint, Scope, Session, StoreChanges};
pub use sop_core::{
    BackupProgress, BackupReport, CheckReport, CommitId, ConflictKind, Cut, Doubt, Durability,
    Enlisted, Freshness, Gtid, InDoubt, Isolation, LastResource, Message, MessageId, MirrorFolder,
    MirrorProblem, MirrorProgress, MirrorStatus, Mode, Options, Outbox, Outcome, Participant,
    ParticipantError, Receiver, Recovered, RecoveryReport, Relayed, Resolution, RestoreReport,
    ScrubReport, Stats, TransactionManager, TransactionManagerBuilder, TransactionOptions, Untold,
    Vote, async_trait,
};
/// ```
/// use sop_orm::prelude::*;
///
/// #[derive(SopEmbed)]
/// enum Status {
///     #[sop(tag = 0)]
///     Draft,
///     #[sop(tag = 1)]
///     Live,
/// }
///
/// #[derive(SopEmbed)]
/// struct Address {
///     street: String,
///     number: u32,
/// }
///
/// #[derive(SopStore)]
/// struct Shop {
///     #[sop(key)]
///     name: String,
///     #[sop(index(by_status))]
///     status: Status,
///     addresses: Vec<Address>,
/// }
///
/// # sop_examples::shop::example(async |_, _| {
/// let db = Db::builder().store::<Shop>().ephemeral().await?;
/// let s = db.session();
/// let address = Address { street: "Via Appia".to_owned(), number: 1 };
/// let shop = Shop { name: "Lamps".to_owned(), status: Status::Live, addresses: vec![address] };
/// s.of::<Shop>().insert(shop).await?;
/// assert_eq!(s.of::<Shop>().by_status().prefix(Status::Live).count().await?, 1);
/// assert_eq!(s.of::<Shop>().by_status().prefix(Status::Draft).count().await?, 0);
/// # Ok(())
/// # });
/// ```
pub use sop_derive::SopEmbed;
/// ```
/// use sop_orm::prelude::*;
///
/// #[derive(SopStore)]
/// #[sop(store = "articles")]
/// #[sop(unique(by_slug(tenant, slug)))]
/// pub struct Article {
///     #[sop(key(auto = uuid7))]
///     pub id: Id<Article>,
///     pub tenant: u32,
///     pub slug: String,
///     #[sop(index(by_tag, each))]
///     pub tags: Vec<String>,
///     #[sop(default)]
///     pub views: u64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let db = Db::builder().store::<Article>().ephemeral().await?;
/// let s = db.session();
/// let articles = s.of::<Article>();
/// let (slug, tags) = ("hello".to_owned(), vec!["rust".to_owned()]);
/// articles.insert(NewArticle { tenant: 1, slug, tags }).await?;
///
/// assert!(articles.by_slug(1, "hello").await?.is_some());
/// assert_eq!(articles.by_tag().starts_with("ru").count().await?, 1);
/// assert_eq!(articles.query(article::BySlug).prefix(1).count().await?, 1);
/// # Ok(())
/// # }
/// ```
///
/// Indexes of computed columns, of values inside of fields, and of some records:
///
/// ```
/// use sop_orm::prelude::*;
///
/// #[derive(SopEmbed)]
/// pub struct Address {
///     pub city: String,
/// }
///
/// #[derive(SopStore)]
/// #[sop(index(by_lower_name(lower_name: String = Self::lower_name, number desc)))]
/// #[sop(index(by_city(city: Option<String> = home.city), when = Self::is_active))]
/// pub struct Member {
///     #[sop(key(auto = increment))]
///     pub number: u64,
///     pub name: String,
///     #[sop(unique(by_login, when = Self::is_active))]
///     pub login: String,
///     #[sop(default = true)]
///     pub active: bool,
///     pub home: Option<Address>,
/// }
///
/// impl Member {
///     fn lower_name(&self) -> String {
///         self.name.to_lowercase()
///     }
///
///     fn is_active(&self) -> bool {
///         self.active
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let db = Db::builder().store::<Member>().ephemeral().await?;
/// let s = db.session();
/// let members = s.of::<Member>();
/// let home = Some(Address { city: "Ulm".to_owned() });
/// let ann = NewMember { name: "Ann".to_owned(), login: "ann".to_owned(), home };
/// let number = members.insert(ann).await?.number;
///
/// assert_eq!(members.by_lower_name().starts_with("an").count().await?, 1);
/// assert_eq!(members.by_city().prefix("Ulm").count().await?, 1);
/// members.edit(number).await?.active = false;
/// assert_eq!(members.by_city().prefix("Ulm").count().await?, 0);
/// assert!(members.by_login("ann").await?.is_none(), "it is free for somebody else");
/// # Ok(())
/// # }
/// ```
pub use sop_derive::SopStore;
pub use store::StoreHandle;
pub use timestamp::Timestamp;
pub use vector::{
    AsQuery, Component, DIMENSIONS_MAX, Hit, Metric, Near, NearCursor, NearExplain, NearPlan,
    Vector, f16,
};
pub use watch::{Event, EventKind, Watch};

/// What most programs need: the derives and what goes with them, and the types that functions on a
/// database or in a session take and return.
///
/// ```
/// use sop_orm::prelude::*;
///
/// #[derive(SopStore)]
/// pub struct Order {
///     #[sop(key(auto = increment))]
///     pub number: u64,
///     #[sop(index(by_total))]
///     pub total: i32,
/// }
///
/// async fn import(db: &Db, totals: &[i32]) -> Result<CommitReport> {
///     let s = db.session();
///     s.of::<Order>().insert_many(totals.iter().map(|&total| NewOrder { total })).await?;
///     s.commit().await
/// }
///
/// fn large(s: &Session) -> Query<'_, Order, order::ByTotal> {
///     s.of::<Order>().by_total().range(1_000..)
/// }
///
/// # sop_examples::shop::example(async |_, _| {
/// let db = Db::builder().store::<Order>().ephemeral().await?;
/// assert_eq!(import(&db, &[500, 1_000, 2_000]).await?.changes[0].inserted, 3);
/// assert_eq!(large(&db.session()).count().await?, 2);
/// # Ok(())
/// # });
/// ```
pub mod prelude {
    pub use crate::{
        Combined, CommitReport, Cursor, Db, Edit, Error, Id, Page, Query, Result, RetryPolicy,
        Rows, Session, SopEmbed, SopStore, Timestamp, starts_with, tx,
    };
}
