//! Joining, leaving, and being expelled.

use super::*;

#[test]
fn whoever_has_left_has_to_join_again() {
    let [mut one, mut other] = open_all(&server());
    assert_eq!(position(one.log.leave()), Some(3));
    assert!(matches!(one.append(10), Ok(Appended::NoMember)));
    other.follow().unwrap();
    assert_eq!(other.log.anchor().members.present().collect::<Vec<_>>(), [other.log.member()]);
    assert_eq!(position(one.log.join()), Some(4));
    assert_eq!(position(one.append(11)), Some(5));
}

#[test]
fn whoever_is_expelled_learns_it_before_it_can_append() {
    let [mut one, mut other] = open_all(&server());
    assert_eq!(position(other.log.expel(one.log.member())), Some(3));
    assert!(matches!(one.append(10), Ok(Appended::Overtaken)));
    one.follow().unwrap();
    assert!(matches!(one.append(10), Ok(Appended::NoMember)));
    assert!(matches!(other.log.expel(one.log.member()), Ok(Appended::NoMember)), "once is enough");
    assert!(one.batches.is_empty());
}

#[test]
fn of_two_who_expel_each_other_one_stays() {
    let [mut one, mut other] = open_all(&server());
    assert_eq!(position(one.log.expel(other.log.member())), Some(3));
    assert!(matches!(other.log.expel(one.log.member()), Ok(Appended::Overtaken)));
    other.follow().unwrap();
    assert!(matches!(other.log.expel(one.log.member()), Ok(Appended::NoMember)));
}

#[test]
fn a_late_request_of_an_expelled_member_comes_to_nothing() {
    let [mut one, mut other] = open_all(&server());
    one.links(vec![LinkFate::Late, LinkFate::Lost, LinkFate::Lost]);
    assert!(matches!(one.append(10), Ok(Appended::Open(_))));
    other.log.expel(one.log.member()).unwrap();
    one.disk.deliver();
    assert!(matches!(one.settle(10), Ok(Appended::Overtaken)));
    other.append(20).unwrap();
    one.follow().unwrap();
    assert_eq!(one.batches, [20]);
}
