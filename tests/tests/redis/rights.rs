//! Names, passwords and rights, as the documents say.

use sop_core::{Health, REDIS_RIGHTS, Trouble, Turn};
use sop_tests::{
    Outcome,
    redis::{Member, RedisServer, ask, coordination, key},
};

/// Has characters with a meaning in addresses.
const PASSWORD: &str = "pa:ss@wo/rd%#?";
const PASSWORD_WRITTEN: &str = "pa%3Ass%40wo%2Frd%25%23%3F";

/// Makes or changes a user, of the form that is documented.
fn set_user(server: &RedisServer, rights: &[&str]) -> Outcome {
    let password = format!(">{PASSWORD}");
    let user = [&["ACL", "SETUSER", "sop", "reset", "on", &password], rights].concat();
    server.ask(&user)
}

fn address(server: &RedisServer) -> String {
    format!("redis://sop:{PASSWORD_WRITTEN}@127.0.0.1:{}", server.port())
}

/// Does everything that a member ever does, until it all worked or something failed.
fn use_all(address: &str) -> Outcome<Health> {
    let by = coordination(address)?;
    let [first, second] = [(); 2].map(|()| Member::join(&by));
    let trouble = || {
        let healths = [first.health(), second.health()];
        healths.into_iter().find(|health| matches!(health, Health::Open(_)))
    };
    let turn = key("turn");
    let nobody_has_it =
        || ask(address, &["GET", &turn]).is_ok_and(|it: Option<Vec<u8>>| it.is_none());
    let steps: [&dyn Fn() -> bool; 9] = [
        &|| first.health() == Health::Healthy && second.health() == Health::Healthy,
        &|| first.turn() == Turn::Mine,
        &|| {
            first.end_turn();
            nobody_has_it()
        },
        &|| first.turn() == Turn::Mine,
        &|| second.turn() == Turn::Waiting(Some(1)),
        &|| {
            second.end_turn();
            second.silence(first.id).is_some()
        },
        &|| second.turn() == Turn::Waiting(Some(1)),
        &|| {
            first.announce(1, None);
            second.newest() == Some(1)
        },
        &|| second.turn() == Turn::Mine,
    ];
    for step in steps {
        second.until("it worked or failed", |_| step() || trouble().is_some());
        if let Some(trouble) = trouble() {
            return Ok(trouble);
        }
    }
    Ok(second.health())
}

#[test]
fn the_documented_rights_are_enough_and_none_is_too_many() -> Outcome {
    let server = RedisServer::start()?;
    let rights: Vec<&str> = REDIS_RIGHTS.split_ascii_whitespace().collect();
    set_user(&server, &rights)?;
    assert_eq!(use_all(&address(&server))?, Health::Healthy);
    let mut left_out_once = 0;
    for left_out in rights.iter().filter(|right| right.starts_with('+')) {
        left_out_once += 1;
        let others: Vec<&str> = rights.iter().filter(|it| it != &left_out).copied().collect();
        server.flush()?;
        set_user(&server, &others)?;
        match use_all(&address(&server))? {
            Health::Open(Trouble::Denied(reason)) => {
                assert!(reason.contains(REDIS_RIGHTS), "{left_out}: {reason}");
            }
            health => panic!("{left_out} is not needed: {health:?}"),
        }
    }
    assert_eq!(left_out_once, 17);
    Ok(())
}

#[test]
fn the_rights_are_documented() {
    let page = include_str!("../../../docs/redis.md");
    assert!(page.contains(&format!(">PASSWORD {REDIS_RIGHTS}\n")));
}

#[test]
fn keys_of_others_are_out_of_reach() -> Outcome {
    let server = RedisServer::start()?;
    let rights: Vec<&str> = REDIS_RIGHTS.split_ascii_whitespace().collect();
    set_user(&server, &rights)?;
    let words = ["SET", "sopping", "wet"];
    let refused = ask::<()>(&address(&server), &words);
    assert!(format!("{refused:?}").contains("NoPerm"), "{refused:?}");
    Ok(())
}

#[test]
fn a_wrong_password_is_said_and_never_shown() -> Outcome {
    let server = RedisServer::with(&["--requirepass", PASSWORD])?;
    let right = format!("redis://:{PASSWORD_WRITTEN}@127.0.0.1:{}", server.port());
    assert_eq!(use_all(&right)?, Health::Healthy);
    for login in ["", ":secret@", "ann:secret@"] {
        let address = format!("redis://{login}127.0.0.1:{}", server.port());
        let member = Member::join(&coordination(&address)?);
        member.until("it is refused", |it| matches!(it.health(), Health::Open(Trouble::Denied(_))));
        let shown = format!("{:?} {:?} {member:?}", member.health(), coordination(&address)?);
        assert!(!shown.contains("secret"), "{shown}");
    }
    Ok(())
}

#[test]
fn another_database_than_the_first_may_be_named() -> Outcome {
    let server = RedisServer::start()?;
    let [here, there] = ["", "/3"].map(|database| format!("{}{database}", server.address()));
    assert_eq!(use_all(&there)?, Health::Healthy);
    let count = |address: &str| ask::<u32>(address, &["DBSIZE"]);
    assert_eq!((count(&here)?, count(&there)? > 0), (0, true));
    Ok(())
}
