//! Policies one by one, and the rules that all of them keep.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;

use super::*;

fn by<T: Field>(policy: MergeBytes, base: &T, ours: &T, theirs: &T) -> Option<T> {
    let (base, ours, theirs) = (encoded(base), encoded(ours), encoded(theirs));
    let three = Three { base: &base, ours: &ours, theirs: &theirs };
    policy(three).unwrap().map(|bytes| decoded(&bytes).unwrap())
}

fn set(items: &[u8]) -> BTreeSet<u8> {
    items.iter().copied().collect()
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn what_two_sessions_added_adds_up() {
    assert_eq!(by::<i64>(add::<i64>, &10, &13, &11), Some(14));
    assert_eq!(by::<u8>(add::<u8>, &10, &3, &250), Some(243));
    assert_eq!(by::<f64>(add::<f64>, &1.0, &1.5, &3.0), Some(3.5));
    let seconds = Duration::from_secs;
    assert_eq!(
        by::<Duration>(add::<Duration>, &seconds(5), &seconds(3), &seconds(9)),
        Some(seconds(7))
    );
}

#[test]
fn a_sum_that_is_no_value_of_the_type_is_a_conflict() {
    assert_eq!(by::<u8>(add::<u8>, &10, &200, &100), None);
    assert_eq!(by::<u32>(add::<u32>, &10, &0, &5), None);
    assert_eq!(by::<i128>(add::<i128>, &0, &1, &i128::MAX), None);
    assert_eq!(by::<u128>(add::<u128>, &u128::MAX, &0, &1), None);
    assert_eq!(by::<f32>(add::<f32>, &0.0, &f32::MAX, &f32::MAX), None);
    let second = Duration::from_secs(1);
    assert_eq!(by::<Duration>(add::<Duration>, &second, &Duration::ZERO, &Duration::ZERO), None);
}

#[test]
fn only_the_sum_has_to_fit() {
    assert_eq!(by::<i8>(add::<i8>, &-100, &100, &-100), Some(100));
    assert_eq!(by::<i64>(add::<i64>, &i64::MIN, &i64::MAX, &i64::MIN), Some(i64::MAX));
    assert_eq!(by::<i128>(add::<i128>, &i128::MIN, &i128::MAX, &i128::MIN), Some(i128::MAX));
}

#[test]
fn the_greater_and_the_lesser_win() {
    assert_eq!(by::<i32>(max::<i32>, &0, &5, &3), Some(5));
    assert_eq!(by::<i32>(max::<i32>, &0, &2, &3), Some(3));
    assert_eq!(by::<i32>(min::<i32>, &9, &5, &3), Some(3));
    assert_eq!(by::<i32>(min::<i32>, &9, &2, &3), Some(2));
    assert_eq!(by::<Option<u8>>(max::<Option<u8>>, &None, &Some(1), &None), Some(Some(1)));
    assert_eq!(by::<f64>(max::<f64>, &0.0, &f64::NAN, &1.0), None);
}

#[test]
fn flags_are_set_by_either_or_by_both() {
    assert_eq!(by::<bool>(or::<bool>, &false, &true, &false), Some(true));
    assert_eq!(by::<bool>(and::<bool>, &true, &true, &false), Some(false));
    assert_eq!(by::<u8>(or::<u8>, &0, &0b01, &0b10), Some(0b11));
}

#[test]
fn a_set_has_what_either_added_and_lacks_what_either_removed() {
    let (base, ours, theirs) = (set(&[1, 2, 3]), set(&[2, 3, 4]), set(&[1, 3, 5]));
    assert_eq!(by(union::<BTreeSet<u8>>, &base, &ours, &theirs), Some(set(&[3, 4, 5])));
    let merged = by(union::<Vec<u8>>, &vec![1, 2, 3], &vec![4, 3, 2], &vec![5, 3, 1]);
    assert_eq!(merged, Some(vec![5, 3, 4]), "theirs in their order, then ours");
}

#[test]
fn maps_are_merged_key_by_key() {
    let map = |pairs: &[(u8, u8)]| pairs.iter().copied().collect::<BTreeMap<_, _>>();
    let merged = |base, ours, theirs| {
        by(super::map::<BTreeMap<u8, u8>>, &map(base), &map(ours), &map(theirs))
    };
    let base: &[_] = &[(1, 1), (2, 2), (3, 3)];
    assert_eq!(
        merged(base, &[(1, 9), (3, 3), (4, 4)], &[(1, 1), (2, 2), (5, 5)]),
        Some(map(&[(1, 9), (4, 4), (5, 5)]))
    );
    assert_eq!(merged(base, &[(1, 8)], &[(1, 9)]), None, "two values for one key");
    assert_eq!(merged(&[(1, 1)], &[], &[(1, 2)]), None, "removed and changed");
    assert_eq!(merged(&[(1, 1)], &[(1, 2)], &[(1, 2), (2, 2)]), Some(map(&[(1, 2), (2, 2)])));
}

#[test]
fn what_was_appended_goes_behind_what_others_appended() {
    let merged = by(append::<String>, &text("a"), &text("a, ours"), &text("a, theirs"));
    assert_eq!(merged, Some(text("a, theirs, ours")));
    assert_eq!(by(append::<Vec<u8>>, &vec![1], &vec![1, 2], &vec![1, 3]), Some(vec![1, 3, 2]));
    assert_eq!(by(append::<String>, &text("ab"), &text("b"), &text("abc")), None, "not appended");
}

#[test]
fn a_function_of_ones_own_may_give_up() {
    fn longest(ours: &str, theirs: String) -> Result<String, CannotMerge> {
        match ours.len().cmp(&theirs.len()) {
            Ordering::Equal => Err(CannotMerge),
            Ordering::Greater => Ok(ours.to_owned()),
            Ordering::Less => Ok(theirs),
        }
    }
    let policy: MergeBytes =
        |three| custom(three, |_: &String, ours, theirs| longest(ours, theirs));
    assert_eq!(by(policy, &text(""), &text("long"), &text("no")), Some(text("long")));
    assert_eq!(by(policy, &text(""), &text("aa"), &text("bb")), None);
}

#[test]
fn damaged_values_are_an_error() {
    let three = Three { base: &[0], ours: &[0xfb], theirs: &[1] };
    assert!(add::<u64>(three).is_err());
    assert!(union::<Vec<u8>>(Three { base: &[0], ours: &[9], theirs: &[0] }).is_err());
}

const POLICIES: [FieldMerge; 9] = [
    FieldMerge::Either,
    FieldMerge::By(add::<u16>),
    FieldMerge::By(max::<u16>),
    FieldMerge::By(min::<u16>),
    FieldMerge::By(or::<u16>),
    FieldMerge::By(and::<u16>),
    FieldMerge::By(last_writer::<u16>),
    FieldMerge::By(first_writer::<u16>),
    FieldMerge::Conflict,
];

proptest! {
    /// Whatever the policy, a change that only one side made is taken as it is.
    #[test]
    fn what_only_one_side_changed_is_that_sides(base: u16, changed: u16) {
        let (base, changed) = (encoded(&base), encoded(&changed));
        for policy in POLICIES {
            let ours = Three { base: &base, ours: &changed, theirs: &base };
            let merged = field(policy, ours).unwrap();
            prop_assert_eq!(merged.as_deref(), Some(&changed[..]));
            let theirs = Three { base: &base, ours: &base, theirs: &changed };
            let merged = field(policy, theirs).unwrap();
            if matches!(policy, FieldMerge::Conflict) && base != changed {
                prop_assert_eq!(merged, None);
            } else {
                prop_assert_eq!(merged.as_deref(), Some(&changed[..]));
            }
        }
    }

    /// Where the order of two writers does not matter, it does not matter.
    #[test]
    fn symmetric_policies_are_symmetric(base: u16, ours: u16, theirs: u16) {
        let policies: [MergeBytes; 5] =
            [add::<u16>, max::<u16>, min::<u16>, or::<u16>, and::<u16>];
        for policy in policies {
            prop_assert_eq!(by(policy, &base, &ours, &theirs), by(policy, &base, &theirs, &ours));
        }
    }

    #[test]
    fn sets_agree_with_their_definition(
        base: BTreeSet<u8>,
        ours: BTreeSet<u8>,
        theirs: BTreeSet<u8>,
    ) {
        let merged = by(union::<BTreeSet<u8>>, &base, &ours, &theirs).unwrap();
        for item in 0..=u8::MAX {
            let [was, in_ours, in_theirs] = [&base, &ours, &theirs].map(|set| set.contains(&item));
            let expected = if was { in_ours && in_theirs } else { in_ours || in_theirs };
            prop_assert_eq!(merged.contains(&item), expected);
        }
    }
}
