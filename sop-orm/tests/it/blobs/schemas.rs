//! Structs that get, lose and rename blob fields.

use sop_core::Database;
use sop_orm::Entity;

use super::*;

mod without {
    use super::*;

    #[derive(SopStore)]
    #[sop(store = "films")]
    pub(super) struct Film {
        #[sop(key)]
        pub(super) number: u32,
        pub(super) title: String,
    }
}

mod renamed {
    use super::*;

    #[derive(SopStore)]
    #[sop(store = "films")]
    pub(super) struct Film {
        #[sop(key)]
        pub(super) number: u32,
        pub(super) title: String,
        #[sop(blob(chunk_len = 8_192), renamed_from = script)]
        pub(super) text: Blob,
    }
}

mod unmarked {
    use super::*;

    #[derive(SopStore)]
    #[sop(store = "films")]
    pub(super) struct Film {
        #[sop(key)]
        pub(super) number: u32,
        pub(super) script: Blob,
    }
}

mod text {
    use super::*;

    #[derive(SopStore)]
    #[sop(store = "films")]
    pub(super) struct Film {
        #[sop(key)]
        pub(super) number: u32,
        pub(super) title: String,
        pub(super) script: String,
    }
}

async fn attach<E: Entity>(engine: &Database) -> Result<Db> {
    Db::builder().store::<E>().attach(engine.clone()).await
}

fn engine() -> Result<Database> {
    Ok(Database::builder().in_memory()?)
}

#[tokio::test]
async fn a_blob_field_comes_to_records_that_are_there() -> Result<()> {
    let engine = engine()?;
    let db = attach::<without::Film>(&engine).await?;
    let s = db.session();
    s.of::<without::Film>().insert(without::NewFilm { number: 1, title: "One".into() }).await?;
    s.commit().await?;
    drop(db);
    let db = attach::<Film>(&engine).await?;
    let s = db.session();
    assert_eq!(s.of::<Film>().require(1).await?.title, "One");
    assert!(s.of::<Film>().script(1).is_empty().await?);
    s.of::<Film>().script(1).append(b"text").await?;
    s.commit().await?;
    assert_eq!(script(&db, 1).await?, b"text");
    Ok(())
}

#[tokio::test]
async fn a_blob_field_that_is_renamed_keeps_its_content() -> Result<()> {
    let engine = engine()?;
    let db = attach::<Film>(&engine).await?;
    let s = db.session();
    s.of::<Film>().insert(new(1)).await?;
    s.of::<Film>().script(1).append(&content(1, 3 * CHUNK)).await?;
    s.commit().await?;
    drop(db);
    for _ in 0..2 {
        let db = attach::<renamed::Film>(&engine).await?;
        let s = db.session();
        assert_eq!(s.of::<renamed::Film>().text(1).read(..).await?, content(1, 3 * CHUNK));
        // Chunks stay as long as they are.
        s.of::<renamed::Film>().text(1).write_at(10, b"other").await?;
    }
    Ok(())
}

#[tokio::test]
async fn content_of_a_field_that_is_not_in_the_struct_stays_and_goes_with_its_record() -> Result<()>
{
    let engine = engine()?;
    let db = attach::<Film>(&engine).await?;
    let s = db.session();
    s.of::<Film>().insert_many([new(1), new(2)]).await?;
    for number in [1, 2] {
        s.of::<Film>().script(number).append(b"text").await?;
    }
    s.commit().await?;
    drop(db);
    let older = attach::<without::Film>(&engine).await?;
    let s = older.session();
    s.of::<without::Film>().delete(1).await?;
    s.of::<without::Film>().edit(2).await?.title = "Two".to_owned();
    s.commit().await?;
    drop(older);
    let db = attach::<Film>(&engine).await?;
    assert_eq!(script(&db, 2).await?, b"text");
    let s = db.session();
    s.of::<Film>().insert(new(1)).await?;
    assert!(s.of::<Film>().script(1).is_empty().await?, "that of the first one went with it");
    s.commit().await?;
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}

#[tokio::test]
async fn a_blob_that_is_not_marked_or_was_something_else_is_refused() -> Result<()> {
    let refused = attach::<unmarked::Film>(&engine()?).await.unwrap_err().to_string();
    assert!(refused.contains("mark the field with #[sop(blob)]"), "{refused}");
    let engine = engine()?;
    drop(attach::<text::Film>(&engine).await?);
    let refused = attach::<Film>(&engine).await.unwrap_err().to_string();
    assert!(refused.contains("script"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn content_of_no_record_is_found_by_the_check() -> Result<()> {
    let engine = engine()?;
    let db = attach::<Film>(&engine).await?;
    let tx = engine.begin()?;
    tx.blobs("films/script/blob")?.create(7_u32.to_be_bytes())?.append(b"nobody's")?;
    tx.commit()?;
    let report = db.check_indexes().await?;
    assert_eq!((report.entries, report.superfluous), (1, 1));
    let problem = format!("{:?}", report.problems);
    assert!(problem.contains("script") && problem.contains("films"), "{problem}");
    Ok(())
}
