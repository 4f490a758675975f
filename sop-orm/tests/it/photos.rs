//! Records with everything that can belong to one, for tests of databases as wholes.

use std::ops::RangeInclusive;

use sop_orm::{Blob, Vector, prelude::*};

#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "photos")]
pub(super) struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(unique(by_name))]
    name: String,
    #[sop(vector)]
    seen: Vector<3>,
    #[sop(blob(chunk_len = 4_096))]
    image: Blob,
}

/// The content of a photo's image, which is long.
fn image(number: u32) -> Vec<u8> {
    (0..600_000_u32).flat_map(|at| (at * number).to_le_bytes()).collect()
}

fn seen(number: u32) -> [f32; 3] {
    [f32::from(u16::try_from(number).expect("few photos")), 1.0, 0.0]
}

/// Adds a photo; the position of the commit.
pub(super) async fn add(db: &Db, number: u32) -> Result<u64> {
    let s = db.session();
    let photos = s.of::<Photo>();
    let seen = Vector::from(seen(number));
    photos.insert(NewPhoto { number, name: format!("photo {number}"), seen }).await?;
    photos.image(number).upload(&image(number)[..]).await?;
    Ok(s.commit().await?.position)
}

/// Whether there are these photos and no others, with all that belongs to them.
pub(super) async fn assert_holds(db: &Db, numbers: RangeInclusive<u32>) -> Result<()> {
    let s = db.session();
    let photos = s.of::<Photo>();
    assert_eq!(photos.by_key().count().await?, numbers.clone().count() as u64);
    for number in numbers {
        let name = format!("photo {number}");
        assert_eq!(photos.by_name(&name).await?.map(|photo| photo.number), Some(number));
        assert!(photos.image(number).read(..).await? == image(number), "photo {number}");
        let nearest = photos.near_seen(&seen(number)).first().await?;
        assert_eq!(nearest.map(|hit| hit.key), Some(number));
    }
    assert!(db.check().await?.is_sound() && db.check_indexes().await?.is_sound());
    Ok(())
}
