//! `blobs`: content of any length, beside files and SQLite's incremental blobs.
//!
//! `upload_1g` keeps the content of a file, and `download_1g` makes a synced file of it again: for
//! files both are the same copy. `read_1g` hands all of it to a sink. `overwrite_range` writes
//! 64 KiB over random places, one or 16 in a durable transaction. `peak_memory` is the most that the
//! process had while it kept and read longer content. All bytes are checked.
//!
//! Files are in the system's cache as they were left there.

use crate::{
    Result,
    blobs::{Contents, Files, STEP, Sop, Sqlite, hand_on, make, open},
    engines::Settings,
    frame::{Common, Recorder, Suite, Unit, seconds},
    measure::{repeat, timed},
    probe::memory,
};
use clap::{Args, ValueEnum};
use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

/// Where content is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// SOP's own engine.
    Sop,
    /// The same past the system's cache.
    SopDirect,
    /// A file for each, copied and synced.
    File,
    /// SQLite's incremental blobs.
    Sqlite,
}

/// Content of any length is uploaded, downloaded, read and overwritten
#[derive(Clone, Debug, Args)]
pub(crate) struct Blobs {
    #[command(flatten)]
    common: Common<Peer>,

    /// MiB of the content that is measured
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    mib: u64,

    /// MiB of the content for which memory is measured
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    peak_mib: u64,

    /// Seconds of overwriting, with each number of ranges
    #[arg(long, default_value = "2", value_parser = seconds)]
    seconds: Duration,
}

const MIB: u64 = 1 << 20;

/// Bytes that are overwritten at a time.
const RANGE: usize = 64 << 10;

/// Numbers of ranges in a transaction, and what that is called.
const RANGES: [(usize, &str); 2] = [(1, "overwrite_range"), (16, "overwrite_16_ranges")];

const NAME: &str = "content";

impl Suite for Blobs {
    const NAME: &'static str = "blobs";
    type Peer = Peer;
    const OURS: Peer = Peer::Sop;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        format!(
            "content of {} MiB, of {} MiB for the memory; ranges of {} KiB, {:?} each",
            self.mib,
            self.peak_mib,
            RANGE >> 10,
            self.seconds
        )
    }

    fn settings(peer: &Peer) -> Settings {
        match peer {
            Peer::Sop => Sop::<false>::settings(),
            Peer::SopDirect => Sop::<true>::settings(),
            Peer::File => Files::settings(),
            Peer::Sqlite => Sqlite::settings(),
        }
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        match peer {
            Peer::Sop => self.measure::<Sop<false>>(folder, recorder),
            Peer::SopDirect => self.measure::<Sop<true>>(folder, recorder),
            Peer::File => self.measure::<Files>(folder, recorder),
            Peer::Sqlite => self.measure::<Sqlite>(folder, recorder),
        }
    }
}

impl Blobs {
    fn measure<C: Contents>(&self, folder: &Path, recorder: &Recorder) -> Result<()> {
        let kept = folder.join("peak");
        fs::create_dir(&kept)?;
        peak::<C>(&kept, self.peak_mib * MIB, recorder)?;
        fs::remove_dir_all(&kept)?;

        let source = folder.join("source");
        let mut noise = Noise::new(recorder.seed(), self.mib * MIB);
        make(&source, |file| hand_on(&mut noise, file).map(drop))?;
        let kept = folder.join("kept");
        fs::create_dir(&kept)?;
        let contents = &mut C::open(&kept)?;
        self.whole(contents, &source, recorder)?;
        for (count, name) in RANGES {
            self.overwrite(contents, (count, name), recorder)?;
        }
        Ok(())
    }

    /// All of it in, and out again.
    fn whole(
        &self,
        contents: &mut impl Contents,
        source: &Path,
        recorder: &Recorder,
    ) -> Result<()> {
        let len = self.mib * MIB;
        let cost = timed(|| {
            contents.upload(NAME, len, &mut open(source)?)?;
            Ok(self.mib)
        })?;
        recorder.rate("upload_1g", 1, Unit::Mebibytes, &cost)?;
        let copies = source.with_extension("copies");
        fs::create_dir(&copies)?;
        let copy = copies.join(NAME);
        let cost = timed(|| make(&copy, |file| contents.download(NAME, file)).map(|()| self.mib))?;
        recorder.rate("download_1g", 1, Unit::Mebibytes, &cost)?;
        let expected = Sum::of(&mut open(&copy)?)?;
        fs::remove_dir_all(copies)?;
        expected.check(&Sum::of(&mut Noise::new(recorder.seed(), len))?)?;

        let mut found = Sum::default();
        let cost = timed(|| contents.download(NAME, &mut found).map(|()| self.mib))?;
        recorder.rate("read_1g", 1, Unit::Mebibytes, &cost)?;
        found.check(&expected)
    }

    fn overwrite(
        &self,
        contents: &mut impl Contents,
        (count, name): (usize, &str),
        recorder: &Recorder,
    ) -> Result<()> {
        let mut random = fastrand::Rng::with_seed(recorder.seed());
        let ranges = self.mib * MIB / RANGE as u64;
        let mut bytes = vec![0; RANGE];
        let mut last = 0;
        let cost = timed(|| {
            let transactions = repeat(self.seconds, 1, || {
                let offsets = (0..count).map(|_| random.u64(..ranges) * RANGE as u64);
                let offsets: Vec<u64> = offsets.collect();
                random.fill(&mut bytes);
                last = offsets[count - 1];
                contents.overwrite(NAME, &offsets, &bytes)
            })?;
            Ok(transactions * count as u64)
        })?;
        recorder.rate(name, 1, Unit::Operations, &cost)?;
        let mut found = vec![0; RANGE];
        contents.read_at(NAME, last, &mut found)?;
        if found == bytes { Ok(()) } else { Err("what was written is not there".into()) }
    }
}

/// The most memory that it takes to keep and read so many bytes.
fn peak<C: Contents>(folder: &Path, len: u64, recorder: &Recorder) -> Result<()> {
    memory::reset_peak();
    let mut contents = C::open(folder)?;
    contents.upload(NAME, len, &mut Noise::new(recorder.seed(), len))?;
    let mut found = Sum::default();
    contents.download(NAME, &mut found)?;
    recorder.bytes("peak_memory", memory::peak()?)?;
    found.check(&Sum::of(&mut Noise::new(recorder.seed(), len))?)
}

/// Bytes that do not repeat and do not compress.
struct Noise {
    random: fastrand::Rng,
    left: u64,
}

impl Noise {
    fn new(seed: u64, len: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), left: len }
    }
}

impl Read for Noise {
    /// As much as is asked for: the bytes depend on how many are asked for at a time.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.random.fill(&mut buf[..len]);
        self.left -= len as u64;
        Ok(len)
    }
}

/// How many bytes came, and what they amount to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    len: u64,
    crc: u32,
}

impl Sum {
    fn of(source: &mut dyn Read) -> Result<Self> {
        let mut sum = Self::default();
        hand_on(source, &mut sum)?;
        Ok(sum)
    }

    fn check(&self, expected: &Self) -> Result<()> {
        if self == expected { Ok(()) } else { Err("the content is not what was kept".into()) }
    }
}

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.len += bytes.len() as u64;
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is asked for at a time is the same everywhere, so that [`Noise`] is.
const _: () = assert!(MIB == STEP as u64 && MIB.is_multiple_of(RANGE as u64));
