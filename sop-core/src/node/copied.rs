//! Reading a segment by position, where its file may be cut short or go at any time.

use std::{
    io::{self, ErrorKind},
    iter,
    sync::Arc,
};

use super::{
    pages::Pages,
    segment::{Content, OUTSIDE, Segment},
};
use crate::{
    disk::{self, Access},
    error::{Error, Result},
    id::Address,
    limit::{NODE_IMAGE_MAX, VALUE_LEN_MAX},
};

impl Segment {
    /// What an address names: from the cache, or from the file and then verified and kept.
    ///
    /// Two who miss the same page at the same time both read it. Neither waits for the other, who
    /// may be waiting for a server.
    pub(super) fn page(
        &self,
        pages: &Pages,
        address: Address,
        content: Content,
    ) -> Result<Arc<[u8]>> {
        if let Some(page) = pages.get(address, content) {
            return Ok(page);
        }
        self.check_bounds(address, content)?;
        let read = self.read_in(pages, address);
        let verified = read.and_then(|page| self.verify(address, &page, content).map(|()| page));
        let page = verified.or_else(|error| self.mend(address, content, error).map(Arc::from))?;
        pages.keep(address, content, &page);
        Ok(page)
    }

    /// Compared before memory is taken: an address may come from anywhere.
    fn check_bounds(&self, address: Address, content: Content) -> Result<()> {
        let len_max = match content {
            Content::Node => NODE_IMAGE_MAX,
            Content::Value => VALUE_LEN_MAX,
        };
        if address.len as usize > len_max {
            return Err(self.corrupt(address, "a link to more than there can be"));
        }
        if address.start() + u64::from(address.len) > self.len() {
            return Err(self.corrupt(address, OUTSIDE));
        }
        Ok(())
    }

    /// Compares what an address names with what the disk has of it elsewhere, and puts right what is
    /// wrong. Fails if it is right nowhere, or if the disk has it only once.
    pub(super) fn scrub(&self, address: Address, content: Content) -> Result<()> {
        self.check_bounds(address, content)?;
        let error = self.corrupt(address, "a wrong checksum, wherever it is kept");
        self.mend(address, content, error).map(drop)
    }

    fn read_in(&self, pages: &Pages, address: Address) -> Result<Arc<[u8]>> {
        let path = self.path();
        let mut page: Arc<[u8]> = iter::repeat_n(0, address.len as usize).collect();
        let buf = Arc::get_mut(&mut page).expect("invariant: nobody else has the new page");
        let open = || self.disk().open(&path, Access::Read);
        let outcome = pages.read(self.id(), open, buf, address.start());
        outcome.map_err(|error| self.unreadable(address, error))?;
        Ok(page)
    }

    /// What it means that a value or a node could not be read.
    pub(super) fn unreadable(&self, address: Address, error: io::Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::StaleNetworkFileHandle => {
                Error::SegmentGone { path: self.path() }
            }
            ErrorKind::UnexpectedEof => self.corrupt(address, "the file was cut short"),
            _ => disk::failed("read", &self.path())(error),
        }
    }
}
