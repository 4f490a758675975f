//! Reading long values by position into memory of the caller's, one after another.
//!
//! A value that is looked at through a mapping counts as memory of the process for as long as the
//! system likes, and one that goes through the cache displaces what is hot. Whoever reads gigabytes
//! wants neither: here nothing is mapped and nothing is kept, and each value is verified each time.

use std::{io::ErrorKind, sync::Arc};

use super::segment::{Body, Content, OUTSIDE, Segment};
use crate::{
    disk::{self, Access, File},
    error::Result,
    id::{Address, SegmentId},
};

/// The file of the segment that was read last: values that are read one after another often stand
/// in the same one.
#[derive(Debug, Default)]
pub(crate) struct LastFile(Option<(SegmentId, Arc<dyn File>)>);

impl LastFile {
    fn of(&self, segment: SegmentId) -> Option<&dyn File> {
        self.0.as_ref().filter(|(id, _)| *id == segment).map(|(_, file)| &**file)
    }
}

impl Segment {
    /// Fills `buf`, which is as long as the address says, with the value there.
    pub(super) fn read_value(
        &self,
        address: Address,
        buf: &mut [u8],
        last: &mut LastFile,
    ) -> Result<()> {
        if address.start() + u64::from(address.len) > self.len() {
            return Err(self.corrupt(address, OUTSIDE));
        }
        let read = self.read_into(address, buf, last);
        let verified = read.and_then(|()| self.verify(address, buf, Content::Value));
        verified.or_else(|error| {
            buf.copy_from_slice(&self.mend(address, Content::Value, error)?);
            Ok(())
        })
    }

    fn read_into(&self, address: Address, buf: &mut [u8], last: &mut LastFile) -> Result<()> {
        match self.body() {
            Body::Copied(pages) if !self.is_direct() => {
                let open = || self.disk().open(&self.path(), Access::Read);
                let read = pages.read(self.id(), open, buf, address.start());
                read.map_err(|error| self.unreadable(address, error))
            }
            body => match (self.read_file(address, buf, last)?, body) {
                (true, _) => Ok(()),
                // Whoever has the folder now has removed it. The mapping outlives its name.
                (false, Body::Mapped(mapped)) => {
                    let bytes = mapped.bytes(address);
                    buf.copy_from_slice(bytes.ok_or_else(|| self.corrupt(address, OUTSIDE))?);
                    Ok(())
                }
                (false, Body::Copied(_)) => {
                    Err(self.unreadable(address, ErrorKind::NotFound.into()))
                }
            },
        }
    }

    /// Whether there is a file of its name; then it was read.
    fn read_file(&self, address: Address, buf: &mut [u8], last: &mut LastFile) -> Result<bool> {
        if last.of(self.id()).is_none() {
            match self.open_streamed() {
                Ok(file) => last.0 = Some((self.id(), file)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(disk::failed("open", &self.path())(error)),
            }
        }
        let read = last.of(self.id()).map(|file| file.read_exact_at(buf, address.start()));
        read.transpose().map_err(|error| self.unreadable(address, error))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        Call, Disk, Error, Fault, FaultyDisk, MemoryDisk, SimulatedDisk,
        limit::SEGMENT_LEN_TARGET,
        node::{Reading, SegmentFolder, SegmentSink, Segments, Source},
    };

    const READINGS: [Reading; 2] = [Reading::Mapped, Reading::Copied { cache_bytes: 1 << 20 }];

    fn folder(disk: Arc<dyn Disk>, reading: Reading) -> Arc<SegmentFolder> {
        disk.create_dir_all(Path::new("seg")).expect("a disk in memory does not fail");
        Arc::new(SegmentFolder::new(disk, "seg".into(), [0; 16], SegmentId(1), reading))
    }

    /// A value that says how long it is, in bytes that do not repeat.
    fn value(len: usize) -> Vec<u8> {
        let numbers = (len as u64..).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        numbers.flat_map(u64::to_le_bytes).take(len).collect()
    }

    fn segments_of(sink: SegmentSink) -> Result<Segments> {
        let segments = sink.finish()?.into_iter().map(|(segment, _)| segment);
        Ok(Segments::new(segments.collect()))
    }

    #[test]
    fn a_value_is_read_back_wherever_it_stands_by_then() -> Result<()> {
        const LENS: [usize; 9] =
            [3_000, 1 << 20, 1, (1 << 20) + 100, 256, 2 << 20, 70_000, (3 << 20) - 1, 5];
        for reading in READINGS {
            let mut sink = SegmentSink::new(folder(Arc::new(MemoryDisk::default()), reading));
            let (mut added, mut len) = (Vec::new(), 0);
            let mut last = LastFile::default();
            while len < SEGMENT_LEN_TARGET + (8 << 20) {
                let next = value(LENS[added.len() % LENS.len()] + added.len());
                let address = sink.add_value(&next)?;
                len += address.footprint();
                added.push((address, next));
                for (address, value) in added.iter().rev().take(LENS.len()) {
                    let mut found = vec![0; value.len()];
                    sink.read_value(*address, &mut found, &mut last)?;
                    assert!(found == *value, "{address:?} as it is written");
                }
            }
            let (first, value) = &added[0];
            let mut found = vec![0; value.len()];
            sink.read_value(*first, &mut found, &mut last)?;
            assert!(found == *value, "of a segment that is complete");
            let segments = segments_of(sink)?;
            assert_eq!(segments.iter().count(), 2);
            for (address, value) in added {
                let mut found = vec![0; value.len()];
                Source::new(&segments).read_value(address, &mut found, &mut last)?;
                assert!(found == value, "{address:?} in the end");
            }
        }
        Ok(())
    }

    #[test]
    fn damage_is_found_each_time() -> Result<()> {
        for reading in READINGS {
            let disk = Arc::new(MemoryDisk::default());
            let mut sink = SegmentSink::new(folder(Arc::clone(&disk) as _, reading));
            let address = sink.add_value(&value(100_000))?;
            let segments = segments_of(sink)?;
            let mut last = LastFile::default();
            let mut read = || segments.read_value(address, &mut vec![0; 100_000], &mut last);
            read()?;
            let path = Path::new("seg/00000001.seg");
            let file = disk.open(path, Access::Write).expect("it is there");
            file.write_all_at(b"else", address.start() + 50_000).expect("it is written");
            for _ in 0..2 {
                let error = read().expect_err("bytes are wrong");
                assert!(error.to_string().contains("a wrong checksum"), "{error}");
            }
            file.set_len(address.start() + 50_000).expect("it is cut");
            let error = read().expect_err("the end is gone");
            assert!(error.to_string().contains("cut short"), "{error}");
        }
        Ok(())
    }

    #[test]
    fn what_is_mapped_outlives_its_name_and_what_is_not_is_gone() -> Result<()> {
        for reading in READINGS {
            let disk = Arc::new(MemoryDisk::default());
            let mut sink = SegmentSink::new(folder(Arc::clone(&disk) as _, reading));
            let address = sink.add_value(&value(100_000))?;
            let segments = segments_of(sink)?;
            disk.remove(Path::new("seg/00000001.seg")).expect("it is there");
            let mut found = vec![0; 100_000];
            let read = segments.read_value(address, &mut found, &mut LastFile::default());
            if reading == Reading::Mapped {
                read?;
                assert!(found == value(100_000));
            } else {
                assert!(matches!(read, Err(Error::SegmentGone { .. })), "{read:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn one_file_is_opened_once_for_values_that_follow_each_other() -> Result<()> {
        let disk = FaultyDisk::new(Arc::new(SimulatedDisk::new()));
        let mut sink = SegmentSink::new(folder(Arc::new(disk.clone()), Reading::Mapped));
        let addresses: Vec<_> =
            (1..5).map(|len| sink.add_value(&value(len * 1_000))).collect::<Result<_>>()?;
        let segments = segments_of(sink)?;
        let mut last = LastFile::default();
        let mut read = |at: usize| {
            segments.read_value(addresses[at], &mut vec![0; (at + 1) * 1_000], &mut last)
        };
        read(0)?;
        disk.faults()
            .judge(|call, _| (call == Call::Open).then_some(Fault::Error(ErrorKind::TimedOut)));
        (1..4).try_for_each(&mut read)
    }
}
