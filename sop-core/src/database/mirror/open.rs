//! Opening a database by two folders.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    found::{Looked, look},
    verdict::{Verdict, judge},
};
use crate::{
    clock::Clock,
    database::{
        Options,
        folder::{self, Usage},
    },
    disk::{
        self, Disk, Lock, LockKind,
        mirrored::{
            MIRROR_FILE, MirroredDisk, Note, Pair, Sides, Standing, Trust, complete, differ,
            rebuild,
        },
        whole,
    },
    error::{Error, MirrorProblem, Result},
    id::Position,
    node::Reading,
    recovery::{self, Site},
};

/// Two folders that are used as one.
pub(in crate::database) struct Mirror {
    pub(in crate::database) disk: Arc<dyn Disk>,
    pub(in crate::database) pair: Arc<Pair>,
    /// Whether one of them can and has to be rebuilt.
    pub(in crate::database) is_to_be_rebuilt: bool,
}

/// Holds the locks of both folders, until it is dropped.
#[derive(Debug)]
struct Locks(Arc<Pair>);

impl Lock for Locks {}

impl Drop for Locks {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

impl Mirror {
    /// What holds the folders.
    pub(in crate::database) fn lock(&self) -> Box<dyn Lock> {
        Box::new(Locks(Arc::clone(&self.pair)))
    }
}

/// Takes hold of two folders and makes them one, if they can be.
pub(in crate::database) fn open(
    disk: &Arc<dyn Disk>,
    roots: &[PathBuf; 2],
    options: &Options,
    clock: &dyn Clock,
) -> Result<Mirror> {
    // Where one cannot even be looked for, it is told from the other by that.
    if let Err(error @ Error::Invalid(_)) = whole::check_apart(&**disk, &roots[0], &roots[1]) {
        return Err(error);
    }
    let opening = Opening { disk, roots, options };
    let (looked, locks) = opening.hold()?;
    let [one, other] = looked;
    let verdict = match judge([one.found, other.found]) {
        Ok(verdict) => verdict,
        Err(Some((side, problem))) => {
            return Err(Error::Mirror { path: roots[side].clone(), problem });
        }
        Err(None) => return Err(opening.neither(one.trouble.or(other.trouble))),
    };
    let looked = [one, other];
    match verdict {
        Verdict::Create => opening.create(locks, clock),
        Verdict::Attach(leader) => opening.attach(leader, locks, clock),
        Verdict::Agree { pair, epoch } => opening.agree(pair, epoch, locks),
        Verdict::Alone { leader, pair, epoch } => {
            let is_to_be_rebuilt = looked[1 - leader].is_there && locks[1 - leader].is_some();
            let why = why(&looked[1 - leader]);
            opening
                .alone(leader, (pair, epoch), why, locks)
                .map(|pair| Mirror { is_to_be_rebuilt, ..mirror(pair) })
        }
    }
}

/// Makes sure that a folder that is opened by itself may be. It says from then on that the other one
/// has fallen behind, if it is to be written to.
pub(in crate::database) fn check_alone(
    disk: &dyn Disk,
    root: &Path,
    is_allowed: bool,
    writes: bool,
) -> Result<()> {
    let has_note =
        disk.list(root).is_ok_and(|entries| entries.iter().any(|entry| entry.name == MIRROR_FILE));
    if !has_note {
        return Ok(());
    }
    let note = match Note::read(disk, root) {
        // It is to be used without the other, and says nothing of it.
        Err(Error::Corrupt { .. }) if is_allowed => return Ok(()),
        other => other?,
    };
    let refused = |problem| Err(Error::Mirror { path: root.to_owned(), problem });
    match note.standing {
        Standing::Unfinished => refused(MirrorProblem::Unfinished),
        _ if !writes => Ok(()),
        _ if !is_allowed => refused(MirrorProblem::OneOfTwo),
        Standing::Alone => Ok(()),
        Standing::Both => {
            let note = Note { epoch: note.epoch + 1, standing: Standing::Alone, ..note };
            note.write(disk, root)
        }
    }
}

type Locked = [Option<Box<dyn Lock>>; 2];

struct Opening<'a> {
    disk: &'a Arc<dyn Disk>,
    roots: &'a [PathBuf; 2],
    options: &'a Options,
}

impl Opening<'_> {
    /// Looks at both folders, and locks those that are there.
    fn hold(&self) -> Result<([Looked; 2], Locked)> {
        let mut looked = Vec::new();
        let mut locks = Vec::new();
        for root in self.roots {
            let mut found = look(self.disk, root)?;
            let mut lock = None;
            if found.is_there && !matches!(found.trouble, Some(Error::Io { .. })) {
                match folder::take_lock(self.disk, root, LockKind::Exclusive) {
                    Ok(held) => {
                        lock = Some(held);
                        // Whoever held it may have changed it meanwhile.
                        found = look(self.disk, root)?;
                    }
                    Err(error @ Error::InUse { .. }) => return Err(error),
                    Err(error) => {
                        use super::verdict::Found::Unusable;
                        found = Looked { found: Unusable, trouble: Some(error), ..found };
                    }
                }
            }
            looked.push(found);
            locks.push(lock);
        }
        let both = "invariant: there are two folders";
        Ok((looked.try_into().expect(both), locks.try_into().expect(both)))
    }

    /// Creates a folder if need be, and locks it.
    fn take(&self, side: usize, locks: &mut Locked) -> Result<()> {
        let root = &self.roots[side];
        if locks[side].is_none() {
            whole::create_dir(&**self.disk, root)?;
            locks[side] = Some(folder::take_lock(self.disk, root, LockKind::Exclusive)?);
        }
        // The lock's name tells a folder that was begun from one that is not ours.
        self.disk.sync_dir(root).map_err(disk::failed("sync", root))
    }

    /// A pair of folders with nothing in them yet.
    fn create(&self, mut locks: Locked, clock: &dyn Clock) -> Result<Mirror> {
        if !self.options.create {
            let reason = "there is no database, nor in its mirror".to_owned();
            return Err(Error::NotADatabase { path: self.roots[0].clone(), reason });
        }
        let note = Note { pair: clock.random(), epoch: 1, standing: Standing::Both };
        for (side, root) in self.roots.iter().enumerate() {
            self.take(side, &mut locks)?;
            note.write(&**self.disk, root)?;
        }
        Ok(mirror(self.pair(Sides::both(note.pair, note.epoch), locks)))
    }

    /// A database that gets a mirror.
    fn attach(&self, leader: usize, mut locks: Locked, clock: &dyn Clock) -> Result<Mirror> {
        self.take(1 - leader, &mut locks)?;
        let note = Note { pair: clock.random(), epoch: 1, standing: Standing::Alone };
        note.write(&**self.disk, &self.roots[leader])?;
        let why = "nothing was copied to it yet".to_owned();
        let sides = Sides::without(note.pair, note.epoch, 1 - leader, why);
        Ok(Mirror { is_to_be_rebuilt: true, ..mirror(self.pair(sides, locks)) })
    }

    /// Two folders that have everything, but for what a crash may have left in one alone.
    fn agree(&self, pair: [u8; 16], epoch: u64, locks: Locked) -> Result<Mirror> {
        let leader = self.further()?;
        let (from, to) = (&self.roots[leader], &self.roots[1 - leader]);
        if let Err(error) = complete(&**self.disk, to, from) {
            // If something is missing, opening will say what.
            tracing::error!(%error, "a mirrored folder could not be completed from the other one");
        }
        if differ(&**self.disk, from, to).is_ok_and(|differ| !differ) {
            let both = Note { pair, epoch, standing: Standing::Both };
            for root in self.roots {
                if Note::read(&**self.disk, root).ok() != Some(both) {
                    both.write(&**self.disk, root)?;
                }
            }
            return Ok(mirror(self.pair(Sides::both(pair, epoch), locks)));
        }
        let why = "it does not hold what the other folder holds".to_owned();
        let pair = self.alone(leader, (pair, epoch), why, locks)?;
        // What does not change is taken as it is: both had it.
        let rebuilt = rebuild(&pair, None, Trust::Immutable, &mut |_| true);
        Ok(Mirror { is_to_be_rebuilt: rebuilt.is_err(), ..mirror(pair) })
    }

    /// One folder goes on without the other, and says so.
    fn alone(
        &self,
        leader: usize,
        (pair, epoch): ([u8; 16], u64),
        why: String,
        locks: Locked,
    ) -> Result<Arc<Pair>> {
        let (root, lost) = (&self.roots[leader], &self.roots[1 - leader]);
        let note = Note { pair, epoch: epoch + 1, standing: Standing::Alone };
        note.write(&**self.disk, root)?;
        tracing::error!(
            lost = %lost.display(), remaining = %root.display(), why,
            "one of two mirrored folders has not everything; the other goes on alone until it is \
             rebuilt"
        );
        Ok(self.pair(Sides::without(pair, note.epoch, 1 - leader, why), locks))
    }

    /// The folder whose log goes further, as a crash or damage may have left the other one shorter.
    fn further(&self) -> Result<usize> {
        match [0, 1].map(|side| survey(self.disk, &self.roots[side], self.options.reading())) {
            [Ok(one), Ok(other)] => Ok(usize::from(other > one)),
            [Ok(_), Err(error)] => Ok(self.despite(1, &error)),
            [Err(error), Ok(_)] => Ok(self.despite(0, &error)),
            [Err(error), Err(_)] => Err(error),
        }
    }

    /// The other folder than a damaged one.
    fn despite(&self, side: usize, error: &Error) -> usize {
        let path = self.roots[side].display();
        tracing::error!(%path, %error, "one of two mirrored folders is damaged");
        1 - side
    }

    fn pair(&self, sides: Sides, locks: Locked) -> Arc<Pair> {
        Arc::new(Pair::new(Arc::clone(self.disk), self.roots.clone(), sides, locks))
    }

    fn neither(&self, trouble: Option<Error>) -> Error {
        trouble.unwrap_or_else(|| Error::NotADatabase {
            path: self.roots[0].clone(),
            reason: "neither it nor its mirror can be used".to_owned(),
        })
    }
}

/// Why a folder has not everything.
fn why(looked: &Looked) -> String {
    match &looked.trouble {
        Some(trouble) => trouble.to_string(),
        None if !looked.is_there => "there is no such folder".to_owned(),
        None => "the other folder was used without it".to_owned(),
    }
}

fn mirror(pair: Arc<Pair>) -> Mirror {
    let disk = Arc::new(MirroredDisk::new(Arc::clone(&pair)));
    Mirror { disk, pair, is_to_be_rebuilt: false }
}

/// How far the log of a folder reaches by itself.
pub(super) fn survey(disk: &Arc<dyn Disk>, root: &Path, reading: Reading) -> Result<Position> {
    let identity = folder::read_format(&**disk, root, Usage::Standalone)?;
    let site = Site {
        disk: Arc::clone(disk),
        root: root.to_owned(),
        database: identity.database,
        incarnation: identity.incarnation,
        reading,
    };
    folder::check_folders(&site, Usage::Standalone)?;
    recovery::survey(&site, &folder::manifests(&site, Usage::Standalone))
}
