//! `global`: what it costs to commit to several databases at once.
//!
//! One session writes one entry to each of them and waits until all of it is durable. Once as one
//! transaction, once as one in each, which a crash can leave half done, and in SQLite's attached
//! databases. What is in them at the end is counted.

use crate::{
    Result,
    data::{Data, KEY_LEN, VALUE_LEN},
    engines::Settings,
    frame::{Common, Recorder, Suite, Unit, seconds},
    global::{Several, Sop, Sqlite},
    measure::{repeat, timed},
};
use clap::{Args, ValueEnum};
use std::{fs, path::Path, time::Duration};

/// How several databases are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// One transaction over all of SOP's databases.
    Sop,
    /// A transaction in each of SOP's databases.
    SopApart,
    /// SQLite's attached databases.
    Sqlite,
}

/// One session commits to several databases, durably
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    #[command(flatten)]
    common: Common<Peer>,

    /// Seconds with each number of databases
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
}

/// Numbers of databases, and what that is called.
const COUNTS: [(usize, &str); 3] = [(1, "commit_1"), (2, "commit_2"), (3, "commit_3")];

impl Suite for Global {
    const NAME: &'static str = "global";
    type Peer = Peer;
    const OURS: Peer = Peer::Sop;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        format!(
            "one session, an entry with a key of {KEY_LEN} B and a value of {VALUE_LEN} B in each of \
             1, 2 and 3 databases, {:?} each",
            self.seconds
        )
    }

    fn settings(peer: &Peer) -> Settings {
        match peer {
            Peer::Sop => Sop::<true>::settings(),
            Peer::SopApart => Sop::<false>::settings(),
            Peer::Sqlite => Sqlite::settings(),
        }
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        COUNTS.iter().try_for_each(|count| match peer {
            Peer::Sop => self.measure::<Sop<true>>(*count, folder, recorder),
            Peer::SopApart => self.measure::<Sop<false>>(*count, folder, recorder),
            Peer::Sqlite => self.measure::<Sqlite>(*count, folder, recorder),
        })
    }
}

impl Global {
    fn measure<S: Several>(
        &self,
        (count, name): (usize, &str),
        folder: &Path,
        recorder: &Recorder,
    ) -> Result<()> {
        let folder = folder.join(count.to_string());
        fs::create_dir(&folder)?;
        let (data, mut databases) = (Data::new(recorder.seed()), S::open(&folder, count)?);
        let mut written = 0;
        let cost = timed(|| {
            repeat(self.seconds, 1, || {
                let (key, value) = (data.key(written), data.value(written, 0));
                written += 1;
                databases.put(&key, &value)
            })
        })?;
        recorder.rate(name, 1, Unit::Operations, &cost)?;
        if databases.entries()? == vec![written; count] {
            Ok(())
        } else {
            Err("what was written is not everywhere".into())
        }
    }
}
