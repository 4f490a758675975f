//! Slots that are handed on past the folder: true ones save looks, and false ones are seen through.

use super::*;
use crate::{Access, limit::CARRIED_LEN_MAX, log::shared::SlotHeader};

/// Hands on what it was given, each once.
#[derive(Debug, Default)]
struct Hand(Mutex<Vec<(u64, Vec<u8>)>>);

impl Carrier for Hand {
    fn take(&self, position: Position) -> Option<Arc<[u8]>> {
        let mut slots = self.0.lock();
        let found = slots.iter().position(|(at, _)| *at == position.0)?;
        Some(slots.swap_remove(found).1.into())
    }

    fn give(&self, position: Position, slot: Option<&[u8]>) {
        self.0.lock().push((position.0, slot.unwrap_or_default().to_vec()));
    }
}

impl Node {
    /// Follows, and is handed slots meanwhile.
    fn follow_with(&mut self, slots: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Result<Followed> {
        self.log.hand_on_by(Arc::new(Hand(Mutex::new(slots.into_iter().collect()))));
        self.follow()
    }
}

/// What is in the file of a slot.
fn bytes(server: &SimulatedDisk, position: u64) -> Vec<u8> {
    let file = server.open(&slot_path(position), Access::Read).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// A slot that somebody could have linked behind what a process has applied, and has not.
fn never_linked(node: &Node, batch: u64) -> Vec<u8> {
    let tip = node.log.anchor().tip;
    let mut record = vec![0; SLOT_HEADER_LEN];
    record.extend_from_slice(&batch.to_le_bytes());
    let header = SlotHeader {
        database: DATABASE,
        position: tip.position.next(),
        kind: Kind::Batch,
        member: node.log.member(),
        sequence: node.log.anchor().members.sequence(node.log.member()).unwrap() + 1,
        nonce: [0xee; 16],
        base: tip.nonce,
    };
    header.seal(&mut record).unwrap();
    record
}

/// One that has appended three batches from position 3 on, and another one that knows of none.
fn ahead_and_behind() -> (SimulatedDisk, Node, Node) {
    let server = server();
    let [mut ahead, behind] = open_all(&server);
    for batch in 10..13 {
        ahead.append(batch).unwrap();
    }
    (server, ahead, behind)
}

#[test]
fn of_a_run_that_was_handed_on_only_the_last_file_is_opened() {
    let (server, _, mut behind) = ahead_and_behind();
    let slots = [3, 4, 5].map(|at| (at, bytes(&server, at)));
    // Nobody removes slots like that; it shows that they are not needed.
    server.remove(&slot_path(3)).unwrap();
    server.remove(&slot_path(4)).unwrap();
    behind.follow_with(slots).unwrap();
    assert_eq!(behind.batches, [10, 11, 12]);
}

#[test]
fn what_was_handed_on_is_followed_by_what_is_in_the_folder() {
    let (server, _, mut behind) = ahead_and_behind();
    let slots = [3, 5].map(|at| (at, bytes(&server, at)));
    behind.follow_with(slots).unwrap();
    assert_eq!(behind.batches, [10, 11, 12]);
}

#[test]
fn a_slot_that_was_handed_on_and_never_linked_is_not_believed() {
    let (server, ahead, mut behind) = ahead_and_behind();
    // In the place of one that there is, and behind the last one.
    behind.follow_with([(3, never_linked(&behind, 99))]).unwrap();
    assert_eq!(behind.batches, [10, 11, 12]);
    behind.follow_with([(6, never_linked(&ahead, 99))]).unwrap();
    assert_eq!(behind.batches, [10, 11, 12]);
    drop(server);
}

#[test]
fn bytes_that_are_no_slot_of_that_place_are_ignored() {
    let (server, _, mut behind) = ahead_and_behind();
    let mut damaged = bytes(&server, 3);
    *damaged.last_mut().unwrap() ^= 1;
    for wrong in [damaged, bytes(&server, 4), bytes(&server, 3)[..40].to_vec(), Vec::new()] {
        let before = behind.batches.len();
        behind.follow_with([(3 + before as u64, wrong)]).unwrap();
        assert_eq!(behind.batches, [10, 11, 12]);
    }
}

#[test]
fn what_was_handed_on_of_slots_that_are_dead_does_not_count() {
    let (server, mut ahead, mut behind) = ahead_and_behind();
    let slots = [3, 4, 5].map(|at| (at, bytes(&server, at)));
    ahead.checkpoint(5);
    assert_eq!(behind.follow_with(slots).unwrap(), Followed::Behind);
    assert_eq!(behind.batches, [0; 0]);
    ahead.append(13).unwrap();
    behind.begin_anew();
    behind.follow().unwrap();
    assert_eq!(behind.batches, [10, 11, 12, 13]);
}

#[test]
fn what_is_linked_is_handed_on_before_its_name_is_durable() {
    let (server, mut ahead, mut behind) = ahead_and_behind();
    let hand = Arc::new(Hand::default());
    ahead.log.hand_on_by(hand.clone());
    fail_syncs_of_names(&server);
    assert!(ahead.append(13).is_err(), "its name may be lost");
    let slots = std::mem::take(&mut *hand.0.lock());
    assert_eq!(slots, [(6, bytes(&server, 6))]);
    // Whoever is handed it makes its name durable, and does not go on without that.
    behind.follow().unwrap_err();
    assert_eq!(behind.batches, [0; 0]);
    server.faults().clear();
    behind.follow().unwrap();
    behind.follow_with(slots).unwrap();
    assert_eq!(behind.batches, [10, 11, 12, 13]);
}

#[test]
fn slots_that_are_long_or_of_no_batch_are_not_handed_on() {
    let (_server, mut ahead, _) = ahead_and_behind();
    let hand = Arc::new(Hand::default());
    ahead.log.hand_on_by(hand.clone());
    let mut long = vec![0; CARRIED_LEN_MAX + 1];
    assert!(matches!(ahead.log.append(&mut long), Ok(Appended::At(_))));
    ahead.log.fill().unwrap();
    ahead.log.lease(1).unwrap();
    let lens: Vec<_> = hand.0.lock().iter().map(|(at, slot)| (*at, slot.len())).collect();
    assert_eq!(lens, [(6, 0), (7, SLOT_HEADER_LEN)]);
}
