//! How many entries a range has, from the counts that branches keep: no leaf between the ends of
//! the range is read.

use super::{KeyRange, Tree};
use crate::{error::Result, node::Source};

impl Tree {
    /// Entries with keys below `key`.
    fn rank(&self, source: Source<'_>, key: &[u8]) -> Result<u64> {
        let Some((mut link, mut level)) = self.top() else { return Ok(0) };
        let mut below = 0;
        while level > 0 {
            let mut held = None;
            let node = source.look(link, level, &mut held)?;
            let child = node.child_index(key);
            // What a damaged count says may be anything.
            below = (0..child).map(|index| node.entries(index)).fold(below, u64::saturating_add);
            link = node.child(child);
            level -= 1;
        }
        let (Ok(index) | Err(index)) = source.node(link, 0)?.view().search(key);
        Ok(below.saturating_add(index as u64))
    }

    /// Entries in a range.
    pub(crate) fn count(&self, source: Source<'_>, range: &KeyRange) -> Result<u64> {
        if range.is_empty() {
            return Ok(0);
        }
        let end = match &range.end {
            Some(end) => self.rank(source, end)?,
            None => self.entries,
        };
        Ok(end.saturating_sub(self.rank(source, &range.start)?))
    }
}
