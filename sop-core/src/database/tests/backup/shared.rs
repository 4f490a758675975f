//! Backups of a folder that others write to, and checkpoint, and clean up.

use std::time::Duration;

use super::*;
use crate::{
    Background, ClientDisk, Clock, LinkFate, Mode, SimulatedDisk,
    sync::atomic::{AtomicU64, Ordering},
};

/// Random numbers that never repeat; no time passes.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn random(&self) -> [u8; 16] {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1).to_be_bytes()
    }
}

struct Cluster {
    server: SimulatedDisk,
    clock: Arc<Counting>,
    slots_kept: u64,
    /// What becomes of requests to link files of the backup.
    links: LinkFate,
}

impl Cluster {
    fn builder(&self) -> crate::Builder {
        let disk = ClientDisk::new(Arc::new(self.server.clone()));
        let links = self.links;
        disk.judge_links(
            move |path| {
                if path.starts_with(BACKUP) { links } else { LinkFate::Answered }
            },
        );
        let options = Options::default().mode(Mode::Shared).background(Background::Manual);
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let options = options.shared_slots_kept(self.slots_kept);
        Database::builder().options(options).disk(Arc::new(disk)).clock(clock)
    }

    fn open(&self, root: &str) -> Result<Database> {
        self.builder().open(root)
    }
}

/// What a process holds of a folder, as of now.
fn now(db: &Database) -> Result<Snapshot> {
    db.follow()?;
    db.snapshot()
}

fn run(seed: u64) -> Result<()> {
    let mut random = Random::new(seed);
    let slots_kept = random.pick(&[0, 20, 10_000]);
    let links = random.pick(&[LinkFate::Answered, LinkFate::Unanswered, LinkFate::Lost]);
    let server = SimulatedDisk::new();
    let cluster = Cluster { server, clock: Arc::default(), slots_kept, links };
    let nodes = [cluster.open(SOURCE)?, cluster.open(SOURCE)?];
    let (mut model, mut models) = (Model::new(), BTreeMap::new());
    for _ in 0..8 {
        for _ in 0..random.below(10) {
            let node = &nodes[random.below(2)];
            // One process knows what the other has done when it begins.
            Stores::step(&mut random, node, &mut model)?;
            models.insert(now(node)?.position(), model.clone());
        }
        let node = &nodes[random.below(2)];
        let other = &nodes[random.below(2)];
        let report = node.backup_with(BACKUP, &mut |_| {
            // Others go on meanwhile.
            other.checkpoint().unwrap();
        })?;
        assert!(report.position <= now(node)?.position());
    }
    let held = cluster.builder().check_backup(BACKUP)?;
    let range = &held[random.below(held.len())];
    let span = usize::try_from(range.end() - range.start()).unwrap() + 1;
    let position = range.start() + random.below(span) as u64;
    cluster.builder().restore(BACKUP, TARGET, Some(position))?;
    let empty = Model::new();
    let expected = models.range(..=position).next_back().map_or(&empty, |(_, model)| model);
    assert_goes_on(&cluster, &mut random, position, expected)?;
    assert!(equals(&now(&nodes[0])?, &model)?, "the old one");
    nodes[1].check().map(drop)
}

/// That several processes can go on in the restored folder.
fn assert_goes_on(
    cluster: &Cluster,
    random: &mut Random,
    position: u64,
    model: &Model,
) -> Result<()> {
    let (one, other) = (cluster.open(TARGET)?, cluster.open(TARGET)?);
    assert!(equals(&now(&one)?, model)?, "as of position {position}");
    let mut model = model.clone();
    for _ in 0..3 {
        for db in [&one, &other] {
            work(random, db, &mut model, 3)?;
            db.checkpoint()?;
        }
    }
    for db in [&one, &other, &cluster.open(TARGET)?] {
        assert!(equals(&now(db)?, &model)?, "after more work");
        assert_eq!(db.check()?.problems, Vec::<String>::new());
    }
    Ok(())
}

#[test]
fn a_shared_folder_is_backed_up_beside_others_and_restored_for_several() {
    for_seeds(1..=30, run);
}
