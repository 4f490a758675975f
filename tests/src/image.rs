//! A folder of files as plain data: taken, damaged, and put back or elsewhere.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use sop_core::{Access, Disk};

/// Every file under a folder, by its path from there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The files' contents.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    folders: Vec<PathBuf>,
}

impl Image {
    /// Reads everything under a folder.
    ///
    /// # Errors
    /// If something there cannot be read.
    pub fn take(disk: &dyn Disk, top: &Path) -> io::Result<Self> {
        let mut image = Self::default();
        let mut unread = vec![PathBuf::new()];
        while let Some(folder) = unread.pop() {
            for entry in disk.list(&top.join(&folder))? {
                let path = folder.join(&entry.name);
                if entry.is_dir {
                    unread.push(path);
                } else {
                    let file = disk.open(&top.join(&path), Access::Read)?;
                    let mut bytes = vec![0; usize::try_from(entry.len).map_err(io::Error::other)?];
                    file.read_exact_at(&mut bytes, 0)?;
                    image.files.insert(path, bytes);
                }
            }
            image.folders.push(folder);
        }
        image.folders.sort();
        Ok(image)
    }

    /// Writes everything into a folder that holds nothing of the same names.
    ///
    /// # Errors
    /// If the disk refuses something.
    pub fn put(&self, disk: &dyn Disk, top: &Path) -> io::Result<()> {
        for folder in &self.folders {
            disk.create_dir_all(&top.join(folder))?;
        }
        for (path, bytes) in &self.files {
            let path = top.join(path);
            disk.create_dir_all(path.parent().unwrap_or(top))?;
            disk.open(&path, Access::Create)?.write_all_at(bytes, 0)?;
        }
        Ok(())
    }

    /// The same files except that one has another content.
    #[must_use]
    pub fn with(&self, path: &Path, bytes: Vec<u8>) -> Self {
        let mut image = self.clone();
        image.files.insert(path.to_owned(), bytes);
        image
    }

    /// The folders, the top one first.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The same files except those in a folder, and without the folder.
    #[must_use]
    pub fn without_folder(&self, folder: &Path) -> Self {
        let mut image = self.clone();
        image.files.retain(|path, _| !path.starts_with(folder));
        image.folders.retain(|path| !path.starts_with(folder));
        image
    }

    /// The same files except one.
    #[must_use]
    pub fn without(&self, path: &Path) -> Self {
        let mut image = self.clone();
        image.files.remove(path);
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sop_core::MemoryDisk;

    #[test]
    fn what_is_put_is_what_was_taken() -> io::Result<()> {
        let (from, to) = (MemoryDisk::default(), MemoryDisk::default());
        from.create_dir_all(Path::new("db/empty"))?;
        from.create_dir_all(Path::new("db/full"))?;
        from.open(Path::new("db/full/file"), Access::Create)?.write_all_at(b"content", 0)?;
        let image = Image::take(&from, Path::new("db"))?;
        assert_eq!(image.files, [("full/file".into(), b"content".to_vec())].into());
        image.put(&to, Path::new("elsewhere"))?;
        assert_eq!(Image::take(&to, Path::new("elsewhere"))?, image);
        Ok(())
    }
}
