//! Power cuts at every moment of a life in which content is written: what is left is what was
//! committed.

use std::collections::BTreeMap;

use fastrand::Rng;
use sop_orm::testing::{SimulatedDisk, open_on, power_cuts};

use super::*;

/// What the scripts and media of films are.
type Films = BTreeMap<u32, [Vec<u8>; 2]>;

/// How many commits a life has.
const COMMITS: usize = 20;

async fn change(s: &Session, films: &mut Films, rng: &mut Rng) -> Result<()> {
    let (number, seed) = (rng.u32(..4), rng.u8(..));
    let store = s.of::<Film>();
    let Some([script, media]) = films.get_mut(&number) else {
        store.insert(new(number)).await?;
        films.insert(number, Default::default());
        return Ok(());
    };
    match rng.u8(..11) {
        0 => {
            store.delete(number).await?;
            films.remove(&number);
        }
        1 | 2 => {
            *script = content(seed, rng.usize(..3 * CHUNK));
            store.script(number).upload(&script[..]).await?;
        }
        3 | 4 => {
            let len = rng.usize(..=script.len());
            script.truncate(len);
            store.script(number).truncate(len as u64).await?;
        }
        5..=8 => {
            let (at, part) = (rng.usize(..=script.len()), content(seed, rng.usize(..CHUNK)));
            store.script(number).write_at(at as u64, &part).await?;
            script.resize(script.len().max(at + part.len()), 0);
            script[at..at + part.len()].copy_from_slice(&part);
        }
        _ => {
            media.clone_from(script);
            store.media(number).copy_from(&store.script(number)).await?;
        }
    }
    Ok(())
}

/// Uploads more than goes through the log.
async fn upload(s: &Session, films: &mut Films, rng: &mut Rng) -> Result<()> {
    let Some((number, [_, media])) = films.iter_mut().next() else { return Ok(()) };
    *media = content(rng.u8(..), (4 << 20) + rng.usize(..1 << 20));
    s.of::<Film>().media(*number).upload(&media[..]).await?;
    Ok(())
}

/// Lives, and gives what was committed, with the number of calls that the disk had had when that
/// was acknowledged.
async fn live(disk: &SimulatedDisk, rng: &mut Rng) -> Result<Vec<(u64, Films)>> {
    let (db, mut films) = (open_on(builder(), disk).await?, Films::new());
    let mut kept = vec![(0, Films::new())];
    for commit in 0..COMMITS {
        let s = db.session();
        for _ in 0..rng.usize(1..3) {
            change(&s, &mut films, rng).await?;
        }
        if commit == COMMITS - 3 {
            upload(&s, &mut films, rng).await?;
        }
        s.commit().await?;
        kept.push((disk.faults().calls(), films.clone()));
        if commit % 8 == 5 {
            db.checkpoint().await?;
        }
    }
    db.close().await?;
    Ok(kept)
}

async fn found(db: &Db) -> Result<Films> {
    let (s, mut films) = (db.session(), Films::new());
    for film in s.of::<Film>().by_key().all().await? {
        let mut both = [Vec::new(), Vec::new()];
        let [script, media] = &mut both;
        for (content, all) in [
            (s.of::<Film>().script(film.number), script),
            (s.of::<Film>().media(film.number), media),
        ] {
            *all = content.read(..).await?;
            assert_eq!(content.checksum().await?, crc32c::crc32c(all));
        }
        films.insert(film.number, both);
    }
    Ok(films)
}

#[tokio::test]
async fn after_a_power_cut_at_any_moment_content_is_what_was_committed() -> Result<()> {
    let (disk, rng) = (SimulatedDisk::new(), &mut Rng::with_seed(3));
    let kept = live(&disk, rng).await?;
    let mut cuts = 0;
    for cut in power_cuts(&disk, 1) {
        let at = format!("before call {}, {:?}", cut.call, cut.survival);
        let db = open_on(builder(), &cut.disk).await?;
        let promised = kept.iter().rposition(|(calls, _)| *calls <= cut.call).unwrap_or_default();
        let left = found(&db).await?;
        let is_kept = kept.iter().skip(promised).any(|(_, films)| *films == left);
        assert!(is_kept, "{at}: what is left was never committed, or is too old");
        assert!(db.check_indexes().await?.is_sound(), "{at}");
        cuts += 1;
    }
    assert!(cuts > 3 * COMMITS, "{cuts} cuts");
    Ok(())
}
