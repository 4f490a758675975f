//! Pins: what keeps the files of a checkpoint of a shared folder from being removed.
//!
//! A pin is an empty file whose name says whose it is and which manifest it is on; that one and all
//! newer ones stay, with everything that they name. Whoever pins looks afterwards whether its
//! manifest was still among the kept ones. Whoever removes looks at the manifests first and at the
//! pins second. So one of the two sees the other.
//!
//! Pins need not last: whoever has set one ends with the machine that would lose it.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::{Access, Disk, failed},
    error::Result,
    log::shared::{Member, author, member},
};

/// The folder of pins.
#[derive(Clone, Debug)]
pub(crate) struct PinFolder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// Keeps the manifest of a number and all newer ones, for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) member: Member,
    pub(crate) number: u64,
}

impl Pin {
    fn name(self) -> String {
        format!("{}-{:016x}.pin", author(self.member), self.number)
    }

    /// The pin with this file name, if it is the name of one.
    fn of(name: &str) -> Option<Self> {
        let (author, number) = name.strip_suffix(".pin")?.split_once('-')?;
        let number = u64::from_str_radix(number, 16).ok()?;
        Some(Self { member: member(author)?, number }).filter(|pin| pin.name() == name)
    }
}

impl PinFolder {
    /// The pins of the database in a folder.
    pub(crate) fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { disk, path: root.join("pin") }
    }

    /// Sets a pin, which counts if its manifest is still kept after this.
    pub(crate) fn set(&self, pin: Pin) -> Result<()> {
        let path = self.path.join(pin.name());
        match self.disk.open(&path, Access::Create) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(failed("create", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Takes a pin away, if nobody else has.
    pub(crate) fn remove(&self, pin: Pin) -> Result<()> {
        let path = self.path.join(pin.name());
        match self.disk.remove(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// All pins, in any order, as of this call or later.
    pub(crate) fn all(&self) -> Result<Vec<Pin>> {
        self.disk.refresh_dir(&self.path).map_err(failed("look at", &self.path))?;
        let entries = self.disk.list(&self.path).map_err(failed("list", &self.path))?;
        Ok(entries.iter().filter_map(|entry| Pin::of(entry.name.to_str()?)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryDisk;

    #[test]
    fn pins_are_what_their_names_say_and_other_files_are_none() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let pins = PinFolder::new(Arc::clone(&disk), Path::new("/db"));
        disk.create_dir_all(Path::new("/db/pin")).unwrap();
        let (one, other) = (Pin { member: [1; 16], number: 7 }, Pin { member: [2; 16], number: 7 });
        for pin in [one, other, one] {
            pins.set(pin).unwrap();
        }
        for name in ["x.pin", "1-7.pin", &one.name().replace('7', "g")] {
            disk.open(&Path::new("/db/pin").join(name), Access::Create).unwrap();
        }
        assert_eq!(pins.all().unwrap(), [one, other]);
        pins.remove(one).unwrap();
        pins.remove(one).unwrap();
        assert_eq!(pins.all().unwrap(), [other]);
    }
}
