//! A search by nearness is a read of its partition: what appears there, or goes, is in the way of
//! serializable sessions that have searched and write, wherever the codes lie by then.

use sop_orm::{IndexBuilding, Isolation, Near, TransactionOptions, Vector, prelude::*};

/// What the records are near to, or far from.
const HERE: [f32; 2] = [0.0, 0.0];

/// Partitions get cells from so many records on.
const CELLS_FROM: u64 = 8;

#[derive(SopStore, Clone, Debug)]
struct Stop {
    #[sop(key)]
    number: u16,
    town: u8,
    #[sop(index(by_line))]
    line: u8,
    #[sop(vector(metric = euclidean, partition = town))]
    place: Vector<2>,
}

/// A stop of the first town, as far as its number says.
fn stop(number: u16) -> Stop {
    Stop { number, town: 1, line: 0, place: [f32::from(number), 0.0].into() }
}

async fn database() -> Result<Db> {
    let builder = Db::builder().store::<Stop>().cells_from(CELLS_FROM);
    builder.index_building(IndexBuilding::ByHand).ephemeral().await
}

fn session(db: &Db, isolation: Isolation) -> Session {
    db.session_with(TransactionOptions::default().isolation(isolation))
}

async fn insert(db: &Db, stops: impl IntoIterator<Item = Stop>) -> Result<()> {
    let s = db.session();
    for stop in stops {
        s.of::<Stop>().insert(stop).await?;
    }
    s.commit().await?;
    Ok(())
}

fn near(s: &Session) -> Near<'_, Stop> {
    s.of::<Stop>().near_place(1, &HERE)
}

async fn found(near: Near<'_, Stop>) -> Result<Vec<u16>> {
    Ok(near.all().await?.iter().map(|hit| hit.key).collect())
}

/// Writes something that is in nobody's way, and commits. Returns whether that was refused.
async fn is_refused(s: Session) -> Result<bool> {
    let elsewhere = Stop { town: 9, ..stop(9_999) };
    s.of::<Stop>().insert(elsewhere).await?;
    match s.commit().await {
        Ok(_) => Ok(false),
        Err(Error::Conflict(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

#[tokio::test]
async fn of_two_that_search_and_then_insert_nearby_only_one_commits() -> Result<()> {
    for (isolation, both) in [(Isolation::Serializable, false), (Isolation::Snapshot, true)] {
        let db = database().await?;
        insert(&db, (20..25).map(stop)).await?;
        let [one, other] = [1, 2].map(|number| (session(&db, isolation), number));
        for (s, number) in [&one, &other] {
            assert!(found(near(s).within(10.0)).await?.is_empty(), "nothing is near");
            s.of::<Stop>().insert(stop(*number)).await?;
        }
        one.0.commit().await?;
        let committed = other.0.commit().await;
        assert_eq!(committed.is_ok(), both, "{isolation:?}");
        assert!(both || committed.is_err_and(|error| error.is_retryable()));
        let nearby = if both { vec![1, 2] } else { vec![1] };
        assert_eq!(found(near(&db.session()).within(10.0)).await?, nearby);
        assert!(db.check_indexes().await?.is_sound());
    }
    Ok(())
}

#[tokio::test]
async fn a_phantom_among_the_nearest_refuses_the_searcher_that_writes() -> Result<()> {
    for (isolation, refused) in [(Isolation::Serializable, true), (Isolation::Snapshot, false)] {
        for exact in [true, false] {
            let db = database().await?;
            insert(&db, (20..25).map(stop)).await?;
            let [s, reader] = [(); 2].map(|()| session(&db, isolation));
            let search = |s| if exact { near(s).k(3).exact() } else { near(s).k(3) };
            assert_eq!(found(search(&s)).await?, [20, 21, 22]);
            assert_eq!(found(search(&reader)).await?, [20, 21, 22]);
            insert(&db, [stop(10)]).await?;
            assert_eq!(found(search(&s)).await?, [20, 21, 22], "it sees one state");
            assert_eq!(is_refused(s).await?, refused, "{isolation:?}, exact: {exact}");
            reader.commit().await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_insert_in_another_partition_is_in_nobodys_way() -> Result<()> {
    let db = database().await?;
    // Without cells and with.
    for (numbers, other) in [(20..23, 1_000), (30..50, 1_001)] {
        insert(&db, numbers.map(stop)).await?;
        while db.build_indexes(50)? {}
        let s = db.session();
        assert_eq!(found(near(&s).k(2)).await?, [20, 21]);
        insert(&db, [Stop { town: 2, ..stop(other) }]).await?;
        while db.build_indexes(50)? {}
        s.of::<Stop>().upsert(Stop { town: 9, ..stop(9_999) }).await?;
        s.commit().await?;
        assert!(db.check_indexes().await?.is_sound());
    }
    Ok(())
}

/// What happens beside a search whose partition has cells.
async fn beside(happens: impl AsyncFn(&Db) -> Result<()>, exact: bool) -> Result<()> {
    let db = database().await?;
    insert(&db, (20..40).map(stop)).await?;
    while db.build_indexes(50)? {}
    for (isolation, refused) in [(Isolation::Snapshot, false), (Isolation::Serializable, true)] {
        let s = session(&db, isolation);
        let search = if exact { near(&s).exact() } else { near(&s) };
        assert_eq!(found(search.k(3)).await?.len(), 3);
        happens(&db).await?;
        while db.build_indexes(50)? {}
        assert_eq!(is_refused(s).await?, refused, "{isolation:?}, exact: {exact}");
        db.run(async |s| s.of::<Stop>().delete(9_999).await).await?;
        assert!(db.check_indexes().await?.is_sound());
    }
    Ok(())
}

#[tokio::test]
async fn a_phantom_that_was_moved_into_a_cell_refuses_the_searcher() -> Result<()> {
    for exact in [true, false] {
        let number = std::cell::Cell::new(19);
        beside(async |db| insert(db, [stop(number.replace(number.get() - 1))]).await, exact)
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_was_carried_out_in_a_cell_refuses_the_searcher() -> Result<()> {
    for exact in [true, false] {
        let number = std::cell::Cell::new(20);
        let delete = async |db: &Db| {
            let number = number.replace(number.get() + 1);
            db.run(async |s| s.of::<Stop>().delete(number).await).await?;
            Ok(())
        };
        beside(delete, exact).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_vector_that_was_replaced_in_a_cell_refuses_the_searcher() -> Result<()> {
    for exact in [true, false] {
        let far = std::cell::Cell::new(1.0);
        let change = async |db: &Db| {
            let far = far.replace(far.get() + 1.0);
            db.run(async |s| {
                s.of::<Stop>().edit(39).await?.place = [far, 1.0].into();
                Ok(())
            })
            .await
        };
        beside(change, exact).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_phantom_that_was_moved_into_the_first_cells_refuses_the_searcher() -> Result<()> {
    let db = database().await?;
    insert(&db, (40..44).map(stop)).await?;
    let s = db.session();
    assert_eq!(found(near(&s).k(3)).await?, [40, 41, 42]);
    insert(&db, (1..5).map(stop)).await?;
    // The cells are made, and the new ones get into them; the others stay where they were.
    for _ in 0..5 {
        assert!(db.build_indexes(1)?);
    }
    assert!(is_refused(s).await?);
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}

#[tokio::test]
async fn what_comes_into_a_partition_and_a_cell_refuses_who_has_looked_it_up() -> Result<()> {
    let db = database().await?;
    insert(&db, (20..120).map(stop)).await?;
    insert(&db, [Stop { town: 2, line: 7, ..stop(5) }]).await?;
    while db.build_indexes(50)? {}
    let s = db.session();
    let search = || near(&s).among(s.of::<Stop>().by_line().prefix(7));
    let explained = search().explain().await?.to_string();
    assert!(explained.contains("codes of 1 selected"), "{explained}");
    assert!(found(search()).await?.is_empty());
    db.run(async |s| {
        s.of::<Stop>().edit(5).await?.town = 1;
        Ok(())
    })
    .await?;
    while db.build_indexes(50)? {}
    assert!(is_refused(s).await?);
    Ok(())
}
