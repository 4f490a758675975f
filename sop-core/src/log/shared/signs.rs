//! What lies in the folder of unfinished files: whose it is, and what of it is a sign of life.
//!
//! The name of a member's file begins with the member's. One that has nothing to append shows that
//! it lives by *beats*: empty files whose names count, each in place of the one before. So one
//! listing of the folder shows how all members are, whatever clocks and caches say.

use std::ffi::{OsStr, OsString};

use super::{
    Member, Members, Slots,
    slots::{AUTHOR_LEN, author},
};
use crate::{
    Result,
    disk::{Access, failed},
};

/// What stands between a member and a count in the name of a beat.
const BEAT: &str = "-beat-";

/// A file in the folder of unfinished files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    pub(crate) name: OsString,
    /// Who made it, if its name says so.
    pub(crate) author: Option<Member>,
    /// Which of its author's beats it is, if it is one.
    pub(crate) beat: Option<u64>,
}

impl Unfinished {
    fn of(name: OsString) -> Self {
        let (author, rest) = name.to_str().and_then(split).unzip();
        let beat = rest.and_then(|rest| rest.strip_prefix(BEAT)?.parse().ok());
        Self { name, author, beat }
    }
}

/// A member's name, and what follows it.
fn split(name: &str) -> Option<(Member, &str)> {
    let (digits, rest) = name.split_at_checked(AUTHOR_LEN)?;
    let author = u128::from_str_radix(digits, 16).ok()?;
    Some((author.to_be_bytes(), rest))
}

impl Slots {
    /// All unfinished files, as of this call or later.
    pub(crate) fn unfinished_now(&self) -> Result<Vec<Unfinished>> {
        let dir = &self.unfinished;
        let entries = self.disk.refresh_dir(dir).and_then(|()| self.disk.list(dir));
        let entries = entries.map_err(failed("list", dir))?;
        Ok(entries.into_iter().map(|entry| Unfinished::of(entry.name)).collect())
    }

    /// Makes the next beat of a member, and takes away the one before.
    pub(crate) fn beat(&self, member: Member, count: u64) -> Result<()> {
        let path = self.unfinished.join(beat_name(member, count));
        self.disk.open(&path, Access::Create).map_err(failed("create", &path))?;
        if let Some(before) = count.checked_sub(1).filter(|before| *before > 0) {
            self.end_beats(member, before);
        }
        Ok(())
    }

    /// Takes a member's beat away.
    pub(crate) fn end_beats(&self, member: Member, count: u64) {
        self.discard(&self.unfinished.join(beat_name(member, count)));
    }

    /// Removes what members that have ended were about to link; how many files. Others may do the
    /// same at the same time.
    pub(crate) fn remove_left_by_ended(&self, members: &Members) -> Result<u64> {
        let files = self.unfinished_now()?;
        let has_ended = |file: &&Unfinished| file.author.is_some_and(|who| members.has_ended(who));
        self.remove_unfinished(files.iter().filter(has_ended).map(|file| &*file.name))
    }

    /// Removes unfinished files; how many. Others may do the same at the same time.
    pub(crate) fn remove_unfinished<'a>(
        &self,
        names: impl Iterator<Item = &'a OsStr>,
    ) -> Result<u64> {
        self.remove_all(names.map(|name| self.unfinished.join(name)))
    }
}

fn beat_name(member: Member, count: u64) -> String {
    format!("{}{BEAT}{count}", author(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_a_file_is_and_whether_it_is_a_beat() {
        let member = *b"0123456789abcdef";
        let of = |name: &str| {
            let Unfinished { author, beat, .. } = Unfinished::of(name.into());
            (author, beat)
        };
        assert_eq!(of(&beat_name(member, 12)), (Some(member), Some(12)));
        assert_eq!(of(&format!("{}-3", author(member))), (Some(member), None));
        assert_eq!(of(&format!("{}-beat-x", author(member))), (Some(member), None));
        assert_eq!(of("FORMAT-30313233343536373839616263646566"), (None, None));
        assert_eq!(of("short"), (None, None));
    }
}
