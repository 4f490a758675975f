//! Looking at a folder that is to be one of two.

use std::{
    io::ErrorKind::{NotADirectory, NotFound},
    path::Path,
    sync::Arc,
};

use super::verdict::Found;
use crate::{
    database::folder::{self, FORMAT_FILE, Usage},
    disk::{
        self, Disk,
        mirrored::{MIRROR_FILE, Note, Standing},
    },
    error::{Error, Result},
};

/// A folder as it was found.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) found: Found,
    /// Whether there is a folder at all.
    pub(super) is_there: bool,
    /// Why it cannot be used, if it cannot.
    pub(super) trouble: Option<Error>,
}

/// Looks at a folder and changes nothing. Fails if it holds something else than a database of one
/// process.
pub(super) fn look(disk: &Arc<dyn Disk>, root: &Path) -> Result<Looked> {
    let entries = match disk.list(root) {
        Err(error) if error.kind() == NotFound => {
            return Ok(Looked { found: Found::Nothing, is_there: false, trouble: None });
        }
        Err(error) if error.kind() == NotADirectory => {
            let reason = "it is a file".to_owned();
            return Err(Error::NotADatabase { path: root.to_owned(), reason });
        }
        Err(error) => return Ok(unusable(disk::failed("list", root)(error))),
        Ok(entries) => entries,
    };
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let note = match has(MIRROR_FILE).then(|| Note::read(&**disk, root)).transpose() {
        Err(Error::Corrupt { reason, .. }) => {
            tracing::error!(path = %root.display(), reason, "a note on a mirror is damaged");
            None
        }
        // A pair that later code knows how to handle is none that this one may.
        Err(error @ Error::UnsupportedFormat { .. }) => return Err(error),
        Err(error) => return Ok(unusable(error)),
        Ok(note) => note,
    };
    let is_unfinished = note.is_some_and(|note| note.standing == Standing::Unfinished);
    if !has(FORMAT_FILE) && !is_unfinished {
        return unborn(disk, root, note);
    }
    let who = match folder::read_format(&**disk, root, Usage::Standalone) {
        Ok(identity) => Some((identity.database, identity.incarnation)),
        Err(error @ (Error::WrongMode { .. } | Error::UnsupportedFormat { .. })) => {
            return Err(error);
        }
        Err(Error::Corrupt { .. }) => None,
        Err(_) if is_unfinished => None,
        Err(error) => return Ok(unusable(error)),
    };
    let found = note.map_or(Found::Plain(who), |note| Found::Paired(note, who));
    Ok(Looked { found, is_there: true, trouble: None })
}

/// A folder without the file that makes it a database.
fn unborn(disk: &Arc<dyn Disk>, root: &Path, note: Option<Note>) -> Result<Looked> {
    let found = match (folder::check_contents(disk, root, true), note) {
        (Ok(()), _) => Found::Nothing,
        // It was a database, and somebody took that file away.
        (Err(Error::Corrupt { .. }), Some(note)) => Found::Paired(note, None),
        (Err(error @ (Error::Corrupt { .. } | Error::Io { .. })), _) => {
            return Ok(unusable(error));
        }
        (Err(error), _) => return Err(error),
    };
    Ok(Looked { found, is_there: true, trouble: None })
}

fn unusable(trouble: Error) -> Looked {
    Looked { found: Found::Unusable, is_there: true, trouble: Some(trouble) }
}
