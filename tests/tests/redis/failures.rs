//! Whatever becomes of the server, members go on, and are back with it afterwards.

use std::{net::TcpListener, time::Duration};

use sop_core::{Coordinator, Health, RedisCoordination, Trouble, Turn};
use sop_tests::{
    Outcome,
    redis::{Member, RedisServer, coordination, key},
};

/// Short, for the server is stopped here; and turns lapse, for it may never hear that they end.
fn impatient(address: &str) -> Outcome<RedisCoordination> {
    let short = Duration::from_millis(300);
    Ok(coordination(address)?.patience(short)?.turn_max(short)?)
}

fn is_open(it: &dyn Coordinator) -> bool {
    matches!(it.health(), Health::Open(_))
}

/// Waits until one hears the other, whatever is lost on the way.
fn assert_heard(author: &Member, reader: &Member, position: u64) {
    reader.until("it heard", |it| {
        author.announce(position, Some(b"slot"));
        it.newest() >= Some(position)
    });
    let is_served = |it: &dyn Coordinator| it.turn() == Turn::Mine;
    author.until("it has a turn", is_served);
    author.end_turn();
    reader.until("it has a turn", is_served);
    reader.end_turn();
}

/// Asserts that nobody waits for anything.
fn assert_goes_on(member: &Member) {
    member.until("the circuit is open", is_open);
    assert_eq!(member.turn(), Turn::NoQueue);
    assert_eq!((member.waiting(), member.silence([0; 16])), (0, None));
    member.announce(999, None);
    member.end_turn();
}

#[test]
fn a_server_that_is_killed_and_comes_back_is_used_again() -> Outcome {
    let mut server = RedisServer::start()?;
    let by = impatient(&server.address())?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    for position in 1..=3 {
        assert_heard(&author, &reader, position);
        server.kill()?;
        assert_goes_on(&author);
        assert_goes_on(&reader);
        reader.until("it says why", |it| {
            matches!(it.health(), Health::Open(Trouble::Unreachable(_)))
        });
        server.restart()?;
    }
    assert_heard(&author, &reader, 4);
    Ok(())
}

#[test]
fn a_server_that_is_stopped_and_goes_on_is_used_again() -> Outcome {
    let server = RedisServer::start()?;
    let by = impatient(&server.address())?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    for position in 1..=3 {
        assert_heard(&author, &reader, position);
        server.pause()?;
        assert_goes_on(&author);
        assert_goes_on(&reader);
        author.until("it says why", |it| it.health() == Health::Open(Trouble::Slow));
        server.resume()?;
    }
    assert_heard(&author, &reader, 4);
    Ok(())
}

#[test]
fn a_server_that_forgets_everything_is_used_on() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?.turn_max(Duration::from_millis(200))?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    for position in 1..=5 {
        author.until("it has a turn", |it| it.turn() == Turn::Mine);
        reader.turn();
        server.flush()?;
        assert_heard(&author, &reader, position);
        server.flush()?;
    }
    assert_eq!([author.health(), reader.health()], [Health::Healthy, Health::Healthy]);
    Ok(())
}

#[test]
fn who_waits_for_a_turn_when_the_server_dies_waits_no_longer() -> Outcome {
    let mut server = RedisServer::start()?;
    let by = impatient(&server.address())?;
    let [first, second] = [(); 2].map(|()| Member::healthy(&by));
    first.until("it has a turn", |it| it.turn() == Turn::Mine);
    second.until("it waits", |it| it.turn() == Turn::Waiting(Some(1)));
    server.kill()?;
    second.until("there is no queue", |it| it.turn() == Turn::NoQueue);
    Ok(())
}

#[test]
fn a_server_that_comes_later_is_found() -> Outcome {
    let mut server = RedisServer::start()?;
    let by = impatient(&server.address())?;
    server.kill()?;
    let [author, reader] = [(); 2].map(|()| Member::join(&by));
    assert_goes_on(&author);
    assert_goes_on(&reader);
    server.restart()?;
    assert_heard(&author, &reader, 1);
    Ok(())
}

#[test]
fn a_server_that_accepts_and_says_nothing_does_not_stop_anybody() -> Outcome {
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let by = impatient(&format!("redis://127.0.0.1:{}", silent.local_addr()?.port()))?;
    let member = Member::join(&by);
    assert_goes_on(&member);
    member.until("it says why", |it| it.health() == Health::Open(Trouble::Slow));
    Ok(())
}

#[test]
fn what_a_stranger_puts_in_the_place_of_the_keys_is_only_a_nuisance() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    assert_heard(&author, &reader, 1);
    server.ask::<()>(&["SET", &key("news"), "no stream"])?;
    author.until("the circuit is open", |it| {
        it.announce(2, None);
        is_open(it)
    });
    server.ask::<()>(&["DEL", &key("news")])?;
    assert_heard(&author, &reader, 3);
    Ok(())
}
