//! Records that a test begins with, written down where the test is.

/// Inserts records in one transaction and gives them back: a tuple with a `Vec<Arc<_>>` for each
/// type, in the order given.
///
/// It is awaited inside, so it stands in an `async` function, and its value is a
/// [`Result`](crate::Result). It fails like
/// [`insert_many`](crate::StoreHandle::insert_many).
///
/// ```
/// use sop_orm::{prelude::*, testing::fixture};
///
/// # #[derive(SopStore)]
/// # struct User { #[sop(key(auto = uuid7))] id: Id<User>, email: String }
/// # #[derive(SopStore)]
/// # struct Tag { #[sop(key)] name: String, color: u32 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let db = Db::builder().store::<User>().store::<Tag>().ephemeral().await?;
/// let (users, tags) = fixture!(db, {
///     User: [NewUser { email: "ann@x.io".into() }, NewUser { email: "bob@x.io".into() }],
///     Tag: [Tag { name: "rust".into(), color: 0xb7_410e }],
/// })?;
/// assert_eq!((users.len(), tags[0].name.as_str()), (2, "rust"));
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! fixture {
    ($db:expr, { $($store:ty: [$($record:expr),* $(,)?]),+ $(,)? }) => {
        $crate::tx!($db, |session| {
            ::core::result::Result::Ok((
                $(session.of::<$store>().insert_many([$($record),*]).await?,)+
            ))
        })
    };
}
