//! A file that never changes, in a second place: linked where that can be done, copied else.

use std::{io::ErrorKind, path::Path};

use super::description::Content;
use crate::{
    disk::{Access, Disk, File, failed},
    error::{Error, Result},
};

/// Bytes that are read at a time.
const STEP: usize = 1 << 20;

/// A file that is in its second place now. If it was copied it is durable, but for its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transferred {
    pub(crate) content: Content,
    pub(crate) linked: bool,
}

/// Gives a file a second place, which must be free; `None` if the file is not there.
///
/// Why it cannot be linked does not matter: it may be on another file system, or on one without links.
pub(crate) fn transfer(disk: &dyn Disk, from: &Path, to: &Path) -> Result<Option<Transferred>> {
    if disk.link(from, to).is_ok() {
        return Ok(Some(Transferred { content: measure(disk, to)?, linked: true }));
    }
    let source = match disk.open(from, Access::Read) {
        Ok(source) => source,
        Err(error) => {
            return match error.kind() {
                ErrorKind::NotFound | ErrorKind::StaleNetworkFileHandle => Ok(None),
                _ => Err(failed("open", from)(error)),
            };
        }
    };
    // On a file system of another machine a link can be there although its answer was another one.
    drop(disk.remove(to));
    let target = disk.open(to, Access::Create).map_err(failed("create", to))?;
    let content = read(&*source, from, &mut |bytes, offset| {
        target.write_all_at(bytes, offset).map_err(failed("write", to))
    })?;
    target.sync_all().map_err(failed("sync", to))?;
    Ok(Some(Transferred { content, linked: false }))
}

/// What a file holds.
pub(super) fn measure(disk: &dyn Disk, path: &Path) -> Result<Content> {
    let file = disk.open(path, Access::Read).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let reason = "the file is missing".to_owned();
            Error::Corrupt { path: path.to_owned(), offset: 0, reason }
        }
        _ => failed("open", path)(error),
    })?;
    read(&*file, path, &mut |_, _| Ok(()))
}

/// Reads all of a file, piece by piece.
fn read(
    file: &dyn File,
    path: &Path,
    each: &mut dyn FnMut(&[u8], u64) -> Result<()>,
) -> Result<Content> {
    let len = file.len().map_err(failed("read", path))?;
    let mut piece = vec![0; usize::try_from(len).unwrap_or(STEP).min(STEP)];
    let (mut offset, mut crc) = (0, 0);
    while offset < len {
        let rest = usize::try_from(len - offset).unwrap_or(STEP).min(STEP);
        let bytes = &mut piece[..rest];
        file.read_exact_at(bytes, offset).map_err(failed("read", path))?;
        crc = crc32c::crc32c_append(crc, bytes);
        each(bytes, offset)?;
        offset += rest as u64;
    }
    Ok(Content { len, crc })
}
