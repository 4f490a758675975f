//! A Redis Cluster: whichever of its nodes is named, the one that has the keys is found.

use std::cell::RefCell;

use sop_core::{Health, Trouble, Turn};
use sop_tests::{
    Outcome,
    redis::{Member, RedisServer, coordination},
};

const NODES: usize = 3;
const SLOTS: usize = 16_384;

/// Nodes that know each other, each with its part of the slots.
fn cluster() -> Outcome<Vec<RedisServer>> {
    let nodes = (0..NODES).map(|_| node()).collect::<Outcome<Vec<_>>>()?;
    for (index, (node, _)) in nodes.iter().enumerate() {
        let [from, to] = [index, index + 1].map(|index| index * SLOTS / NODES);
        let [from, to, epoch] = [from, to - 1, index + 1].map(|number| number.to_string());
        node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?;
        node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &from, &to])?;
    }
    for (other, bus) in &nodes[1..] {
        let [port, bus] = [other.port(), *bus].map(|port| port.to_string());
        nodes[0].0.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
    }
    Ok(nodes.into_iter().map(|(node, _)| node).collect())
}

/// A node, and the port at which others of its cluster talk to it.
fn node() -> Outcome<(RedisServer, u16)> {
    let bus = RefCell::new(0);
    let node = RedisServer::prepared(|_, port| {
        *bus.borrow_mut() = RedisServer::free_port()?;
        let [port, bus] = [port, *bus.borrow()].map(|port| port.to_string());
        let settings = ["--port", &port, "--save", "", "--cluster-enabled", "yes"];
        let more = ["--cluster-port", &bus, "--cluster-node-timeout", "60000"];
        Ok(settings.into_iter().chain(more).map(str::to_owned).collect())
    })?;
    let bus = *bus.borrow();
    Ok((node, bus))
}

#[test]
fn any_node_of_a_cluster_leads_to_the_one_with_the_keys() -> Outcome {
    let nodes = cluster()?;
    let seeds: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    let all = Member::join(&coordination(&format!("redis+cluster://{}", seeds.join(",")))?);
    all.until("the cluster is formed", |it| it.health() == Health::Healthy);
    for (seed, position) in seeds.iter().zip(1..) {
        let member = Member::healthy(&coordination(&format!("redis+cluster://{seed}"))?);
        all.until("it heard", |it| {
            member.announce(position, Some(b"slot"));
            it.newest() == Some(position)
        });
        member.until("it has a turn", |it| it.turn() == Turn::Mine);
    }
    Ok(())
}

#[test]
fn who_takes_a_node_of_a_cluster_for_a_server_is_told() -> Outcome {
    let nodes = cluster()?;
    let seeds: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    let all = Member::join(&coordination(&format!("redis+cluster://{}", seeds.join(",")))?);
    all.until("the cluster is formed", |it| it.health() == Health::Healthy);
    let mut told = 0;
    for seed in &seeds {
        let member = Member::join(&coordination(&format!("redis://{seed}"))?);
        let is_told = || match member.health() {
            Health::Open(Trouble::Unusable(reason)) => reason.contains("redis+cluster://"),
            _ => false,
        };
        member.until("it works or is told", |it| it.health() == Health::Healthy || is_told());
        told += usize::from(is_told());
    }
    assert_eq!(told, NODES - 1, "one of them has the keys");
    Ok(())
}
