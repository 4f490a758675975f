//! One database, the disk that it is on, and what becomes of both.

use std::{path::Path, sync::Arc, time::Duration};

use sop_core::{
    Background, Database, Disk, Fault, FaultyDisk, Mode, Options, Result, SimulatedDisk, Survival,
};

const ROOT: &str = "/db";

/// A database as one process has it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) disk: SimulatedDisk,
    /// What this process sees of the disk.
    process: FaultyDisk,
    pub(super) db: Database,
    mode: Mode,
}

impl Site {
    pub(super) fn new(mode: Mode) -> Result<Self> {
        let disk = SimulatedDisk::new();
        disk.create_dir_all(Path::new("/")).expect("it is in memory");
        Self::on(disk, mode)
    }

    fn on(disk: SimulatedDisk, mode: Mode) -> Result<Self> {
        let process = FaultyDisk::new(Arc::new(disk.clone()));
        let options = Options::default().background(Background::Manual).mode(mode);
        let builder = Database::builder().options(options).disk(Arc::new(process.clone()));
        let db = builder.open(ROOT)?;
        Ok(Self { disk, process, db, mode })
    }

    /// As another process has the same folder.
    pub(super) fn beside(&self) -> Result<Self> {
        Self::on(self.disk.clone(), self.mode)
    }

    /// Whether it has something to do.
    pub(super) fn is_due(&self) -> bool {
        self.db.work_due_in() == Some(Duration::ZERO)
    }

    /// Does what the database has to do. After a crash that fails, and is over.
    pub(super) fn work(&self) {
        while matches!(self.db.work(), Ok(Some(_))) {}
    }

    /// Does what it has to do, until the process ends after so many calls; whether there were as many.
    pub(super) fn work_until(&self, calls: u64) -> bool {
        let faults = self.process.faults();
        let end = faults.calls() + calls;
        faults.from(end, Fault::Ended);
        self.work();
        faults.calls() > end
    }

    /// The process ends: nothing that it does from now on reaches the disk.
    pub(super) fn end(&self) {
        let faults = self.process.faults();
        faults.from(faults.calls(), Fault::Ended);
    }

    /// The process ends and the power fails; the database as somebody opens it anew then.
    pub(super) fn crash(&self, survival: Survival) -> Result<Self> {
        self.end();
        Self::on(self.disk.cut_now(survival), self.mode)
    }
}
