//! What cannot be stored or searched for is refused, by the field's name.

use sop_orm::{Vector, prelude::*};

use super::{D, Thing, database, thing};

fn one() -> Thing {
    thing(1, &mut fastrand::Rng::with_seed(1))
}

/// What is said about a record that cannot be written.
async fn refused(thing: Thing) -> String {
    let db = database().await.expect("a database in memory");
    let error = db.session().of::<Thing>().insert(thing).await.expect_err("a refusal");
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn vectors_that_cannot_be_measured_are_refused() {
    let with = |at: usize, value: f32| {
        let mut angle = [1.0; D];
        angle[at] = value;
        Thing { angle: angle.into(), ..one() }
    };
    let finite = "a vector has finite components";
    let said = refused(with(3, f32::NAN)).await;
    assert!(said.contains(&format!("angle: component 3 is NaN: {finite}")), "{said}");
    let said = refused(with(0, f32::INFINITY)).await;
    assert!(said.contains("angle: component 0 is inf"), "{said}");
    let said = refused(with(0, 3e38)).await;
    assert!(said.contains("angle: the components are so large"), "{said}");
    let said = refused(Thing { angle: [0.0; D].into(), ..one() }).await;
    assert!(said.contains("angle: the vector is zero"), "{said}");
    let place = Vector::rounded(&[1e9; D]).expect("as many components");
    let said = refused(Thing { place: Some(place), ..one() }).await;
    assert!(said.contains("place: component 0 is inf"), "{said}");
}

#[tokio::test]
async fn a_zero_vector_is_a_place_though_no_direction() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let place = Some(Vector::rounded(&[0.0; D])?);
    s.of::<Thing>().insert(Thing { place, ..one() }).await?;
    let hits = s.of::<Thing>().near_place(&[0.0; D]).all().await?;
    assert_eq!((hits[0].key, hits[0].distance), (1, 0.0));
    Ok(())
}

#[tokio::test]
async fn a_refused_edit_leaves_the_record_as_it_was() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<Thing>().insert(one()).await?;
    let mut edit = s.of::<Thing>().edit(1_u16).await?;
    edit.angle = [f32::NAN; D].into();
    assert!(matches!(edit.save().await, Err(Error::Invalid(_))));
    Ok(())
}

#[tokio::test]
async fn searches_that_make_no_sense_are_refused() -> Result<()> {
    let db = database().await?;
    let (s, other) = (db.session(), db.session());
    let things = s.of::<Thing>();
    let said = |outcome: Result<Vec<sop_orm::Hit<'_, Thing>>>| match outcome {
        Err(Error::Invalid(invalid)) => invalid.to_string(),
        other => panic!("{other:?}"),
    };
    let short = vec![1.0; D - 1];
    let wrong = said(things.near_angle(1, &short).all().await);
    assert_eq!(wrong, "angle: searched for 23 components, where there are 24");
    let wrong = said(things.near_angle(1, &[f32::NAN; D]).all().await);
    assert!(wrong.starts_with("angle: component 0 is NaN"), "{wrong}");
    let wrong = said(things.near_angle(1, &[0.0; D]).all().await);
    assert!(wrong.starts_with("angle: the vector is zero"), "{wrong}");
    for share in [0.0, -1.0, 1.5, f32::NAN] {
        let wrong = said(things.near_angle(1, &[1.0; D]).recall(share).all().await);
        assert!(wrong.starts_with("recall: "), "{wrong}");
    }
    let wrong = said(things.near_angle(1, &[1.0; D]).within(f32::NAN).all().await);
    assert!(wrong.starts_with("within: "), "{wrong}");
    let foreign = other.of::<Thing>().by_small();
    let wrong = said(things.near_angle(1, &[1.0; D]).among(foreign).all().await);
    assert!(wrong.contains("of the same session"), "{wrong}");
    let limited = things.by_small().limit(3);
    let wrong = said(things.near_angle(1, &[1.0; D]).among(limited).all().await);
    assert!(wrong.contains("`limit`"), "{wrong}");
    let without = things.insert(Thing { place: None, ..one() }).await?;
    let wrong = said(things.near_place_of(&without).all().await);
    assert_eq!(wrong, "place: the record has no vector");
    Ok(())
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    assert!(s.of::<Thing>().near_angle(1, &[1.0; D]).all().await?.is_empty());
    s.of::<Thing>().insert(Thing { group: 1, ..one() }).await?;
    assert!(s.of::<Thing>().near_angle(2, &[1.0; D]).exact().all().await?.is_empty());
    assert!(s.of::<Thing>().near_angle(1, &[1.0; D]).k(0).all().await?.is_empty());
    Ok(())
}

#[test]
fn vectors_are_made_of_as_many_components_as_their_type_says() {
    assert_eq!(Vector::<3>::try_from(vec![1.0, 2.0, 3.0]).unwrap().to_f32(), [1.0, 2.0, 3.0]);
    let wrong = Vector::<3>::try_from(vec![1.0, 2.0]).unwrap_err();
    assert_eq!(wrong.to_string(), "expected 3 components, found 2");
    assert!(Vector::<2, i8>::try_from(&[1_i8, 2, 3][..]).is_err());
    assert_eq!(format!("{:?}", Vector::from([1_i8, 2, 3, 4, 5])), "Vector<5>[1, 2, 3, 4, ..]");
}

#[test]
fn vectors_are_lists_of_numbers_to_serde() {
    let vector = Vector::<3>::from([1.0, -0.5, 2.0]);
    let text = serde_json::to_string(&vector).unwrap();
    assert_eq!(text, "[1.0,-0.5,2.0]");
    assert_eq!(serde_json::from_str::<Vector<3>>(&text).unwrap(), vector);
    assert!(serde_json::from_str::<Vector<2>>(&text).is_err());
    let bytes = Vector::<2, i8>::from([1, -2]);
    assert_eq!(serde_json::to_string(&bytes).unwrap(), "[1,-2]");
}
