//! What codes promise: no bias, an error that holds, and a place for any bytes.

use super::{super::metric::Metric, question::Estimate, *};
use proptest::prelude::*;

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::Dot, Metric::Euclidean];
const DIMS: [usize; 4] = [64, 100, 384, 768];

/// A vector of normally distributed elements.
fn normal(dim: usize, rng: &mut fastrand::Rng) -> Vec<f32> {
    let one = |rng: &mut fastrand::Rng| (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0;
    (0..dim).map(|_| one(rng)).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    match metric {
        Metric::Cosine => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        Metric::Dot => -dot(a, b),
        Metric::Euclidean => (dot(a, a) + dot(b, b) - 2.0 * dot(a, b)).max(0.0).sqrt(),
    }
}

/// How many errors the estimates of random pairs are away, where `blend` of each vector is query.
fn deviations(dim: usize, metric: Metric, blend: f32) -> Vec<f64> {
    let mut rng = fastrand::Rng::with_seed(u64::try_from(dim).unwrap());
    let coder = Coder::new(dim);
    let mut deviations = Vec::new();
    for _ in 0..20 {
        let query = normal(dim, &mut rng);
        let question = Question::new(&coder, metric, &query).unwrap();
        for _ in 0..100 {
            let mut vector = normal(dim, &mut rng);
            vector.iter_mut().zip(&query).for_each(|(v, q)| *v += blend * (q - *v));
            let estimate = question.estimate(&coder.encode(&vector)).unwrap();
            let off = f64::from(estimate.distance) - distance(metric, &query, &vector);
            deviations.push(off / f64::from(estimate.error));
        }
    }
    deviations
}

fn mean(of: impl ExactSizeIterator<Item = f64>) -> f64 {
    let len = f64::from(u32::try_from(of.len()).unwrap());
    of.sum::<f64>() / len
}

#[test]
fn estimates_have_no_bias_and_the_error_that_they_claim() {
    for dim in DIMS {
        for metric in METRICS {
            let deviations = deviations(dim, metric, 0.0);
            let within = mean(deviations.iter().map(|d| f64::from(u8::from(d.abs() <= 3.0))));
            let bias = mean(deviations.iter().copied());
            let spread = mean(deviations.iter().map(|d| d * d)).sqrt();
            // Four standard errors of the mean of 2,000.
            assert!(bias.abs() < 0.09, "{dim} {metric:?}: bias {bias}");
            assert!((0.9..1.1).contains(&spread), "{dim} {metric:?}: spread {spread}");
            assert!(within >= 0.99, "{dim} {metric:?}: {within} within three errors");
        }
    }
}

#[test]
fn errors_are_bounds_for_near_and_equal_vectors_as_well() {
    for dim in DIMS {
        for metric in METRICS {
            for blend in [0.5, 0.9, 0.99, 1.0] {
                let deviations = deviations(dim, metric, blend);
                let within = mean(deviations.iter().map(|d| f64::from(u8::from(d.abs() <= 3.0))));
                assert!(within >= 0.99, "{dim} {metric:?} {blend}: {within}");
            }
        }
    }
}

#[test]
fn what_rounding_the_query_adds_is_as_great_as_claimed() {
    let mut rng = fastrand::Rng::with_seed(5);
    let coder = Coder::new(256);
    let mut ratios = Vec::new();
    for _ in 0..30 {
        // One great element would leave few steps to the others, but for the rotation.
        let mut query = normal(256, &mut rng);
        query[3] = 200.0;
        let mut exact = Vec::new();
        coder.rotation.rotate(&query, &mut exact);
        let question = Question::new(&coder, Metric::Dot, &query).unwrap();
        for _ in 0..50 {
            let code = coder.encode(&normal(256, &mut rng));
            let [factor, norm2, spread] = tail(&code);
            let by_exact: f64 = dot(&exact, &grid(&code)) * f64::from(factor);
            let off = -f64::from(question.estimate(&code).unwrap().distance) - by_exact;
            let claimed = question.by_norm * (norm2 + spread * spread * 255.0);
            ratios.push(off / f64::from(claimed).sqrt());
        }
    }
    let spread = mean(ratios.iter().map(|r| r * r)).sqrt();
    assert!((0.85..1.15).contains(&spread), "{spread}");
}

/// The point of the grid that a code stands for.
fn grid(code: &[u8]) -> Vec<f32> {
    let (blocks, _) = code[..code.len() - TAIL].as_chunks::<{ BLOCK / 2 }>();
    let value = |nibble: u8| f32::from(nibble) - HALF;
    let of = |block: &[u8; 32]| {
        let low = block.map(|byte| value(byte & 15));
        [low, block.map(|byte| value(byte >> 4))].concat()
    };
    blocks.iter().flat_map(of).collect()
}

fn tail(code: &[u8]) -> [f32; 3] {
    let numbers = code[code.len() - TAIL..].as_chunks::<4>().0;
    std::array::from_fn(|at| f32::from_le_bytes(numbers[at]))
}

#[test]
fn a_code_has_the_factor_norm_and_spread_of_its_vector() {
    let mut rng = fastrand::Rng::with_seed(6);
    for dim in DIMS {
        let coder = Coder::new(dim);
        let vector = normal(dim, &mut rng);
        let code = coder.encode(&vector);
        assert_eq!(code.len(), coder.len());
        let (mut rotated, grid) = (Vec::new(), grid(&code));
        coder.rotation.rotate(&vector, &mut rotated);
        let [factor, norm2, spread] = tail(&code).map(f64::from);
        let expected = dot(&vector, &vector);
        assert!((norm2 / expected - 1.0).abs() < 1e-5);
        let along = dot(&rotated, &grid);
        assert!((factor * along / expected - 1.0).abs() < 1e-4);
        let cos2 = along * along / expected / dot(&grid, &grid);
        assert!(cos2 > 0.985, "{dim}: {cos2}");
        let freedom = f64::from(u32::try_from(grid.len() - 1).unwrap());
        let expected = (expected * (1.0 / cos2 - 1.0) / freedom).sqrt();
        assert!((spread / expected - 1.0).abs() < 1e-2, "{dim}: {spread} {expected}");
    }
}

#[test]
fn every_processor_makes_the_same_code() {
    let mut rng = fastrand::Rng::with_seed(7);
    for dim in DIMS {
        let coder = Coder::new(dim);
        for _ in 0..50 {
            let vector = normal(dim, &mut rng);
            let (mut rotated, mut plain) = (Vec::new(), Vec::new());
            coder.rotation.rotate(&vector, &mut rotated);
            encode(&rotated, &mut plain);
            assert_eq!(coder.encode(&vector), plain);
        }
    }
}

#[test]
fn codes_do_not_change_from_release_to_release() {
    let hash = |bytes: &[u8]| {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
    };
    let mut codes = Vec::new();
    for dim in [1_u16, 64, 100, 384, 768] {
        let vector: Vec<f32> = (0..dim).map(|at| f32::from(at * 37 % 101) - 50.0).collect();
        codes.extend(Coder::new(dim.into()).encode(&vector));
    }
    assert_eq!(hash(&codes), 9_148_658_777_731_040_878);
}

#[test]
#[expect(clippy::float_cmp, reason = "these results are exact")]
fn a_zero_vector_has_a_code_and_a_distance() {
    let coder = Coder::new(100);
    let code = coder.encode(&[0.0; 100]);
    assert_eq!(tail(&code), [0.0; 3]);
    for query in [[0.0; 100], [0.5; 100]] {
        for metric in METRICS {
            let estimate = Question::new(&coder, metric, &query).unwrap().estimate(&code).unwrap();
            let expected = match metric {
                Metric::Cosine => 1.0,
                Metric::Dot => 0.0,
                Metric::Euclidean => query[0] * 10.0,
            };
            assert!((estimate.distance - expected).abs() < 1e-5, "{metric:?}: {estimate:?}");
            assert_eq!(estimate.error, 0.0);
        }
    }
}

#[test]
fn what_has_another_length_is_no_question_and_has_no_estimate() {
    let coder = Coder::new(100);
    assert!(Question::new(&coder, Metric::Dot, &[0.0; 99]).is_none());
    let question = Question::new(&coder, Metric::Dot, &[0.0; 100]).unwrap();
    for len in (0..300).filter(|len| *len != coder.len()) {
        assert_eq!(question.estimate(&vec![0; len]), None);
    }
}

#[test]
fn many_codes_have_the_estimates_that_each_of_them_has() {
    let mut rng = fastrand::Rng::with_seed(8);
    for (dim, metric) in DIMS.into_iter().flat_map(|dim| METRICS.map(|metric| (dim, metric))) {
        let coder = Coder::new(dim);
        let question = Question::new(&coder, metric, &normal(dim, &mut rng)).unwrap();
        let mut codes: Vec<_> = (0..37).map(|_| coder.encode(&normal(dim, &mut rng))).collect();
        let mut estimates = Vec::new();
        for _ in 0..2 {
            let all: Vec<_> = codes.iter().map(Vec::as_slice).collect();
            assert_eq!(question.estimate_each(&all, &mut estimates), Some(()));
            let each: Vec<_> = all.iter().map(|code| question.estimate(code).unwrap()).collect();
            assert_eq!(estimates, each, "{dim} {metric:?}");
            codes.truncate(5);
        }
        codes.push(Vec::new());
        let all: Vec<_> = codes.iter().map(Vec::as_slice).collect();
        assert_eq!(question.estimate_each(&all, &mut estimates), Some(()));
        assert_eq!((estimates.len(), estimates[5]), (6, Estimate::UNKNOWN));
        let all = [all, vec![&[0; 7]]].concat();
        assert_eq!(question.estimate_each(&all, &mut estimates), None);
    }
}

#[test]
fn vectors_without_a_norm_are_known_to_be_unknown() {
    let coder = Coder::new(70);
    for element in [f32::NAN, f32::INFINITY, f32::MAX, f32::MIN] {
        let mut vector = [1.0; 70];
        vector[5] = element;
        let code = coder.encode(&vector);
        for metric in METRICS {
            let question = Question::new(&coder, metric, &[1.0; 70]).unwrap();
            assert_eq!(question.estimate(&code), Some(Estimate::UNKNOWN), "{metric:?} {element}");
            let strange = Question::new(&coder, metric, &vector).unwrap();
            let estimate = strange.estimate(&coder.encode(&[1.0; 70]));
            assert_eq!(estimate, Some(Estimate::UNKNOWN), "{metric:?} {element}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_have_a_finite_estimate(
        codes in proptest::collection::vec(any::<u8>(), 3 * Coder::new(80).len()),
        tails in proptest::collection::vec((any::<f32>(), any::<f32>(), any::<f32>()), 3),
        query in proptest::collection::vec(-10.0_f32..10.0, 80),
    ) {
        let coder = Coder::new(80);
        let mut codes = codes;
        for (code, (a, b, c)) in codes.chunks_exact_mut(coder.len()).zip(tails) {
            let at = code.len() - TAIL;
            code[at..].copy_from_slice(&[a, b, c].map(f32::to_le_bytes).concat());
        }
        for metric in METRICS {
            let question = Question::new(&coder, metric, &query).unwrap();
            for code in codes.chunks_exact(coder.len()) {
                let estimate = question.estimate(code).unwrap();
                prop_assert!(estimate.distance.is_finite() && estimate.error.is_finite());
                prop_assert!(estimate.error >= 0.0);
                prop_assert!(!(estimate.distance - 3.0 * estimate.error).is_nan());
            }
        }
    }
}
