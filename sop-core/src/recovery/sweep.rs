//! Removing what an interrupted checkpoint or bulk load left behind.

use std::collections::BTreeSet;

use super::Site;
use crate::{
    disk,
    error::Result,
    node::{Segments, file_name},
};

/// Removes segments that no tree reads and files that were never completed; gives their number.
pub(super) fn sweep(site: &Site, segments: &Segments) -> Result<u64> {
    let known: BTreeSet<_> = segments.iter().map(|segment| file_name(segment.id())).collect();
    let mut removed = 0;
    for (folder, keep) in [("seg", &known), ("tmp", &BTreeSet::new())] {
        let folder = site.root.join(folder);
        for entry in site.disk.list(&folder).map_err(disk::failed("list", &folder))? {
            let name = entry.name.to_string_lossy().into_owned();
            if !entry.is_dir && !keep.contains(&name) {
                let path = folder.join(&entry.name);
                site.disk.remove(&path).map_err(disk::failed("remove", &path))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}
