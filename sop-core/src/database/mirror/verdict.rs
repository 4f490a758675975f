//! What two folders that are to be mirrors are to each other, by what was found in them: a pure
//! decision.

use crate::{
    disk::mirrored::{Note, Standing},
    error::MirrorProblem,
};

/// Which database a folder is: its identity and incarnation.
pub(super) type Who = ([u8; 16], [u8; 16]);

/// What was found in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No folder, an empty one, or the begin of a database that was never finished.
    Nothing,
    /// A database that says nothing of a mirror, or nothing that can be read; which one, if that can
    /// be read.
    Plain(Option<Who>),
    /// One of two.
    Paired(Note, Option<Who>),
    /// Nothing that can be read.
    Unusable,
}

/// What is to be done with two folders, which are numbered 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A new database is created in both.
    Create,
    /// This one becomes a pair by copying it to the other.
    Attach(usize),
    /// Both have everything, as far as they know.
    Agree { pair: [u8; 16], epoch: u64 },
    /// This one has everything, and the other one has not.
    Alone { leader: usize, pair: [u8; 16], epoch: u64 },
}

/// Decides; or says which folder is in the way, and why. `None` if neither folder can be used.
pub(super) fn judge(found: [Found; 2]) -> Result<Verdict, Option<(usize, MirrorProblem)>> {
    use Found::{Nothing, Paired, Plain, Unusable};
    let [one, other] = found;
    if let (Some(one), Some(other)) = (who(one), who(other))
        && one != other
    {
        return Err(Some((1, MirrorProblem::Foreign)));
    }
    match (one, other) {
        (Nothing, Nothing) => Ok(Verdict::Create),
        (Plain(_), Nothing) => Ok(Verdict::Attach(0)),
        (Nothing | Plain(_), Plain(_)) => Err(Some((1, MirrorProblem::Foreign))),
        (Paired(note, _), Nothing | Unusable) => survivor(0, note),
        (Nothing | Unusable, Paired(note, _)) => survivor(1, note),
        (Paired(note, _), Plain(who)) => Ok(forgotten(0, note, who)),
        (Plain(who), Paired(note, _)) => Ok(forgotten(1, note, who)),
        (Paired(one, _), Paired(other, _)) => pair(one, other),
        (Unusable, _) | (_, Unusable) => Err(None),
    }
}

fn who(found: Found) -> Option<Who> {
    match found {
        Found::Plain(who) | Found::Paired(_, who) => who,
        Found::Nothing | Found::Unusable => None,
    }
}

/// Only one folder is there.
fn survivor(side: usize, note: Note) -> Result<Verdict, Option<(usize, MirrorProblem)>> {
    if note.standing == Standing::Unfinished {
        return Err(Some((side, MirrorProblem::Unfinished)));
    }
    Ok(Verdict::Alone { leader: side, pair: note.pair, epoch: note.epoch })
}

/// One folder says what it is, and the other one, of the same database, has lost its note.
fn forgotten(side: usize, note: Note, other: Option<Who>) -> Verdict {
    let Note { pair, epoch, standing } = note;
    match standing {
        // Which database the other one is cannot be read either: it is of no use as it is.
        Standing::Both if other.is_none() => Verdict::Alone { leader: side, pair, epoch },
        Standing::Both => Verdict::Agree { pair, epoch },
        Standing::Alone => Verdict::Alone { leader: side, pair, epoch },
        Standing::Unfinished => Verdict::Alone { leader: 1 - side, pair, epoch },
    }
}

/// Both say what they are.
fn pair(one: Note, other: Note) -> Result<Verdict, Option<(usize, MirrorProblem)>> {
    use Standing::{Alone, Both, Unfinished};
    if one.pair != other.pair {
        return Err(Some((1, MirrorProblem::Foreign)));
    }
    let alone = |leader: usize| {
        let epoch = [one, other][leader].epoch;
        Ok(Verdict::Alone { leader, pair: one.pair, epoch })
    };
    match (one.standing, other.standing) {
        (Unfinished, Unfinished) => Err(Some((0, MirrorProblem::Unfinished))),
        (_, Unfinished) => alone(0),
        (Unfinished, _) => alone(1),
        (Alone, Alone) => Err(Some((0, MirrorProblem::Parted))),
        (Both, Both) if one.epoch == other.epoch => {
            Ok(Verdict::Agree { pair: one.pair, epoch: one.epoch })
        }
        _ if one.epoch == other.epoch => Err(Some((0, MirrorProblem::Parted))),
        // Whoever knows of the later change was there when it happened.
        _ => alone(usize::from(other.epoch > one.epoch)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Found::*, *};
    use crate::disk::mirrored::Standing::{Alone, Both, Unfinished};

    const ME: Option<Who> = Some(([1; 16], [0; 16]));
    const PAIR: [u8; 16] = [2; 16];

    fn paired(standing: Standing, epoch: u64) -> Found {
        Paired(Note { pair: PAIR, epoch, standing }, ME)
    }

    fn alone(leader: usize, epoch: u64) -> Verdict {
        Verdict::Alone { leader, pair: PAIR, epoch }
    }

    fn refused(
        side: usize,
        problem: MirrorProblem,
    ) -> Result<Verdict, Option<(usize, MirrorProblem)>> {
        Err(Some((side, problem)))
    }

    #[test]
    fn new_folders_become_a_pair_and_a_database_gets_a_mirror() {
        assert_eq!(judge([Nothing, Nothing]), Ok(Verdict::Create));
        assert_eq!(judge([Plain(ME), Nothing]), Ok(Verdict::Attach(0)));
    }

    #[test]
    fn nothing_that_is_there_is_taken_for_a_mirror() {
        assert_eq!(judge([Nothing, Plain(ME)]), refused(1, MirrorProblem::Foreign));
        assert_eq!(judge([Plain(ME), Plain(ME)]), refused(1, MirrorProblem::Foreign));
        let stranger = Some(([9; 16], [0; 16]));
        assert_eq!(judge([Plain(ME), Plain(stranger)]), refused(1, MirrorProblem::Foreign));
        assert_eq!(judge([paired(Both, 1), Plain(stranger)]), refused(1, MirrorProblem::Foreign));
        let restored =
            Paired(Note { pair: PAIR, epoch: 1, standing: Both }, Some(([1; 16], [7; 16])));
        assert_eq!(judge([paired(Both, 1), restored]), refused(1, MirrorProblem::Foreign));
        let other = Paired(Note { pair: [8; 16], epoch: 1, standing: Both }, ME);
        assert_eq!(judge([paired(Both, 1), other]), refused(1, MirrorProblem::Foreign));
    }

    #[test]
    fn one_folder_is_enough_unless_it_is_unfinished() {
        for gone in [Nothing, Unusable] {
            for standing in [Both, Alone] {
                assert_eq!(judge([paired(standing, 4), gone]), Ok(alone(0, 4)));
                assert_eq!(judge([gone, paired(standing, 4)]), Ok(alone(1, 4)));
            }
            assert_eq!(judge([paired(Unfinished, 4), gone]), refused(0, MirrorProblem::Unfinished));
            assert_eq!(judge([gone, paired(Unfinished, 4)]), refused(1, MirrorProblem::Unfinished));
        }
        let both = [paired(Unfinished, 4), paired(Unfinished, 4)];
        assert_eq!(judge(both), refused(0, MirrorProblem::Unfinished));
        assert_eq!(judge([Unusable, Unusable]), Err(None));
        assert_eq!(judge([Unusable, Nothing]), Err(None));
        assert_eq!(judge([Plain(ME), Unusable]), Err(None));
    }

    #[test]
    fn the_folder_that_went_on_alone_has_everything() {
        let agree = Ok(Verdict::Agree { pair: PAIR, epoch: 3 });
        assert_eq!(judge([paired(Both, 3), paired(Both, 3)]), agree);
        assert_eq!(judge([paired(Alone, 4), paired(Both, 3)]), Ok(alone(0, 4)));
        assert_eq!(judge([paired(Both, 3), paired(Alone, 4)]), Ok(alone(1, 4)));
        assert_eq!(judge([paired(Alone, 4), paired(Unfinished, 4)]), Ok(alone(0, 4)));
        assert_eq!(judge([paired(Unfinished, 4), paired(Both, 5)]), Ok(alone(1, 5)));
        assert_eq!(
            judge([paired(Both, 5), paired(Alone, 4)]),
            Ok(alone(0, 5)),
            "an old copy came back"
        );
    }

    #[test]
    fn folders_that_each_went_on_alone_are_refused() {
        for epochs in [(4, 4), (4, 9), (9, 4)] {
            let found = [paired(Alone, epochs.0), paired(Alone, epochs.1)];
            assert_eq!(judge(found), refused(0, MirrorProblem::Parted));
        }
        assert_eq!(judge([paired(Both, 4), paired(Alone, 4)]), refused(0, MirrorProblem::Parted));
    }

    #[test]
    fn a_note_that_is_lost_is_made_up_for_by_the_other() {
        let agree = Ok(Verdict::Agree { pair: PAIR, epoch: 3 });
        assert_eq!(judge([Plain(ME), paired(Both, 3)]), agree);
        assert_eq!(judge([paired(Both, 3), Plain(ME)]), agree);
        assert_eq!(judge([paired(Both, 3), Plain(None)]), Ok(alone(0, 3)));
        assert_eq!(judge([Plain(ME), paired(Alone, 3)]), Ok(alone(1, 3)));
        assert_eq!(judge([Plain(ME), paired(Unfinished, 3)]), Ok(alone(0, 3)));
    }
}
