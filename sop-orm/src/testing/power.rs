//! Power cuts.

use std::sync::Arc;

use sop_core::{SimulatedDisk, Survival};

use crate::{
    db::{Db, DbBuilder},
    error::Result,
};

/// Where the database is on a simulated disk.
const FOLDER: &str = "db";

/// What a power cut leaves.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::testing::{SimulatedDisk, open_on, power_cuts};
///
/// let disk = SimulatedDisk::new();
/// open_on(Db::builder().store::<Order>(), &disk).await?.close().await?;
/// for cut in power_cuts(&disk, 0) {
///     let db = open_on(Db::builder().store::<Order>(), &cut.disk).await?;
///     assert!(db.check().await?.is_sound(), "after call {}, {:?}", cut.call, cut.survival);
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PowerCut {
    /// How many calls the disk had had. A commit that had returned by then, that is, when the disk
    /// counted as many calls or fewer, must be there.
    pub call: u64,
    /// What became of the changes that were not synced.
    pub survival: Survival,
    /// The disk as it is found afterwards, to be opened by [`open_on`].
    pub disk: SimulatedDisk,
}

/// Opens the database on a simulated disk, and creates it if the disk has none. Fails like
/// [`DbBuilder::open`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::testing::{SimulatedDisk, open_on};
///
/// let disk = SimulatedDisk::new();
/// let db = open_on(Db::builder().store::<Order>(), &disk).await?;
/// db.run(async |s| s.of::<Order>().insert(NewOrder { total: 40 }).await).await?;
/// db.close().await?;
///
/// let db = open_on(Db::builder().store::<Order>(), &disk).await?;
/// assert_eq!(db.session().of::<Order>().require(1).await?.total, 40);
/// # Ok(())
/// # });
/// ```
pub async fn open_on(builder: DbBuilder, disk: &SimulatedDisk) -> Result<Db> {
    let engine = builder.engine()?.disk(Arc::new(disk.clone())).open(FOLDER)?;
    builder.attach(engine).await
}

/// A power cut at each moment of the past of a disk: one with all changes lost that were not
/// synced, one with all of them kept, and `random` with a mixture. Costs a copy of the disk for
/// each.
///
/// ```
/// use sop_orm::{prelude::*, testing::{SimulatedDisk, open_on, power_cuts}};
///
/// # #[derive(SopStore)]
/// # struct Order { #[sop(key(auto = increment))] number: u64, total: i32 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let builder = || Db::builder().store::<Order>();
/// let disk = SimulatedDisk::new();
/// let db = open_on(builder(), &disk).await?;
/// db.run(async |s| s.of::<Order>().insert(NewOrder { total: 1 }).await).await?;
/// let acknowledged = disk.faults().calls();
/// drop(db);
///
/// for cut in power_cuts(&disk, 1) {
///     let db = open_on(builder(), &cut.disk).await?;
///     let orders = db.session().of::<Order>().by_key().count().await?;
///     assert!(orders == 1 || cut.call < acknowledged, "lost at call {}", cut.call);
/// }
/// # Ok(())
/// # }
/// ```
pub fn power_cuts(disk: &SimulatedDisk, random: u64) -> impl Iterator<Item = PowerCut> {
    let mut moments = disk.changes();
    moments.push(disk.faults().calls());
    moments.into_iter().flat_map(move |call| {
        let extremes = [Survival::Nothing, Survival::Everything].into_iter();
        let seed = move |at: u64| call.wrapping_mul(random).wrapping_add(at);
        let survivals = extremes.chain((0..random).map(move |at| Survival::Random(seed(at))));
        survivals.map(move |survival| PowerCut { call, survival, disk: disk.cut(call, survival) })
    })
}
