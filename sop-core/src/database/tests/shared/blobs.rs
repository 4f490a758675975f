//! Blobs in a folder that several processes share.

use super::*;
use crate::BlobOptions;

/// Looks after which somebody who shows nothing is expelled, with the usual patience.
const PATIENCE: u64 = 14;

const CHUNK: usize = 4_096;

/// Short chunks, all of them in files.
fn options() -> BlobOptions {
    BlobOptions::default().chunk_len(CHUNK).logged_len(0)
}

fn content(seed: u8, chunks: usize) -> Vec<u8> {
    (0..251).cycle().take(chunks * CHUNK).map(|at| seed.wrapping_add(at)).collect()
}

/// A transaction that has appended to a blob, with its chunks in a file already.
fn uploading(node: &Node, name: &str, content: &[u8]) -> Result<Transaction> {
    let transaction = node.db.begin()?;
    let blobs = transaction.open_blobs("blobs", &options())?;
    let blob = if blobs.contains(name)? { blobs.open(name)? } else { blobs.create(name)? };
    blob.append(content)?;
    Ok(transaction)
}

/// All of a blob, as of now; nothing if it is not there.
fn read(node: &Node, name: &str) -> Option<Vec<u8>> {
    node.db.follow().unwrap();
    let snapshot = node.db.snapshot().unwrap();
    let Ok(blobs) = snapshot.blobs("blobs") else { return None };
    let blob = blobs.find(name).unwrap()?;
    let mut content = vec![0; usize::try_from(blob.len().unwrap()).unwrap()];
    assert_eq!(blob.read_at(0, &mut content).unwrap(), content.len());
    assert_eq!(blob.checksum().unwrap(), crc32c::crc32c(&content));
    Some(content)
}

fn assert_sound(node: &Node) {
    assert_eq!(node.db.check().unwrap().problems, Vec::<String>::new());
}

/// Writes a checkpoint of something new.
fn checkpoint(node: &Node) {
    node.write("beat", &node.db.stats().position.to_string()).unwrap();
    node.db.checkpoint().unwrap();
}

#[test]
fn what_one_uploads_all_read_before_and_after_checkpoints() {
    let (cluster, [one, other]) = Cluster::of();
    uploading(&one, "film", &content(1, 5)).unwrap().commit().unwrap();
    assert!(read(&other, "film").unwrap() == content(1, 5));
    uploading(&other, "film", &content(2, 2)).unwrap().commit().unwrap();
    let whole = [content(1, 5), content(2, 2)].concat();
    for node in [&other, &one] {
        checkpoint(node);
        for reader in [&one, &other] {
            assert!(read(reader, "film").unwrap() == whole);
            assert_sound(reader);
        }
    }
    let third = cluster.open().unwrap();
    assert!(read(&third, "film").unwrap() == whole);
    assert_sound(&third);
}

#[test]
fn an_upload_that_is_overtaken_is_merged_anew() {
    let (cluster, [one, other]) = Cluster::of();
    uploading(&one, "film", &content(1, 3)).unwrap().commit().unwrap();
    let upload = uploading(&one, "mine", &content(2, 3)).unwrap();
    before_link(&one, ".slot", move || {
        uploading(&other, "yours", &content(3, 3)).unwrap().commit().unwrap();
    });
    assert!(upload.commit().unwrap().merged);
    for (name, seed) in [("film", 1), ("mine", 2), ("yours", 3)] {
        assert!(read(&one, name).unwrap() == content(seed, 3), "{name}");
    }
    assert_sound(&one);
    let third = cluster.open().unwrap();
    assert!(read(&third, "mine").unwrap() == content(2, 3));
}

#[test]
fn an_upload_that_is_refused_after_it_was_overtaken_leaves_no_file() {
    let (cluster, [one, other]) = Cluster::of();
    uploading(&one, "film", &content(1, 3)).unwrap().commit().unwrap();
    let upload = uploading(&one, "film", &content(2, 3)).unwrap();
    before_link(&one, ".slot", move || {
        uploading(&other, "film", &content(3, 3)).unwrap().commit().unwrap();
    });
    assert!(matches!(upload.commit(), Err(Error::Conflict(_))));
    assert!(read(&one, "film").unwrap() == [content(1, 3), content(3, 3)].concat());
    assert_eq!(files(&cluster, "seg"), 2, "of the first and of the other one");
    assert_sound(&one);
}

#[test]
fn an_upload_that_is_dropped_leaves_no_file() {
    let (cluster, [one]) = Cluster::of();
    one.write("a", "0").unwrap();
    let before = (files(&cluster, "seg"), files(&cluster, "tmp"));
    drop(uploading(&one, "film", &content(1, 3)).unwrap());
    assert_eq!((files(&cluster, "seg"), files(&cluster, "tmp")), before);
}

#[test]
fn what_was_uploaded_before_it_was_taken_for_dead_has_to_be_uploaded_again() {
    let (cluster, [one, other]) = Cluster::of();
    let upload = uploading(&other, "film", &content(1, 3)).unwrap();
    cluster.pass(PATIENCE, &[&one]);
    checkpoint(&one);
    let told = upload.commit();
    assert!(matches!(&told, Err(error @ Error::Expelled) if error.is_retryable()), "{told:?}");
    uploading(&other, "film", &content(2, 3)).unwrap().commit().unwrap();
    assert!(read(&one, "film").unwrap() == content(2, 3));
    checkpoint(&other);
    assert_sound(&one);
    assert_eq!(files(&cluster, "tmp"), 1, "what the living one shows itself by");
}

#[test]
fn what_somebody_uploaded_who_died_goes_with_the_next_checkpoint() {
    let (cluster, [one, other]) = Cluster::of();
    checkpoint(&one);
    let before = files(&cluster, "seg");
    let _abandoned = uploading(&other, "film", &content(1, 3)).unwrap();
    cluster.pass(PATIENCE, &[&one]);
    checkpoint(&one);
    assert_eq!(files(&cluster, "seg"), before + 1, "the checkpoint has one of its own");
    assert_eq!(files(&cluster, "tmp"), 1, "what the living one shows itself by");
}
