//! As many new segments as something takes, and the numbers they get.

use std::{collections::BTreeSet, fmt, io::ErrorKind, ops::Range, path::PathBuf, sync::Arc};

use super::{
    home::{Home, Keeper, Reading},
    origin::{Origin, Purpose},
    segment::{self, Segment},
    segment_writer::SegmentWriter,
    streamed::LastFile,
};
use crate::{
    disk::{self, Disk},
    error::{Error, Result},
    id::{Address, SegmentId},
    limit::SEGMENT_LEN_TARGET,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// The folder of a database's segments.
pub(crate) struct SegmentFolder {
    home: Arc<Home>,
    next: AtomicU32,
    lessor: OnceLock<Lessor>,
    /// Numbers that were leased and are not used yet.
    leased: Mutex<Lease>,
    /// What was leased below this number is of no use any more.
    own_from: AtomicU32,
}

/// Numbers for segments that nobody else gets, and the member that they were leased by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) numbers: Range<u32>,
    pub(crate) author: [u8; 16],
}

/// What it takes to write segments to a folder that others write to as well.
pub(crate) struct Lessor {
    /// Where numbers come from.
    pub(crate) lease: Box<dyn Fn() -> Result<Lease> + Send + Sync>,
    /// Where files are before they are complete, in the same file system.
    pub(crate) unfinished: PathBuf,
}

impl fmt::Debug for SegmentFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentFolder").field("home", &self.home).finish_non_exhaustive()
    }
}

impl SegmentFolder {
    /// The folder in which no number from `next` on was ever used.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        database: [u8; 16],
        next: SegmentId,
        reading: Reading,
    ) -> Self {
        let home = Arc::new(Home::new(disk, path, database, reading));
        let (lessor, leased) = (OnceLock::new(), Mutex::default());
        let (next, own_from) = (AtomicU32::new(next.0), AtomicU32::new(0));
        Self { home, next, lessor, leased, own_from }
    }

    /// From now on numbers are leased.
    pub(crate) fn set_lessor(&self, lessor: Lessor) {
        self.lessor.get_or_init(|| lessor);
    }

    /// From now on others remove files, and this one is asked which.
    pub(crate) fn set_keeper(&self, keeper: Keeper) {
        self.home.keeper.get_or_init(|| keeper);
    }

    /// What this process has written under numbers below this one, and nothing durable names, others
    /// may have removed.
    pub(crate) fn own_from(&self) -> SegmentId {
        SegmentId(self.own_from.load(Ordering::Relaxed))
    }

    /// It is another member from now on, which has leased no number below this one.
    pub(crate) fn set_own_from(&self, number: SegmentId) {
        self.own_from.store(number.0, Ordering::Relaxed);
    }

    /// Opens a segment of which `len` bytes must be there.
    pub(crate) fn open(&self, id: SegmentId, len: u64) -> Result<Arc<Segment>> {
        // What the log or a manifest names is not given out again.
        self.next.fetch_max(id.0 + 1, Ordering::Relaxed);
        Segment::open(&self.home, id, len)
    }

    /// Removes a segment that no state reads any more that anybody may begin with, if nobody else
    /// has removed it.
    pub(crate) fn remove(&self, id: SegmentId) -> Result<()> {
        let path = self.home.path(id);
        match self.home.tenure.remove(&*self.home.disk, &path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(disk::failed("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The numbers of all segments that are there, as of this call or later.
    pub(crate) fn ids(&self) -> Result<Vec<SegmentId>> {
        let Home { disk, folder, .. } = &*self.home;
        let entries = disk.refresh_dir(folder).and_then(|()| disk.list(folder));
        let entries = entries.map_err(disk::failed("list", folder))?;
        Ok(entries.iter().filter_map(|entry| segment::number(entry.name.to_str()?)).collect())
    }

    /// Where a segment says that it comes from; nothing if it says nothing that can be believed, or
    /// is gone.
    pub(crate) fn origin(&self, id: SegmentId) -> Result<Option<Origin>> {
        let says_nothing = [ErrorKind::NotFound, ErrorKind::UnexpectedEof];
        match segment::origin(&self.home, id) {
            Err(Error::Corrupt { .. } | Error::UnsupportedFormat { .. }) => Ok(None),
            Err(Error::Io { source, .. }) if says_nothing.contains(&source.kind()) => Ok(None),
            other => other,
        }
    }

    /// Leaves the folder to whoever opens it next: from now on no file in it is made or removed.
    pub(crate) fn close(&self) {
        self.home.tenure.end();
    }

    #[cfg(test)]
    pub(super) fn pages(&self) -> Option<&super::pages::Pages> {
        self.home.pages.as_deref()
    }

    /// A number that no segment will have before this is called.
    pub(crate) fn next_id(&self) -> SegmentId {
        SegmentId(self.next.load(Ordering::Relaxed))
    }

    /// A number that nobody else uses, and who has leased it.
    fn lease(&self, lessor: &Lessor) -> Result<(SegmentId, [u8; 16])> {
        let mut leased = self.leased.lock();
        loop {
            match leased.numbers.next() {
                Some(number) if number >= self.own_from().0 => {
                    return Ok((SegmentId(number), leased.author));
                }
                _ => *leased = (lessor.lease)()?,
            }
        }
    }

    /// From now on values that are streamed go past the memory in which the system keeps files.
    pub(crate) fn set_direct(&self) {
        self.home.direct.get_or_init(|| ());
    }

    fn create(&self, purpose: Purpose, streamed: bool) -> Result<SegmentWriter> {
        let Some(lessor) = self.lessor.get() else {
            let id = SegmentId(self.next.fetch_add(1, Ordering::Relaxed));
            return SegmentWriter::create(&self.home, id, streamed);
        };
        let (id, author) = self.lease(lessor)?;
        let name = format!("{:032x}-{}", u128::from_be_bytes(author), segment::file_name(id));
        let path = lessor.unfinished.join(name);
        let origin = Origin { author, purpose };
        SegmentWriter::create_among_others(&self.home, id, path, origin, streamed)
    }
}

/// Takes nodes and values and puts them into new segments, one after another.
#[derive(Debug)]
pub(crate) struct SegmentSink {
    folder: Arc<SegmentFolder>,
    purpose: Purpose,
    /// Whether it is for long values that are read by streaming.
    streamed: bool,
    current: Option<SegmentWriter>,
    finished: Vec<Arc<Segment>>,
    /// The segments that got values.
    with_values: BTreeSet<SegmentId>,
}

impl SegmentSink {
    /// For a batch that is to name the segments.
    pub(crate) fn new(folder: Arc<SegmentFolder>) -> Self {
        Self::with_purpose(folder, Purpose::Batch)
    }

    /// The same for long values that are read by streaming.
    pub(crate) fn for_streams(folder: Arc<SegmentFolder>) -> Self {
        Self { streamed: true, ..Self::new(folder) }
    }

    /// For the manifest of this number.
    pub(crate) fn for_manifest(folder: Arc<SegmentFolder>, number: u64) -> Self {
        Self::with_purpose(folder, Purpose::Manifest(number))
    }

    fn with_purpose(folder: Arc<SegmentFolder>, purpose: Purpose) -> Self {
        let (current, finished, with_values) = (None, Vec::new(), BTreeSet::new());
        Self { folder, purpose, streamed: false, current, finished, with_values }
    }

    /// Adds a node's image or a value, and says where it will be found.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<Address> {
        if self.current.as_ref().is_some_and(|writer| writer.len() >= SEGMENT_LEN_TARGET) {
            self.close()?;
        }
        match &mut self.current {
            Some(writer) => writer.add(bytes),
            none => none.insert(self.folder.create(self.purpose, self.streamed)?).add(bytes),
        }
    }

    /// Adds a value that stands outside of its leaf.
    pub(crate) fn add_value(&mut self, value: &[u8]) -> Result<Address> {
        let address = self.add(value)?;
        self.with_values.insert(address.segment);
        Ok(address)
    }

    /// Fills `buf`, which is as long as the address says, with a value that this sink was given.
    pub(crate) fn read_value(
        &self,
        address: Address,
        buf: &mut [u8],
        last: &mut LastFile,
    ) -> Result<()> {
        match &self.current {
            Some(writer) if writer.id() == address.segment => writer.read_value(address, buf),
            _ => {
                let mut finished = self.finished.iter();
                let segment = finished.find(|segment| segment.id() == address.segment);
                let segment = segment.expect("invariant: the sink was given the value");
                segment.read_value(address, buf, last)
            }
        }
    }

    fn close(&mut self) -> Result<()> {
        if let Some(writer) = self.current.take() {
            let segment = writer.finish()?;
            // Until something durable names it, it goes with the last one who knows of it.
            segment.set_doomed(true);
            self.finished.push(segment);
        }
        Ok(())
    }

    /// Makes everything durable. The segments are doomed until somebody says otherwise; each
    /// comes with whether values stand in it.
    pub(crate) fn finish(mut self) -> Result<Vec<(Arc<Segment>, bool)>> {
        self.close()?;
        let Self { finished, with_values, .. } = self;
        let with_flag = |segment: Arc<Segment>| {
            let values = with_values.contains(&segment.id());
            (segment, values)
        };
        Ok(finished.into_iter().map(with_flag).collect())
    }
}
