//! The stored types, in two versions of one program that share a database.
//!
//! The late version has more indexes than the early one, among them a unique one over values that
//! need not be unique, and one of vectors behind the columns of another. Opening a database with it
//! adds them while sessions go on, and opening it with the early one again drops them. Models and
//! reports have the types of the late version.

use std::sync::Arc;

use sop_orm::{CannotMerge, Db, DbBuilder, IndexBuilding, Result, Session, SopStore};

use super::operation::{Found, Question};

pub(super) use self::late::{Counter, Page};

/// How many components a place has.
pub(super) const D: usize = 4;

/// Declares the stored types with the indexes of one version.
macro_rules! version {
    (
        $version:ident,
        page: [$($page:meta),*],
        place: $place:meta,
        counter: [$($counter:meta),*]
    ) => {
        pub(super) mod $version {
            use std::collections::BTreeSet;

            use sop_orm::{Result, Session, SopStore, Vector};

            use super::{D, Found, Question, found, higher};

            /// A record whose fields merge.
            #[derive(SopStore, Clone, Debug, PartialEq)]
            #[sop(store = "pages", merge_record = fields)]
            #[sop(unique(by_slug(tenant, slug), when = Self::is_live))]
            #[sop(index(by_heat(heat: i64 = Self::heat desc, state)))]
            $(#[$page])*
            pub(crate) struct Page {
                #[sop(key)]
                pub(crate) number: u32,
                #[sop(unique(by_code))]
                pub(crate) code: u32,
                pub(crate) tenant: u8,
                pub(crate) slug: u8,
                pub(crate) live: bool,
                pub(crate) state: u8,
                #[sop(merge = union, index(by_tag, each))]
                pub(crate) tags: BTreeSet<u8>,
                #[sop(merge = add)]
                pub(crate) hits: i64,
                #[sop(merge = max)]
                pub(crate) peak: u32,
                #[sop(merge = append)]
                pub(crate) journal: Vec<u32>,
                #[sop(merge = custom(higher))]
                pub(crate) title: u32,
                // Whole numbers, so that distances are exact and many are equal.
                #[$place]
                pub(crate) place: Option<Vector<D, i8>>,
            }

            impl Page {
                pub(crate) fn is_live(&self) -> bool {
                    self.live
                }

                pub(crate) fn heat(&self) -> i64 {
                    self.hits / 8
                }
            }

            /// A record of which only the count merges, and that may be deleted under the hands of
            /// whoever changes it.
            #[derive(SopStore, Clone, Debug, PartialEq, Eq)]
            #[sop(store = "counters", on_delete_race = delete_wins)]
            $(#[$counter])*
            pub(crate) struct Counter {
                #[sop(key)]
                pub(crate) number: u32,
                #[sop(merge = add)]
                pub(crate) count: i64,
                pub(crate) label: u16,
            }

            /// Answers what every version can answer.
            pub(in crate::simulation::typed) async fn ask(
                session: &Session,
                question: &Question,
            ) -> Result<Option<Found>> {
                let (pages, counters) = (session.of::<Page>(), session.of::<Counter>());
                Ok(Some(match question {
                    Question::Page(number) => Found::Pages(found(pages.get(*number).await?)),
                    Question::Pages => Found::Pages(found(pages.by_key().all().await?)),
                    Question::ByCode(code) => Found::Pages(found(pages.by_code(*code).await?)),
                    Question::BySlug(tenant, slug) => {
                        Found::Pages(found(pages.by_slug(*tenant, *slug).await?))
                    }
                    Question::ByTag(tag) => {
                        Found::Pages(found(pages.by_tag().prefix(*tag).all().await?))
                    }
                    Question::ByHeat { heat, limit, backwards } => {
                        let query = pages.by_heat().range(heat.clone());
                        let query = query.limit(*limit as u64);
                        let query = if *backwards { query.desc() } else { query };
                        Found::Pages(found(query.all().await?))
                    }
                    Question::Near(near) => {
                        let query = pages.near_place(near.tenant, &near.at.map(f32::from));
                        let query = query.k(near.k);
                        let query = if near.is_exact { query.exact() } else { query };
                        let query = match near.within {
                            Some(within) => query.within(within.into()),
                            None => query,
                        };
                        let query = match near.tag {
                            Some(tag) => query.among(pages.by_tag().prefix(tag)),
                            None => query,
                        };
                        Found::Pages(found(query.records().await?))
                    }
                    Question::Counter(number) => {
                        Found::Counters(found(counters.get(*number).await?))
                    }
                    Question::Counters => Found::Counters(found(counters.by_key().all().await?)),
                    _ => return Ok(None),
                }))
            }
        }
    };
}

version!(
    early,
    page: [],
    place: sop(vector(metric = euclidean, partition = tenant)),
    counter: []
);
version!(
    late,
    page: [
        sop(index(by_state(state, title desc), when = Self::is_live)),
        sop(index(by_hits(hits)))
    ],
    place: sop(vector(metric = euclidean, partition = tenant, filter = by_tag)),
    counter: [sop(unique(by_label(label))), sop(index(by_count(count desc)))]
);

/// What a session leaves to say that it took effect.
#[derive(SopStore, Clone, Debug)]
#[sop(store = "marks")]
pub(super) struct Mark {
    #[sop(key)]
    pub(super) number: u64,
}

/// Takes the higher of two titles, but merges no multiple of five.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "merge functions take what they compare so")]
pub(super) fn higher(_base: &u32, ours: &u32, theirs: u32) -> Result<u32, CannotMerge> {
    if ours.is_multiple_of(5) { Err(CannotMerge) } else { Ok(theirs.max(*ours)) }
}

/// Converts between the types of the versions.
macro_rules! convert {
    ($type:ident { $($field:ident),* }) => {
        impl From<early::$type> for late::$type {
            fn from(early::$type { $($field),* }: early::$type) -> Self {
                Self { $($field),* }
            }
        }

        impl From<late::$type> for early::$type {
            fn from(late::$type { $($field),* }: late::$type) -> Self {
                Self { $($field),* }
            }
        }
    };
}

convert!(Page { number, code, tenant, slug, live, state, tags, hits, peak, journal, title, place });
convert!(Counter { number, count, label });

/// Records as the late version has them.
fn found<E: Clone, R: From<E>>(records: impl IntoIterator<Item = Arc<E>>) -> Vec<R> {
    records.into_iter().map(|record| E::clone(&record).into()).collect()
}

/// A version of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Early,
    Late,
}

impl Program {
    /// Partitions get cells from so many vectors on.
    pub(super) fn builder(self, cells_from: u64) -> DbBuilder {
        let builder = Db::builder().store::<Mark>().index_building(IndexBuilding::ByHand);
        let builder = builder.cells_from(cells_from);
        match self {
            Self::Early => builder.store::<early::Page>().store::<early::Counter>(),
            Self::Late => builder.store::<Page>().store::<Counter>(),
        }
    }

    /// Answers a question that this version can answer.
    pub(super) async fn ask(self, session: &Session, question: &Question) -> Result<Found> {
        let answer = match self {
            Self::Early => early::ask(session, question).await?,
            Self::Late => late::ask(session, question).await?,
        };
        match answer {
            Some(answer) => Ok(answer),
            None => ask_late(session, question).await,
        }
    }
}

async fn ask_late(session: &Session, question: &Question) -> Result<Found> {
    let (pages, counters) = (session.of::<Page>(), session.of::<Counter>());
    Ok(match question {
        Question::ByState(state) => {
            Found::Pages(found(pages.by_state().prefix(*state).all().await?))
        }
        Question::ByHits(hits) => {
            Found::Pages(found(pages.by_hits().range(hits.clone()).all().await?))
        }
        Question::ByLabel(label) => Found::Counters(found(counters.by_label(*label).await?)),
        Question::ByCount(count) => {
            Found::Counters(found(counters.by_count().range(count.clone()).all().await?))
        }
        _ => unreachable!("every version answers {question:?}"),
    })
}
