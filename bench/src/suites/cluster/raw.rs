//! What a folder gives without a database: files put under names that must be free, one after the
//! other, durably.

use crate::{
    Result,
    measure::{as_f64, now},
};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// Files that so many who race put in a second beside `folder`, each of `len` bytes.
///
/// Each writes a file and syncs it, links it to the next name, and syncs the folder of the names. Who
/// finds the name taken begins anew with the next one.
pub(super) fn rate(folder: &Path, racers: u16, len: u64, time: Duration) -> Result<f64> {
    let folder = folder.with_extension("raw");
    let place = Place { names: folder.join("names"), unfinished: folder.join("unfinished") };
    fs::create_dir_all(&place.names)?;
    fs::create_dir_all(&place.unfinished)?;
    let bytes = vec![1; usize::try_from(len)?];
    let begun = now();
    let put: Result<u64> = thread::scope(|scope| {
        let (place, bytes) = (&place, &bytes);
        let racers: Vec<_> = (0..racers)
            .map(|racer| scope.spawn(move || place.put(racer, bytes, begun + time)))
            .collect();
        let mut each = racers.into_iter();
        each.try_fold(0, |put, racer| Ok(put + racer.join().map_err(|_| "a racer panicked")??))
    });
    let put = put?;
    let taken = now().saturating_sub(begun);
    fs::remove_dir_all(&folder)?;
    Ok(as_f64(put) / taken.as_secs_f64())
}

#[derive(Debug)]
struct Place {
    names: PathBuf,
    unfinished: PathBuf,
}

impl Place {
    /// Puts files until a moment; how many.
    fn put(&self, racer: u16, bytes: &[u8], end: Duration) -> Result<u64> {
        let (mut next, mut put) = (0_u64, 0);
        while now() < end {
            next += 1;
            let from = self.unfinished.join(format!("{racer}-{next}"));
            let mut file = File::create_new(&from)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            match fs::hard_link(&from, self.names.join(next.to_string())) {
                Ok(()) => {
                    File::open(&self.names)?.sync_all()?;
                    put += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
            fs::remove_file(&from)?;
        }
        Ok(put)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn racers_put_each_name_once() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { names: folder.path().join("n"), unfinished: folder.path().join("u") };
        fs::create_dir(&place.names).unwrap();
        fs::create_dir(&place.unfinished).unwrap();
        let end = now() + Duration::from_millis(50);
        let put: u64 = thread::scope(|scope| {
            let place = &place;
            let racer = |racer| scope.spawn(move || place.put(racer, b"bytes", end).unwrap());
            let racers = [0, 1].map(racer);
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        assert_eq!(fs::read_dir(&place.names).unwrap().count() as u64, put);
        assert!(put > 0);
    }
}
