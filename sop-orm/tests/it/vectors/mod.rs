//! Embeddings as fields: searches by nearness.

mod conditions;
mod evolution;
mod history;
mod isolation;
mod merging;
mod power;
mod recall;
mod refusals;
mod reorganising;

use sop_orm::{Hit, Metric, Vector, f16, prelude::*};

/// The dimensions of small test vectors.
const D: usize = 24;

/// Something that can be searched in many ways.
#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(index(by_both(small, item)))]
struct Thing {
    #[sop(key)]
    number: u16,
    group: u8,
    #[sop(index(by_small))]
    small: u8,
    #[sop(index(by_item, each))]
    item: Vec<u8>,
    #[sop(vector(partition = group, filter(by_small, by_item)))]
    angle: Vector<D>,
    #[sop(vector(metric = euclidean))]
    place: Option<Vector<D, f16>>,
    #[sop(vector(metric = dot, partition(group, small), filter = by_item))]
    weight: Vector<D, i8>,
}

fn numbers(rng: &mut fastrand::Rng) -> [f32; D] {
    // Few different directions, so that there are ties and near ones.
    let center = rng.usize(..D);
    std::array::from_fn(|at| rng.f32() - 0.5 + if at == center { 2.0 } else { 0.0 })
}

fn thing(number: u16, rng: &mut fastrand::Rng) -> Thing {
    let group = rng.u8(..3);
    Thing {
        number,
        group,
        small: rng.u8(..4),
        item: (0..rng.usize(..4)).map(|_| rng.u8(..5)).collect(),
        angle: numbers(rng).into(),
        place: rng.bool().then(|| Vector::rounded(&numbers(rng)).expect("as many components")),
        weight: Vector::new(std::array::from_fn(|_| rng.i8(-100..100))),
    }
}

/// The distance as it is defined, without any of the library's arithmetic.
fn distance(metric: Metric, one: &[f32], other: &[f32]) -> f32 {
    let dot = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
    };
    let far = match metric {
        Metric::Cosine => 1.0 - dot(one, other) / (dot(one, one) * dot(other, other)).sqrt(),
        Metric::Dot => -dot(one, other),
        Metric::Euclidean => {
            let between: Vec<f32> = one.iter().zip(other).map(|(one, other)| one - other).collect();
            dot(&between, &between).sqrt()
        }
        _ => panic!("a metric that the tests do not know"),
    };
    #[expect(clippy::cast_possible_truncation, reason = "hits have no more digits")]
    let far = far as f32;
    far
}

fn keys(hits: &[Hit<'_, Thing>]) -> Vec<u16> {
    hits.iter().map(|hit| hit.key).collect()
}

async fn database() -> Result<Db> {
    Db::builder().store::<Thing>().ephemeral().await
}
