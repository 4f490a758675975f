//! Indexes of vectors that are added, and made anew, over records that exist.

use sop_orm::{IndexBuilding, Vector, prelude::*};

/// Declares a struct of the same store with another field attribute.
macro_rules! version {
    ($module:ident, $attr:meta) => {
        mod $module {
            use sop_orm::{Vector, prelude::*};

            #[derive(SopStore, Clone, Debug, PartialEq)]
            #[sop(store = "notes")]
            pub(super) struct Note {
                #[sop(key)]
                pub(super) number: u32,
                pub(super) group: u8,
                #[$attr]
                pub(super) meaning: Vector<8>,
            }
        }
    };
}

version!(plain, doc = "Not searched.");
version!(cosine, sop(vector(partition = group)));
version!(euclidean, sop(vector(metric = euclidean, partition = group)));
version!(whole, sop(vector(metric = euclidean)));

mod halves {
    use sop_orm::{Vector, f16, prelude::*};

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "notes", version = 2, from = super::cosine::Note)]
    pub(super) struct Note {
        #[sop(key)]
        pub(super) number: u32,
        pub(super) group: u8,
        #[sop(vector(partition = group))]
        pub(super) meaning: Vector<8, f16>,
    }

    impl From<super::cosine::Note> for Note {
        fn from(old: super::cosine::Note) -> Self {
            let meaning = Vector::rounded(&*old.meaning).expect("numbers near one");
            Self { number: old.number, group: old.group, meaning }
        }
    }
}

fn meaning(number: u32) -> Vector<8> {
    let mut rng = fastrand::Rng::with_seed(number.into());
    Vector::new(std::array::from_fn(|_| rng.f32() - 0.5))
}

#[tokio::test]
async fn an_index_is_filled_while_sessions_go_on_and_made_anew_for_another_metric() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::builder().store::<plain::Note>().open(folder.path()).await?;
    let s = db.session();
    let note = |number| plain::Note { number, group: 1, meaning: meaning(number) };
    s.of::<plain::Note>().insert_many((0..500).map(note)).await?;
    s.commit().await?;
    db.close().await?;

    let builder = Db::builder().store::<cosine::Note>().index_building(IndexBuilding::ByHand);
    let db = builder.open(folder.path()).await?;
    let s = db.session();
    let query = meaning(7);
    let early = s.of::<cosine::Note>().near_meaning(1, &query).all().await;
    assert!(matches!(early, Err(Error::IndexBuilding { index: "near_meaning", .. })), "{early:?}");
    s.of::<cosine::Note>().edit(3_u32).await?.meaning = query.clone();
    s.of::<cosine::Note>().delete(4_u32).await?;
    s.commit().await?;
    db.indexes_ready().await?;
    assert!(db.check_indexes().await?.is_sound());
    let s = db.session();
    let hits = s.of::<cosine::Note>().near_meaning(1, &query).k(2).all().await?;
    assert_eq!(hits.iter().map(|hit| hit.key).collect::<Vec<_>>(), [3, 7]);
    db.close().await?;

    let db = Db::builder().store::<euclidean::Note>().open(folder.path()).await?;
    db.indexes_ready().await?;
    let s = db.session();
    let doubled = query.map(|component| component * 2.0);
    let hits = s.of::<euclidean::Note>().near_meaning(1, &doubled).exact().all().await?;
    let naive = query.iter().map(|one| one * one).sum::<f32>().sqrt();
    let own = hits.iter().find(|hit| hit.key == 7).map(|hit| hit.distance);
    assert!(own.is_none_or(|own| (own - naive).abs() < 1e-5), "{own:?} for {naive}");
    assert_eq!(db.check_indexes().await?.entries, 499);
    db.close().await?;

    let db = Db::builder().store::<whole::Note>().open(folder.path()).await?;
    db.indexes_ready().await?;
    assert_eq!(
        db.session().of::<whole::Note>().near_meaning(&query).k(600).all().await?.len(),
        499
    );
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}

#[tokio::test]
async fn records_of_another_precision_are_found_before_and_after_they_are_written_anew()
-> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::builder().store::<cosine::Note>().open(folder.path()).await?;
    let s = db.session();
    let note = |number| cosine::Note { number, group: 1, meaning: meaning(number) };
    s.of::<cosine::Note>().insert_many((0..300).map(note)).await?;
    s.commit().await?;
    db.close().await?;

    let db = Db::builder().store::<halves::Note>().open(folder.path()).await?;
    db.indexes_ready().await?;
    let nearest = async || -> Result<()> {
        let s = db.session();
        for number in [0, 7, 299] {
            let query = halves::Note::from(note(number)).meaning;
            for near in [
                s.of::<halves::Note>().near_meaning(1, &query),
                s.of::<halves::Note>().near_meaning(1, &query).exact(),
            ] {
                let hits = near.k(3).all().await?;
                assert!(hits[0].key == number && hits[0].distance.abs() < 1e-3, "{hits:?}");
            }
        }
        assert!(db.check_indexes().await?.is_sound());
        Ok(())
    };
    nearest().await?;
    let s = db.session();
    s.of::<halves::Note>().edit(7_u32).await?.group = 1;
    s.of::<halves::Note>().delete(8_u32).await?;
    s.commit().await?;
    nearest().await?;
    assert_eq!(db.migrate::<halves::Note>().await?.done, 299);
    nearest().await?;
    Ok(())
}

#[tokio::test]
async fn progress_names_the_index_of_vectors() -> Result<()> {
    let db = Db::builder().store::<cosine::Note>().ephemeral().await?;
    let progress = db.index_progress();
    assert_eq!((progress[0].store, progress[0].index), ("notes", "near_meaning"));
    Ok(())
}
