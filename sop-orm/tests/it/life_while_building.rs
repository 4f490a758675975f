//! Hooks, savepoints and soft deletion while an index is being filled.

use sop_core::Database;
use sop_orm::{Entity, Hooks, IndexBuilding, Invalid, Scope, prelude::*};

/// Members before there was anything to look them up by.
mod plain {
    use super::*;

    #[derive(SopStore)]
    #[sop(store = "members")]
    pub(super) struct Member {
        #[sop(key)]
        pub(super) number: u32,
        pub(super) name: String,
        pub(super) group: u32,
    }
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "members", hooks)]
struct Member {
    #[sop(key)]
    number: u32,
    #[sop(unique(by_name))]
    name: String,
    #[sop(index(by_group))]
    group: u32,
    #[sop(soft_delete, index(bin))]
    left_at: Option<Timestamp>,
}

impl Hooks for Member {
    fn before_update(&mut self, _: &Self) -> Result<(), Invalid> {
        self.name = self.name.to_lowercase();
        if self.group == 13 { Err("there is no such group".into()) } else { Ok(()) }
    }

    /// Somebody moves up.
    fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
        let next = self.number + 1;
        if scope.get::<Self>(next)?.is_some() {
            scope.update::<Self>(next, |next| next.group += 100)?;
        }
        Ok(())
    }
}

async fn open<E: Entity>(engine: &Database) -> Result<Db> {
    let builder = Db::builder().store::<E>().index_building(IndexBuilding::ByHand);
    builder.attach(engine.clone()).await
}

const MEMBERS: u32 = 60;

/// Does all kinds of things to a member and those after it.
async fn live(s: &Session, number: u32) -> Result<()> {
    let members = s.of::<Member>();
    let savepoint = s.savepoint()?;
    members.edit(number).await?.name = format!("GONE BACK {number}");
    members.delete(number + 1).await?;
    members.purge(number + 2).await?;
    savepoint.rollback()?;
    drop(savepoint);
    let mut edit = members.edit(number).await?;
    edit.group = 13;
    assert!(matches!(edit.save().await, Err(Error::Invalid(_))));
    let mut edit = members.edit(number).await?;
    (edit.name, edit.group) = (format!("RENAMED {number}"), 2);
    edit.save().await?;
    members.delete(number + 1).await?;
    members.delete(number + 3).await?;
    assert!(members.restore(number + 3).await?);
    members.purge(number + 4).await?;
    Ok(())
}

#[tokio::test]
async fn hooks_and_savepoints_leave_an_index_exact_that_is_being_filled() -> Result<()> {
    let engine = Database::builder().in_memory()?;
    let db = open::<plain::Member>(&engine).await?;
    let s = db.session();
    let name = |number| format!("member {number}");
    let old = (0..MEMBERS).map(|number| plain::Member { number, name: name(number), group: 1 });
    s.of::<plain::Member>().insert_many(old).await?;
    s.commit().await?;

    let db = open::<Member>(&engine).await?;
    // One session lives through all of the filling, the others through a part of it.
    let long = db.session();
    live(&long, 50).await?;
    let mut beaten = 0;
    for number in [0, 10, 20, 30, 40] {
        loop {
            let s = db.session();
            live(&s, number).await?;
            db.build_indexes(2)?;
            match s.commit().await {
                Ok(_) => break,
                Err(Error::Conflict(_)) => beaten += 1,
                Err(error) => return Err(error),
            }
        }
        assert!(db.check_indexes().await?.is_sound());
    }
    assert!(beaten > 0 && db.index_progress().iter().any(|index| index.done < index.total));
    long.commit().await?;
    db.indexes_ready().await?;
    assert!(db.check_indexes().await?.is_sound());

    let s = db.session();
    let members = s.of::<Member>();
    for number in (0..MEMBERS).step_by(10) {
        let found = members.by_name(format!("renamed {number}")).await?;
        assert_eq!(found.map(|member| (member.number, member.group)), Some((number, 2)));
        assert_eq!(members.by_name(name(number + 1)).await?, None);
        assert!(members.by_name(name(number + 3)).await?.is_some());
        assert!(!members.with_deleted().exists(number + 4).await?);
    }
    assert_eq!(members.bin().count().await?, u64::from(MEMBERS) / 10);
    let moved = members.by_group().range(100..).keys().all().await?;
    assert_eq!(moved.first_chunk(), Some(&[2, 5, 12]), "those after the deleted ones moved up");
    Ok(())
}
