//! Small files, written and read as a whole.

use std::{io, path::Path};

use super::{Access, Disk, File, failed};
use crate::{
    Error, Result,
    guard::{self, Guard},
};

/// Makes `bytes` the durable content of `target`, which has either its old content or the new one
/// at every moment. Goes by way of `tmp`, a name in the same file system that must be free.
///
/// After a failure `target` is as it was, unless syncing its folder is what failed.
pub(crate) fn write_new_file(
    disk: &dyn Disk,
    tmp: &Path,
    target: &Path,
    bytes: &[u8],
) -> Result<()> {
    let file = disk.open(tmp, Access::Create).map_err(failed("create", tmp))?;
    let written = file
        .write_all_at(bytes, 0)
        .map_err(failed("write", tmp))
        .and_then(|()| sync(&*file).map_err(failed("sync", tmp)))
        .and_then(|()| disk.rename(tmp, target).map_err(failed("rename", tmp)));
    if let Err(error) = written {
        // The first failure is the one worth reporting; a file left in the way is found by its name.
        drop(disk.remove(tmp));
        return Err(error);
    }
    if guard::stands(Guard::ManifestNameSync) {
        let dir = target.parent().unwrap_or(Path::new(""));
        disk.sync_dir(dir).map_err(failed("sync", dir))?;
    }
    Ok(())
}

fn sync(file: &dyn File) -> io::Result<()> {
    if guard::stands(Guard::ManifestSync) { file.sync_all() } else { Ok(()) }
}

/// All of a file that is known to be small; a longer one is damaged.
pub(crate) fn read_file(disk: &dyn Disk, path: &Path, max_len: usize) -> Result<Vec<u8>> {
    let file = disk.open(path, Access::Read).map_err(failed("open", path))?;
    let found = file.len().map_err(failed("read", path))?;
    let len = usize::try_from(found).ok().filter(|len| *len <= max_len).ok_or_else(|| {
        let reason = format!("it has {found} bytes where at most {max_len} are expected");
        Error::Corrupt { path: path.to_owned(), offset: max_len as u64, reason }
    })?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0).map_err(failed("read", path))?;
    Ok(bytes)
}
