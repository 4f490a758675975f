//! The process or the power is lost at any call, also while recovering.

use proptest::prelude::*;

use super::*;

/// What the caller of a log knows: what it appended and what must still be there.
#[derive(Debug, Default)]
struct Known {
    /// All bodies appended so far, from position 1 on. A crash may take some from the end.
    bodies: Vec<Vec<u8>>,
    durable: usize,
    /// The place that was saved, as a manifest would.
    saved: Option<Mark>,
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Sync,
    Save,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_usize..1200).prop_map(Step::Append),
        2 => Just(Step::Sync),
        1 => Just(Step::Save),
    ]
}

impl Known {
    fn from(&self) -> Mark {
        self.saved.unwrap_or(Mark::START)
    }

    fn run(&mut self, log: &mut Log, steps: &[Step]) -> Result<()> {
        for step in steps {
            match step {
                Step::Append(len) => {
                    // A commit that is not acknowledged may be there after the crash all the same.
                    let body = body(log.position().0 + 1, *len);
                    log.reserve(body.len())?;
                    self.bodies.push(body);
                    append_body(log, &self.bodies[self.bodies.len() - 1])?;
                }
                Step::Sync => {
                    log.sync()?;
                    self.durable = self.bodies.len();
                }
                Step::Save => {
                    log.sync()?;
                    self.durable = self.bodies.len();
                    self.saved = Some(log.mark());
                    log.release(&log.mark().into())?;
                }
            }
        }
        Ok(())
    }

    /// Compares what a recovery found, which is what there is from now on.
    fn check(&mut self, frames: &Frames) {
        let first = usize::try_from(self.from().position.0).unwrap();
        let found = first + frames.len();
        assert!(found >= self.durable, "only {found} frames of {} durable ones", self.durable);
        assert!(found <= self.bodies.len());
        for (position, body) in frames {
            assert_eq!(body, &self.bodies[usize::try_from(position - 1).unwrap()]);
        }
        self.bodies.truncate(found);
        self.durable = found;
    }
}

/// How a handle of a log ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The process dies; what it has written stays with the system.
    Process,
    /// The machine loses power, with a seed for what of the rest gets to the disk.
    Power(u64),
}

fn rounds() -> impl Strategy<Value = Vec<(Vec<Step>, u64, End)>> {
    let end = prop_oneof![1 => Just(End::Process), 2 => any::<u64>().prop_map(End::Power)];
    let round = (prop::collection::vec(step(), 0..25), 0_u64..60, end);
    prop::collection::vec(round, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Everything stops at any call, also during the recovery from the stop before.
    #[test]
    fn a_crash_at_any_moment_loses_only_what_was_not_durable(rounds in rounds()) {
        const FILE_BYTES: u64 = 3000;
        let mut disk = disk_with_folder();
        drop(create(&disk, FILE_BYTES));
        let mut known = Known::default();
        for (steps, calls, end) in rounds {
            stop(&disk, calls);
            if let Ok((mut log, recovered, frames)) = recover(&disk, FILE_BYTES, known.from()) {
                known.check(&frames);
                prop_assert_eq!(recovered.frames, frames.len() as u64);
                // An error here is the machine's stop.
                drop(known.run(&mut log, &steps));
            }
            match end {
                End::Process => disk.faults().clear(),
                End::Power(seed) => disk = disk.cut_now(Survival::Random(seed)),
            }
        }
        let (mut log, _, frames) = recover(&disk, FILE_BYTES, known.from()).unwrap();
        known.check(&frames);
        known.run(&mut log, &[Step::Append(2000), Step::Append(2000), Step::Sync]).unwrap();
        let (_, recovered, frames) = recover(&disk, FILE_BYTES, known.from()).unwrap();
        known.check(&frames);
        prop_assert_eq!(recovered.cut, None);
    }
}

/// The machine stops at each call of a creation in turn; creating again then works.
#[test]
fn a_creation_can_be_repeated_after_a_stop_at_any_moment() {
    let outcomes = [Survival::Nothing, Survival::Everything, Survival::Random(1)];
    for (calls, survival) in (0..).flat_map(|calls| outcomes.map(|outcome| (calls, outcome))) {
        let disk = disk_with_folder();
        stop(&disk, calls);
        let options = LogOptions { file_bytes: 1000, ..LogOptions::default() };
        let created = Log::create(Arc::new(disk.clone()), DIR.into(), DATABASE, options);
        if created.is_ok() {
            assert!(calls > 4, "there is a lot that can be interrupted");
            break;
        }
        let after = disk.cut_now(survival);
        let mut log = create(&after, 1000);
        append(&mut log, 10);
        assert_eq!(recover(&after, 1000, Mark::START).unwrap().1.frames, 1);
    }
}

/// Two whole files and more behind a frame that was lost, and a stop at each call of the recovery.
#[test]
fn a_recovery_can_be_repeated_after_a_stop_at_any_moment() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    let kept = append(&mut log, 100);
    log.sync().unwrap();
    for len in [500, 800, 800, 800] {
        append(&mut log, len);
    }
    overwrite(&disk, "0000000000000001.log", Mark::START.offset + frame_len(100), &[0; 100]);
    for calls in 0.. {
        let stopped = copy(&disk);
        stop(&stopped, calls);
        if recover(&stopped, 1000, Mark::START).is_ok() {
            assert!(calls > 8, "there is a lot that can be interrupted");
            break;
        }
        for seed in 0..64 {
            let after = stopped.cut_now(Survival::Random(seed));
            let (mut log, _, frames) = recover(&after, 1000, Mark::START).unwrap();
            assert_eq!(frames, [(1, kept.clone())]);
            append(&mut log, 500);
            assert_eq!(recover(&after, 1000, Mark::START).unwrap().1.frames, 2);
        }
    }
}
