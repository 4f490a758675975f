//! Turns go round in the order of asking, and are never stuck for long.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use sop_core::{Coordinator, Turn};
use sop_tests::{
    Outcome,
    redis::{Member, RedisServer, coordination, key},
    together,
};

const MEMBERS: usize = 5;
const ROUNDS: u32 = 40;

fn is_mine(it: &dyn Coordinator) -> bool {
    it.turn() == Turn::Mine
}

/// Waits until a member is in the queue, with so many before it.
fn queue_up(member: &Member, ahead: u32) {
    member.until("it waits", |it| it.turn() == Turn::Waiting(Some(ahead)));
}

#[test]
fn turns_come_in_the_order_of_asking() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [first, second, third] = [(); 3].map(|()| Member::healthy(&by));
    first.until("nobody is before it", is_mine);
    queue_up(&second, 1);
    queue_up(&third, 2);
    first.until("it knows that others wait", |it| {
        it.announce(1, None);
        it.waiting() > 0
    });
    second.until("its turn has come", |it| {
        assert_ne!(third.turn(), Turn::Mine, "it came later, or two have a turn");
        is_mine(it)
    });
    assert_ne!(third.turn(), Turn::Mine, "two have a turn");
    second.end_turn();
    third.until("its turn has come", is_mine);
    third.end_turn();
    first.until("it comes round", is_mine);
    Ok(())
}

#[test]
fn who_waits_is_overtaken_by_nobody_who_came_later() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let members = [(); MEMBERS].map(|()| Member::healthy(&by));
    let (having, had) = (AtomicU32::new(0), AtomicU32::new(0));
    members[0].until("nobody is before it", is_mine);
    for (member, ahead) in members[1..].iter().zip(1..) {
        queue_up(member, ahead);
    }
    together(MEMBERS, |index| {
        let member = &members[index];
        for round in 1..=ROUNDS {
            // How many turns there will have been at most when this one's comes.
            let most = Cell::new(u32::MAX);
            member.until("its turn has come", |it| {
                let turn = it.turn();
                if let Turn::Waiting(Some(ahead)) = turn {
                    most.set(most.get().min(had.load(Ordering::SeqCst) + ahead));
                }
                turn == Turn::Mine
            });
            let is_alone = having.fetch_add(1, Ordering::SeqCst) == 0;
            let before = had.fetch_add(1, Ordering::SeqCst);
            having.fetch_sub(1, Ordering::SeqCst);
            member.announce(round.into(), None);
            assert!(is_alone, "two have a turn");
            assert!(before <= most.get(), "turn {before} came instead of {}", most.get());
        }
        Ok(())
    })?;
    assert_eq!(had.into_inner(), 5 * ROUNDS);
    Ok(())
}

#[test]
fn a_turn_that_is_not_ended_lapses() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?.turn_max(Duration::from_millis(100))?;
    let [stuck, next] = [(); 2].map(|()| Member::healthy(&by));
    stuck.until("nobody is before it", is_mine);
    next.until("its turn has come although nobody ended the other", is_mine);
    Ok(())
}

#[test]
fn those_who_died_in_the_queue_are_passed_over() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?.turn_max(Duration::from_millis(100))?;
    let member = Member::healthy(&by);
    server.ask::<()>(&["SET", &key("turn"), "0123456789abcdef", "PX", "100"])?;
    for dead in ["0123456789abcde1", "0123456789abcde2", "0123456789abcde3"] {
        server.ask::<()>(&["RPUSH", &key("queue"), dead])?;
    }
    member.until("its turn has come", is_mine);
    assert_eq!(server.ask::<u32>(&["LLEN", &key("queue")])?, 0);
    Ok(())
}

#[test]
fn who_leaves_hands_its_turn_on() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [first, second] = [(); 2].map(|()| Member::healthy(&by));
    first.until("nobody is before it", is_mine);
    queue_up(&second, 1);
    drop(first);
    second.until("its turn has come", is_mine);
    Ok(())
}

#[test]
fn who_stops_waiting_leaves_the_queue() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [first, second, third] = [(); 3].map(|()| Member::healthy(&by));
    first.until("nobody is before it", is_mine);
    queue_up(&second, 1);
    second.end_turn();
    queue_up(&third, 1);
    first.end_turn();
    third.until("its turn has come", is_mine);
    assert_eq!(server.ask::<u32>(&["LLEN", &key("queue")])?, 0);
    Ok(())
}

#[test]
fn all_that_the_server_has_goes_by_itself() -> Outcome {
    let server = RedisServer::start()?;
    let by = coordination(&server.address())?;
    let [first, second] = [(); 2].map(|()| Member::healthy(&by));
    first.until("nobody is before it", is_mine);
    first.announce(1, Some(b"slot"));
    second.until("it heard", |it| it.newest() == Some(1));
    second.until("nobody is before it", is_mine);
    queue_up(&first, 1);
    let keys: Vec<String> = server.ask(&["KEYS", "*"])?;
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in keys {
        assert!(server.ask::<i64>(&["PTTL", &key])? > 0, "{key} stays for ever");
    }
    Ok(())
}
