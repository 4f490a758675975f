//! The derive macros of SOP. Use them through `sop_orm`, which documents them with examples.

mod ast;
mod attr;
mod ctxt;
mod expand;
mod names;
mod valid;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::ctxt::Ctxt;

/// Gives a struct a typed store.
///
/// ```
/// # use sop_orm::prelude::*;
/// # pub struct User;
/// # #[derive(SopEmbed)]
/// # pub enum Status { #[sop(tag = 0)] Draft, #[sop(tag = 1)] Live }
/// #[derive(SopStore)]
/// #[sop(store = "articles")]
/// #[sop(unique(by_slug(tenant, slug)))]
/// #[sop(index(feed(author_id, published_at desc)))]
/// pub struct Article {
///     #[sop(key(auto = uuid7))]
///     pub id: Id<Article>,
///     pub tenant: u32,
///     pub slug: String,
///     pub author_id: Id<User>,
///     pub published_at: Option<Timestamp>,
///     #[sop(index(by_status))]
///     pub status: Status,
///     #[sop(index(by_tag, each))]
///     pub tags: Vec<String>,
///     #[sop(default)]
///     pub views: i64,
/// }
/// # let _: fn(&Session) -> ArticleStore<'_> = |s| s.of::<Article>();
/// ```
///
/// # On the struct
///
/// | word | meaning |
/// |------|---------|
/// | `store = "name"` | name of the store; without it the struct's name in `snake_case` |
/// | `key(a, b)` | a primary key of several columns |
/// | `unique(by_x(a, b desc))` | an index in which no two records have equal columns |
/// | `index(by_x(a, b desc))` | an index of several columns |
/// | `index(by_x(a, c: Type = Self::f))` | an index with a column that a function computes |
/// | `index(by_x(a, c: Type = field.inner))` | an index with a column inside of a field |
/// | `index(by_x(a, b), when = Self::f)` | an index of the records for which the function is true |
/// | `index(by_x(a, b), version = 1)` | an index to be made anew when the number changes |
/// | `merge_record = fields` | sessions that changed different fields of a record both commit |
/// | `on_delete_race = delete_wins` | a record that one session deletes and another one changes is deleted |
/// | `new(derive(Debug, Clone))` | what the `New` struct derives |
/// | `version = 2, from = v1::Article` | records of this earlier struct are read through `From`; has nothing to do with the `version` of a field |
/// | `validate = path` | a rule: `fn(&Article) -> Result<(), E>` with `E: Into<Invalid>`, such as `String` |
/// | `hooks` | the struct implements `Hooks`, which are called around changes |
/// | `has_many(articles = article::ByAuthor)` | a method `articles(key)`: the records that refer to the one with this key, as a query on an index of theirs |
/// | `debug` | gives the struct a `Debug` that does not show `sensitive` fields, in the place of the derived one |
/// | `crate = path` | where `sop_orm` is found, if it goes by another name |
///
/// # On a field
///
/// | word | meaning |
/// |------|---------|
/// | `key` | the primary key, or one of its columns in the order of the fields |
/// | `key(auto = uuid7)` | the key is a new UUID, for `Id<T>` or `Uuid` |
/// | `key(auto = ulid)` | the key is a new ULID, for `Ulid`, with the feature `ulid` of the library |
/// | `key(auto = increment)` | the key counts up from 1, with gaps, for `u64`, `u32`, `i64`, `i32` |
/// | `unique(by_x)`, `index(by_x)` | an index of this column |
/// | `index(by_x, each)` | an index with an entry for each item of the field |
/// | `index(by_x, desc)` | an index sorted the other way |
/// | `index(by_x, when = Self::f)`, `index(by_x, version = 1)` | as on the struct |
/// | `vector` | a `Vector<N>`, or an `Option` of one, that `near_field` searches by nearness |
/// | `vector(metric = cosine)` | by which distance: `cosine`, which it is anyway, `dot` or `euclidean` |
/// | `vector(partition = a)`, `vector(partition(a, b))` | searches are in the records with the same values of these fields |
/// | `vector(filter = by_x)`, `vector(filter(by_x, by_y))` | searches with a condition on these indexes look only at what it selects |
/// | `vector(version = 1)` | as of an index |
/// | `blob` | a `Blob`: content of any length beside the record, to which a method of the field's name leads |
/// | `blob(chunk_len = 65_536)` | of how many bytes its pieces are, 1 MiB if nobody says |
/// | `default`, `default = expression` | left out of the `New` struct; what old records have |
/// | `renamed_from = old` | the name under which old records have the field |
/// | `validate = path` | a rule: a function that is given the field by reference |
/// | `version` | counts updates, from 1, for `edit_at` and `delete_at`; left out of the `New` struct |
/// | `soft_delete` | an `Option<Timestamp>` that `delete` sets, so that `restore` can take it back; see `SoftDelete` |
/// | `merge = policy` | what becomes of the field when two sessions changed the record |
/// | `belongs_to(on_delete = action)` | the field refers to a record, see *Relations* |
/// | `belongs_to_many(on_delete = action)` | each item of the field does |
/// | `sensitive` | a field whose values stay out of errors, events and generated `Debug` forms |
///
/// A column with `None` is not compared in a unique index: any number of records may have it.
///
/// # Merging
///
/// Of two sessions that change the same record the second to commit is in conflict, and does its
/// work again. With a policy it need not: what both made of the field is brought together at the
/// commit, from the value that the session began with (*base*), its own (*ours*) and the committed
/// one (*theirs*). What only one side changed is that side's in any case.
///
/// | policy | both changed the field | conflict if |
/// |--------|------------------------|-------------|
/// | `conflict` | | the other session changed it |
/// | `add` | theirs + (ours - base) | that is no value of the type |
/// | `max`, `min` | the greater, the lesser one | they cannot be compared |
/// | `or`, `and` | what either, what both have set | |
/// | `union` | what either added, without what either removed | |
/// | `map` | key by key the side that changed it | both changed one key |
/// | `nested` | field by field, for structs with `merge_record` | a field says so |
/// | `append` | theirs, then what we appended | we did anything else |
/// | `last_writer`, `first_writer` | ours, theirs | |
/// | `custom(function)` | `fn(&T base, &T ours, T theirs) -> Result<T, CannotMerge>` | it says so |
///
/// Fields without a policy are as `conflict`; with `merge_record = fields` the side that changed
/// the field counts, and only that both did is a conflict. Index entries follow the merged record,
/// and unique values are checked again. Records that a session has only read are never merged: that
/// they changed is a conflict as always. Within one record merging does not know which fields a
/// session looked at before it changed others; where there are rules across fields, leave it out.
///
/// # Indexes of computed columns and of some records
///
/// ```
/// # use sop_orm::prelude::*;
/// # #[derive(SopEmbed)]
/// # pub struct Address { city: String }
/// #[derive(SopStore)]
/// #[sop(index(by_lower_name(lower_name: String = Self::lower_name)))]
/// #[sop(index(by_city(city: Option<String> = address.city, name desc)))]
/// #[sop(unique(by_login(login), when = Self::is_active))]
/// #[sop(index(by_word(word: String = Self::words each), version = 2))]
/// pub struct User {
///     #[sop(key(auto = uuid7))]
///     pub id: Id<User>,
///     pub name: String,
///     pub login: String,
///     pub active: bool,
///     pub address: Option<Address>,
/// }
///
/// impl User {
///     fn lower_name(&self) -> String { self.name.to_lowercase() }
///     fn is_active(&self) -> bool { self.active }
///     fn words(&self) -> Vec<String> { self.name.split(' ').map(str::to_lowercase).collect() }
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<User>().ephemeral().await?;
/// # let s = db.session();
/// # let users = s.of::<User>();
/// # let (name, login) = ("Ann Lee".to_owned(), "ann".to_owned());
/// # users.insert(NewUser { name, login, active: true, address: None }).await?;
/// # assert_eq!(users.by_lower_name().starts_with("ann").count().await?, 1);
/// # assert_eq!(users.by_city().prefix(None).count().await?, 1);
/// # assert_eq!(users.by_word().prefix("lee").count().await?, 1);
/// # assert!(users.by_login("ann").await?.is_some());
/// # Ok(())
/// # });
/// ```
///
/// A column that is no field has a name and a type, as a field has, and what it is made from behind
/// `=`: the path of a function that takes `&Self`, or a path of fields. The type is what queries
/// are given, so `by_lower_name().prefix("ann")` is checked like any other. Where a part of a path
/// of fields is an `Option`, the column is one, and `None` if there is no value. The function may
/// return the type, a reference to it, or `&str` for a `String`; with `each` it returns a
/// collection, and the type is that of an item.
///
/// `when` names a function of `&Self` that returns `bool`. Only records for which it is true have
/// entries: they enter and leave the index as they change, and a unique index compares these only.
///
/// Of a struct with a `soft_delete` field the indexes hold no deleted records. An index that has this
/// field as a column holds the deleted ones and no others.
///
/// Functions must depend on the record alone: with the same fields they return the same value, now
/// and after the next start of the program. That the *code* of a function has changed cannot be
/// seen. When it has, count `version` up, and the index is made anew; otherwise old entries stay
/// as they were computed. The same goes for the `default` of an indexed field that old records
/// lack.
///
/// A function may read any field, so a computed column counts as `sensitive` if one of the fields
/// is; a column inside of a field is as `sensitive` as the field.
///
/// # Sensitive values
///
/// Values of fields marked `sensitive` are in no error and no `tracing` event of the library: keys
/// with such a column read `[sensitive]`, the key of a `Conflict` is empty, explanations of queries
/// leave the values out, and what a hook of such a type panicked with is not told. A `New` struct
/// with `new(derive(Debug))` does not show them either, and `debug` on the struct, in the place of
/// `#[derive(Debug)]`, does the same for the records:
///
/// ```
/// use sop_orm::prelude::*;
///
/// #[derive(SopStore)]
/// #[sop(debug, new(derive(Debug)))]
/// pub struct Card {
///     #[sop(key)]
///     pub number: u32,
///     #[sop(sensitive)]
///     pub pin: String,
/// }
///
/// let card = Card { number: 7, pin: "1234".to_owned() };
/// assert_eq!(format!("{card:?}"), "Card { number: 7, pin: [sensitive] }");
/// ```
///
/// The same goes for fields marked `sensitive` inside of embedded types: a column that holds such a
/// value, or is made from a field that does, is as sensitive as they are.
///
/// Outside of this are what rules and hooks say in messages of their own, what the program prints
/// of records that it reads, and the text of a `Cursor`, which has to hold the columns of its index.
///
/// # Indexes of records that are there already
///
/// An index that is added, or defined in another way, is filled when the database is opened: at
/// once if there are few records, else in the background, while sessions go on. Until then a query
/// on it fails with `Error::IndexBuilding`. See `Db::indexes_ready` and `DbBuilder::fill_at_once`.
///
/// # Relations
///
/// A field `author: Id<User>` marked `belongs_to` always refers to a record: when a session commits,
/// the user of each article that was inserted or got another author must be there, else the commit
/// fails with `Error::BrokenReference` and nothing has happened. A field `Option<Id<User>>` may
/// also be `None`. Where the key is no `Id`, the type is named: `belongs_to(User)` on a field of the
/// type of the key of `User`, which must be one column, or an `Option` of it. `belongs_to_many` is
/// for `Vec`, `BTreeSet` and `HashSet` of keys.
///
/// | `on_delete` | when the record it refers to is deleted |
/// |-------------|------------------------------------------|
/// | `restrict` | that fails with `Error::StillReferenced`; so it is if nothing is said |
/// | `cascade` | this one is deleted too, with all that follows from it |
/// | `set_null` | the field becomes `None` |
/// | `remove` | for `belongs_to_many`: the key goes from the list |
///
/// A record with a `soft_delete` field may be referred to until it is purged: only `restrict` is asked
/// when it is deleted, and again with all others when it is purged. A deleted record itself refers to
/// nothing until it is restored.
///
/// What follows from a deletion is found by an index of which the field is the first column,
/// ascending, of all records that are not deleted, and with `each` for `belongs_to_many`; or by the primary key, if the
/// field is the first column there. If the struct has none, one is made, and named after the field:
/// `by_author`. It is an index like any other.
///
/// Sessions that add records to one user, and those that change the user, are not in each other's
/// way. Only if one deletes the user and another adds a record that refers to it, one of the two
/// is in conflict, under any isolation.
///
/// Records that are stored already when a field is marked keep the references that they have, until
/// these are changed: `Db::check_references` names those that lead nowhere.
///
/// # When the struct changes
///
/// Records that were stored before are read as the struct is now, and written so when they change,
/// without a version number, if
///
/// - a field comes that has a `default` or is an `Option`, goes, moves, or is `renamed_from`
///   another one;
/// - a number gets a wider type, or any value becomes an `Option` of it; an enum gets variants with
///   tags of their own or changes their names; an embedded struct gets fields that are `Option`s.
///   All this may be inside of embedded types, lists, arrays, tuples, options and maps.
///
/// Any other change is refused when the database is opened, with the difference and what to add.
///
/// A change of what values mean needs a `version`. The struct as it was stays in the program, with
/// `#[derive(SopStore)]`, the same `store` and its own version (1 if it says none), and is not
/// registered; the new one is made `From` it:
///
/// ```
/// # use sop_orm::prelude::*;
/// mod v1 {
///     # use sop_orm::prelude::*;
///     #[derive(SopStore)]
///     #[sop(store = "articles")]
///     pub struct Article {
///         #[sop(key)]
///         pub number: u64,
///         pub price_in_euros: f64,
///     }
/// }
///
/// #[derive(SopStore)]
/// #[sop(store = "articles", version = 2, from = v1::Article)]
/// pub struct Article {
///     #[sop(key)]
///     pub number: u64,
///     pub cents: i64,
/// }
///
/// impl From<v1::Article> for Article {
///     fn from(old: v1::Article) -> Self {
///         Self { number: old.number, cents: (old.price_in_euros * 100.0).round() as i64 }
///     }
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let folder = sop_examples::shop::folder();
/// # let db = Db::builder().store::<v1::Article>().open(folder.path()).await?;
/// # let old = || v1::Article { number: 1, price_in_euros: 19.99 };
/// # db.run(async |s| s.of::<v1::Article>().insert(old()).await).await?;
/// # db.close().await?;
/// # let db = Db::builder().store::<Article>().open(folder.path()).await?;
/// # assert_eq!(db.session().of::<Article>().require(1).await?.cents, 1_999);
/// # Ok(())
/// # });
/// ```
///
/// `v1::Article` may itself come from an earlier struct. The conversion must not change the key.
/// Once the database was opened by a version, programs of earlier ones are refused; indexes are
/// made anew for it. `Db::migrate` writes all records anew that are still stored
/// in an earlier form; after that the earlier struct is of no use any more and can go, while the
/// `version` stays.
///
/// A program whose struct is older, but of the same version, can go on using a database that a
/// newer one has opened, as long as it can read the records. Fields that it does not know are
/// kept when it writes a record.
///
/// # What is generated, for a struct `Article`
///
/// - `ArticleStore<'s>`: the handle that `session.of::<Article>()` returns. A unique index `by_x`
///   is a method that takes the columns and returns the record; another index `by_x` is a method
///   that returns a query. All methods of `StoreHandle` are there too, among them `query`, which
///   walks a unique index: `query(article::ByX)`.
/// - `NewArticle`: the fields that an insert must be given, so without automatic keys and without
///   fields that have a default.
/// - `mod article` with a type for each index, to be named in signatures, and `ByKey` for the
///   primary key; and `article::fields` with a constant for each field, as visible as the field,
///   for queries that read some fields only: `.select((article::fields::slug, article::fields::id))`.
#[proc_macro_derive(SopStore, attributes(sop))]
pub fn derive_store(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut ctxt = Ctxt::default();
    let mut code = valid::store(input, &mut ctxt).map(|store| expand::store(&store));
    code.get_or_insert_default().extend(ctxt.into_compile_errors());
    code.unwrap_or_default().into()
}

/// Lets a struct or an enum be a field of a stored struct.
///
/// ```
/// # use sop_orm::prelude::*;
/// #[derive(SopEmbed, Clone, Debug, PartialEq)]
/// pub enum Status {
///     #[sop(tag = 0)]
///     Draft,
///     #[sop(tag = 1)]
///     Live { since: Timestamp },
/// }
/// # #[derive(SopStore)]
/// # struct Article { #[sop(key)] number: u64, status: Status }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Article>().ephemeral().await?;
/// # let s = db.session();
/// # let status = Status::Live { since: Timestamp::now() };
/// # s.of::<Article>().insert(Article { number: 1, status: status.clone() }).await?;
/// # assert_eq!(s.of::<Article>().require(1).await?.status, status);
/// # Ok(())
/// # });
/// ```
///
/// Each variant of an enum has a `tag` that stands for it in stored records and never changes; the
/// order of the variants is free. An enum without data can be a column of a key or an index as it
/// is; other types can be if they are marked `#[sop(key)]` and all their fields can. Columns are
/// compared by tag, then field by field.
///
/// A struct marked `#[sop(merge_record = fields)]` can be merged field by field, by `merge = nested` on
/// a field of its type; its own fields may have policies then.
///
/// Fields marked `sensitive`, of a struct or of a variant, stay out of errors, events and explanations
/// of queries, wherever the type is embedded. The type must be marked `#[sop(debug)]` then, in the place
/// of `#[derive(Debug)]`, so that they are not seen either in records that are printed:
///
/// ```
/// use sop_orm::prelude::*;
///
/// #[derive(SopEmbed)]
/// #[sop(debug)]
/// pub enum Payment {
///     #[sop(tag = 0)]
///     Cash,
///     #[sop(tag = 1)]
///     Card { bank: u32, #[sop(sensitive)] number: String },
/// }
///
/// #[derive(SopStore, Debug)]
/// pub struct Order {
///     #[sop(key)]
///     pub number: u32,
///     pub payment: Payment,
/// }
///
/// let order = Order { number: 1, payment: Payment::Card { bank: 7, number: "4711".to_owned() } };
/// let shown = "Order { number: 1, payment: Card { bank: 7, number: [sensitive] } }";
/// assert_eq!(format!("{order:?}"), shown);
/// ```
///
/// On the type `crate = path` says where `sop_orm` is found, if it goes by another name.
#[proc_macro_derive(SopEmbed, attributes(sop))]
pub fn derive_embed(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut ctxt = Ctxt::default();
    let mut code = valid::embed(input, &mut ctxt).map(|embed| expand::embed(&embed));
    code.get_or_insert_default().extend(ctxt.into_compile_errors());
    code.unwrap_or_default().into()
}
