//! What a member announces reaches the others, and nothing else does.

use std::time::Duration;

use sop_core::{Realm, limit::CARRIED_LEN_MAX};
use sop_tests::{
    Outcome,
    redis::{Member, REALM, RedisServer, coordination, key},
};

#[test]
fn an_announcement_arrives_with_its_bytes() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    for position in 1..=100_u64 {
        let slot = position.to_string().repeat(99).into_bytes();
        author.announce(position, Some(&slot));
        reader.until("it heard", |it| it.newest() == Some(position));
        assert_eq!(reader.take_carried(position).as_deref(), Some(&slot[..]));
    }
    assert_eq!(author.newest(), None, "it heard of itself");
    Ok(())
}

#[test]
fn long_slots_are_announced_without_their_bytes() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    let longest = vec![7; CARRIED_LEN_MAX];
    author.announce(1, Some(&longest));
    reader.until("it heard", |it| it.newest() == Some(1));
    assert_eq!(reader.take_carried(1).as_deref(), Some(&longest[..]));
    author.announce(2, Some(&[&longest[..], &[7]].concat()));
    reader.until("it heard", |it| it.newest() == Some(2));
    assert_eq!(reader.take_carried(2), None);
    Ok(())
}

#[test]
fn who_comes_later_hears_what_was_announced_last() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    author.announce(6, Some(b"six"));
    reader.until("it heard", |it| it.newest() == Some(6));
    author.announce(7, Some(b"seven"));
    reader.until("it heard", |it| it.newest() == Some(7));
    let later = Member::join(&by);
    later.until("it heard", |it| it.newest() == Some(7));
    assert_eq!(later.take_carried(6).as_deref(), Some(&b"six"[..]));
    assert_eq!(later.take_carried(7).as_deref(), Some(&b"seven"[..]));
    Ok(())
}

#[test]
fn realms_have_nothing_to_do_with_each_other() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let restored = Realm { incarnation: [1; 16], ..REALM };
    let other = Realm { database: [1; 16], ..REALM };
    let [reader, author] = [(); 2].map(|()| Member::healthy(&by));
    for (realm, position) in [(restored, 70), (other, 80)] {
        let [theirs, also] = [(); 2].map(|()| Member::join_realm(&by, realm));
        theirs.until("it is heard in its own realm", |it| {
            it.announce(position, None);
            also.newest() == Some(position)
        });
    }
    author.announce(3, None);
    reader.until("it heard", |it| it.newest().is_some());
    assert_eq!(reader.newest(), Some(3));
    Ok(())
}

#[test]
fn who_does_not_know_the_secret_is_not_believed() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [reader, author] = [(); 2].map(|()| Member::healthy(&by));
    let stranger = Member::join_realm(&by, Realm { secret: [0; 32], ..REALM });
    stranger.until("the others are heard of", |it| it.silence(reader.id).is_some());
    stranger.announce(1_000, Some(b"forged"));
    let news = key("news");
    stranger.until("it is told", |_| server.ask::<u32>(&["XLEN", &news]).is_ok_and(|n| n == 1));
    // With the seal of something else, and with none.
    let seal = "0123456789abcdef0123456789abcdef";
    let member = "0123456789abcdef";
    let words = ["XADD", &news, "*", "member", member, "position", "2000", "seal", seal];
    server.ask::<String>(&words)?;
    server.ask::<String>(&words[..7])?;
    server.ask::<String>(&["XADD", &news, "*", "position", "x", "slot", "y", "turn", "z"])?;
    author.announce(5, Some(b"genuine"));
    reader.until("it heard", |it| it.newest().is_some());
    assert_eq!(reader.newest(), Some(5));
    assert_eq!(reader.take_carried(5).as_deref(), Some(&b"genuine"[..]));
    assert_eq!(reader.take_carried(1_000), None);
    Ok(())
}

#[test]
fn only_those_who_are_gone_are_silent() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [watcher, living, leaving] = [(); 3].map(|()| Member::healthy(&by));
    let gone = leaving.id;
    drop(leaving);
    let long = Duration::from_secs(6);
    watcher.until("one is silent for long", |it| it.silence(gone).is_some_and(|it| it > long));
    let of = |id| watcher.silence(id);
    assert!(of(living.id) < of(gone), "{:?}, {:?}", of(living.id), of(gone));
    Ok(())
}
