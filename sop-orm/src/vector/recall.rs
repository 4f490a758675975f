//! How far estimates are trusted, from the share of true neighbours that must not be missed.

/// The share that a search finds if nobody says.
pub(super) const RECALL_DEFAULT: f32 = 0.99;

/// By how many standard deviations an estimate may be too far before a true neighbour is missed with
/// a probability of more than `1 - recall`: the quantile of the normal distribution. None for all of
/// them, or for what is no share.
///
/// The rational approximation of Acklam (2003) for the central part and the upper tail, good to nine
/// digits.
pub(super) fn deviations(recall: f32) -> Option<f32> {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const TAIL: f64 = 0.024_25;
    let recall = f64::from(recall);
    if !(recall > 0.0 && recall < 1.0) {
        return None;
    }
    // Less than a half means that an estimate is trusted as it is.
    let share = recall.max(0.5);
    let deviations = if share <= 1.0 - TAIL {
        let (q, r) = (share - 0.5, (share - 0.5) * (share - 0.5));
        q * horner(&A, r) / horner(&B, r)
    } else {
        let q = (-2.0 * (1.0 - share).ln()).sqrt();
        -horner(&C, q) / horner(&D, q)
    };
    #[expect(clippy::cast_possible_truncation, reason = "a bound needs no more digits")]
    Some(deviations as f32)
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_normal_distribution() {
        for (recall, expected) in
            [(0.5, 0.0), (0.9, 1.281_55), (0.95, 1.644_85), (0.99, 2.326_35), (0.999, 3.090_23)]
        {
            assert!((deviations(recall).unwrap() - expected).abs() < 1e-4, "{recall}");
        }
        assert!((deviations(0.1).unwrap()).abs() < 1e-6);
        for wrong in [0.0, -1.0, 1.0, 2.0, f32::NAN] {
            assert_eq!(deviations(wrong), None, "{wrong}");
        }
    }
}
