//! Two hosts with one file system, and a Redis server on a third, which one of them loses.
//!
//! The hosts are namespaces of the network, with wires between them, so that a wire can be cut. They
//! touch nothing outside of them. Where that is not allowed this is skipped, and says so.

use std::process::{self, Command};

use sop_tests::{
    Outcome,
    crew::{Post, WORKERS},
    redis::RedisServer,
    skip, tally,
};

use super::crew_at;

/// How often the wire is cut.
const CUTS: u64 = 3;

/// Commits of each worker meanwhile.
const COMMITS: u64 = 15;

/// A host, which goes with this.
struct Host(String);

impl Host {
    /// None if this machine does not allow it.
    fn add(name: &str) -> Option<Self> {
        let name = format!("sop-{}-{name}", process::id());
        let added = Command::new("ip").args(["netns", "add", &name]).output();
        added.is_ok_and(|output| output.status.success()).then_some(Self(name))
    }

    /// Does something to its network.
    fn ip(&self, words: &str) -> Outcome {
        let words = words.split(' ');
        let output = Command::new("ip").args(["-n", &self.0]).args(words.clone()).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{:?}: {said}", words.collect::<Vec<_>>()).into());
        }
        Ok(())
    }

    /// The command by which something is done there.
    fn through(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.0]
    }

    /// A wire to another one, in a network of its own with the address 1 here and 2 there.
    fn connect(&self, there: &Self, network: u8) -> Outcome {
        let wire = format!("wire{network}");
        self.ip(&format!("link add {wire} type veth peer name eth0 netns {}", there.0))?;
        for (host, device, number) in [(self, wire.as_str(), 1), (there, "eth0", 2)] {
            host.ip(&format!("addr add 10.213.{network}.{number}/24 dev {device}"))?;
            host.ip(&format!("link set {device} up"))?;
            host.ip("link set lo up")?;
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Whatever is left stops nobody.
        drop(Command::new("ip").args(["netns", "delete", &self.0]).output());
    }
}

#[test]
fn a_host_that_loses_redis_goes_on_beside_one_that_has_it() -> Outcome {
    let hosts = [Host::add("hub"), Host::add("left"), Host::add("right")];
    let [Some(hub), Some(left), Some(right)] = hosts else {
        skip("hosts with networks of their own: no right to make namespaces");
        return Ok(());
    };
    hub.connect(&left, 1)?;
    hub.connect(&right, 2)?;
    let server = RedisServer::elsewhere(&hub.through(), &["10.213.1.1", "10.213.2.1"])?;
    let post = |host: &Host, address: &str| Post {
        redis: format!("redis://{address}:{}", server.port()),
        through: host.through().map(str::to_owned).to_vec(),
        ..Post::default()
    };
    let (at_left, at_right) = (post(&left, "10.213.1.1"), post(&right, "10.213.2.1"));
    let posts = [at_left.clone(), at_left, at_right.clone(), at_right];
    let mut crew = crew_at(posts, 167)?;
    let all: Vec<_> = (0..WORKERS).collect();
    for _ in 0..CUTS {
        crew.until_health(&all, "Healthy")?;
        crew.until_all_commit(COMMITS)?;
        right.ip("link set eth0 down")?;
        crew.until_health(&[2, 3], "Open")?;
        crew.until_all_commit(COMMITS)?;
        let victim = crew.any();
        crew.kill(victim)?;
        crew.start_again(victim)?;
        crew.until_all_commit(1)?;
        crew.until_health(&[0, 1], "Healthy")?;
        right.ip("link set eth0 up")?;
    }
    crew.until_health(&all, "Healthy")?;
    crew.judge()?;
    tally(CUTS, "networks of hosts cut that share a folder");
    Ok(())
}
