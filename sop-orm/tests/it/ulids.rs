//! ULIDs as keys, columns and fields.

use std::{collections::BTreeSet, path::Path};

use sop_orm::{Entity, Ulid, prelude::*};

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "messages", index(by_thread(thread, id desc)))]
struct Message {
    #[sop(key(auto = ulid))]
    id: Ulid,
    text: String,
    /// The message that the talk began with.
    #[sop(belongs_to(Message))]
    thread: Option<Ulid>,
    #[sop(default, unique(by_token))]
    token: Option<Ulid>,
    #[sop(default, index(by_reader, each))]
    readers: BTreeSet<Ulid>,
}

/// The same store without most fields, as an older program knows it.
mod lean {
    use sop_orm::{Ulid, prelude::*};

    #[derive(SopStore, Debug)]
    #[sop(store = "messages")]
    pub(super) struct Message {
        #[sop(key(auto = ulid))]
        pub(super) id: Ulid,
        pub(super) text: String,
    }
}

/// With a UUID where the ULID was.
mod retyped {
    use sop_orm::prelude::*;

    #[derive(SopStore, Debug)]
    #[sop(store = "messages")]
    pub(super) struct Message {
        #[sop(key(auto = uuid7))]
        pub(super) id: Id<Message>,
        pub(super) text: String,
    }
}

fn message(number: usize, thread: Option<Ulid>) -> NewMessage {
    NewMessage { text: format!("message {number}"), thread }
}

async fn open<E: Entity>(folder: &Path) -> Result<Db> {
    Db::builder().store::<E>().fill_at_once(u64::MAX).open(folder).await
}

#[tokio::test]
async fn records_lie_in_the_order_in_which_they_were_made() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut made = Vec::new();
    for life in 0..3 {
        let db = open::<Message>(folder.path()).await?;
        let s = db.session();
        for number in 0..100 {
            made.push(s.of::<Message>().insert(message(life * 100 + number, None)).await?.id);
        }
        s.commit().await?;
        db.close().await?;
    }
    assert!(made.is_sorted_by(|one, other| one < other), "keys grow from one life to the next");
    let db = open::<Message>(folder.path()).await?;
    let s = db.session();
    let stored = s.of::<Message>().by_key().all().await?;
    assert!(stored.iter().map(|message| message.id).eq(made.iter().copied()));
    let since = s.of::<Message>().by_key().range(made[250]..).keys().all().await?;
    assert_eq!(since, made[250..]);
    Ok(())
}

#[tokio::test]
async fn ulids_are_columns_of_every_kind_of_index() -> Result<()> {
    let db = Db::builder().store::<Message>().ephemeral().await?;
    let s = db.session();
    let messages = s.of::<Message>();
    let first = messages.insert(message(0, None)).await?.id;
    let mut answers = Vec::new();
    for number in 1..4 {
        answers.push(messages.insert(message(number, Some(first))).await?.id);
    }
    messages.edit(answers[1]).await?.token = Some(Ulid(7));
    messages.edit(answers[2]).await?.readers = BTreeSet::from([first, Ulid::max()]);
    s.commit().await?;

    let s = db.session();
    let messages = s.of::<Message>();
    answers.reverse();
    assert_eq!(messages.by_thread().prefix(Some(first)).keys().all().await?, answers);
    assert_eq!(messages.by_token(Ulid(7)).await?.map(|found| found.id), Some(answers[1]));
    assert_eq!(messages.by_reader().prefix(Ulid::max()).keys().all().await?, [answers[0]]);
    messages.edit(answers[0]).await?.token = Some(Ulid(7));
    assert!(matches!(s.commit().await, Err(Error::Duplicate(_))));

    let s = db.session();
    let refused = s.of::<Message>().delete(first).await;
    assert!(matches!(refused, Err(Error::StillReferenced(_))), "{refused:?}");
    let explained =
        db.session().of::<Message>().by_key().prefix(first).explain().await?.to_string();
    assert!(explained.contains(&first.to_string()), "{explained}");
    Ok(())
}

#[tokio::test]
async fn an_older_program_keeps_ulids_that_it_does_not_know() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    open::<lean::Message>(folder.path()).await?.close().await?;
    let db = open::<Message>(folder.path()).await?;
    let s = db.session();
    let id = s.of::<Message>().insert(message(0, None)).await?.id;
    s.of::<Message>().edit(id).await?.readers = (1..9).map(Ulid).collect();
    s.of::<Message>().edit(id).await?.token = Some(Ulid(u128::MAX / 3));
    s.commit().await?;
    db.close().await?;

    let db = open::<lean::Message>(folder.path()).await?;
    let s = db.session();
    s.of::<lean::Message>().edit(id).await?.text.push('!');
    s.commit().await?;
    db.close().await?;

    let db = open::<Message>(folder.path()).await?;
    let read = db.session().of::<Message>().require(id).await?;
    assert_eq!(read.text, "message 0!");
    assert_eq!(read.readers, (1..9).map(Ulid).collect());
    assert_eq!(read.token, Some(Ulid(u128::MAX / 3)));
    Ok(())
}

#[tokio::test]
async fn a_ulid_is_not_read_as_a_uuid() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    open::<lean::Message>(folder.path()).await?.close().await?;
    let error = open::<retyped::Message>(folder.path()).await.expect_err("another key");
    assert!(matches!(error, Error::Schema(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("ulid") && text.contains("uuid"), "{text}");
    Ok(())
}
