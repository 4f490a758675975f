//! What happens by itself: to processes, machines, the server, and Redis.

use std::{path::Path, sync::atomic::Ordering};

use sop_core::Survival;

use super::{Happening, turns::Player, world::World};
use crate::simulation::{
    disk::FOLDER,
    surroundings::{happens, happens_rarely},
    words,
    world::Outcome,
};

/// How much likelier the power is to go while somebody is stalled.
const STALLED_POWER: u32 = 30;

impl World {
    /// Whatever happens between two turns.
    pub(super) fn happen(&mut self) -> Outcome {
        let rates = self.plan.rates;
        let which = self.random.usize(..self.seats.len());
        if happens(&mut self.random, rates.arrival) {
            self.deliver(which);
        }
        if happens_rarely(&mut self.random, rates.pause) {
            let len = self.random.u64(..3_000);
            self.pause(which, len, false);
            if self.random.bool() {
                // Longer than anybody waits for anybody.
                self.clock.pass(self.random.u64(..600_000_000));
            }
        }
        if happens_rarely(&mut self.random, rates.kill) {
            self.kill(which)?;
        }
        let is_stall = |pause: super::world::Pause| pause.is_stall;
        let is_stalled = self.seats.iter().any(|seat| seat.pause.is_some_and(is_stall));
        let power = rates.power * if is_stalled { STALLED_POWER } else { 1 };
        if happens_rarely(&mut self.random, power) {
            self.cut_power()?;
        }
        if let Some(redis) = &self.redis
            && happens_rarely(&mut self.random, rates.redis)
        {
            redis.change();
        }
        Ok(())
    }

    /// What is late arrives: from one machine, from all that are off, and at Redis.
    fn deliver(&self, which: usize) {
        self.seats[which].machine.deliver();
        let from_dead = self.off.iter().map(super::machine::Machine::deliver).sum();
        self.book.happened_often(Happening::RequestsOfDead, from_dead);
        if let Some(redis) = &self.redis {
            redis.deliver();
        }
    }

    /// A process ends in the middle of what it does, and maybe its machine with it.
    fn kill(&mut self, which: usize) -> Outcome {
        self.trace.line(format_args!("{which} is killed"));
        let process = self.seats[which].process.take();
        self.book.happened_often(Happening::Kills, u64::from(process.is_some()));
        let ended = process.and_then(Player::cut_off);
        ended.map_or(Ok(()), |outcome| outcome.unwrap_or_else(|panic| Err(words(&*panic))))?;
        let seat = &mut self.seats[which];
        (seat.pause, _) = (None, seat.known.swap(0, Ordering::Relaxed));
        if self.random.bool() {
            let machine = self.machine();
            self.off.push(std::mem::replace(&mut self.seats[which].machine, machine));
        }
        Ok(())
    }

    /// The server loses its power, and everybody with it.
    fn cut_power(&mut self) -> Outcome {
        for which in 0..self.seats.len() {
            self.kill(which)?;
        }
        let seed = self.random.u64(..);
        self.trace.line(format_args!("the power goes: {seed}"));
        self.book.count(|summary| summary.power_cuts += 1);
        self.server = self.server.cut_now(match seed % 8 {
            0 => Survival::Nothing,
            _ => Survival::Random(seed),
        });
        let kept = self.history.lock().keep(&self.server, &Path::new(FOLDER).join("log"));
        let lost = kept.map_err(|error| format!("the log cannot be read: {error}"))?;
        self.book.happened_often(Happening::LostSlots, lost);
        self.off.clear();
        for which in 0..self.seats.len() {
            self.seats[which].machine = self.machine();
        }
        Ok(())
    }
}
