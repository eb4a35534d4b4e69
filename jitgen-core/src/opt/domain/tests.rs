//! Soundness of the domain, by trying everything at small widths.
//!
//! Elements of four bits are all that bits alone, an unsigned range alone or a signed range alone can
//! say; at three bits also every combination of the three. An element's members are a set of at most
//! sixteen values, so "each result of members is a member of the result" is decided, not sampled. At
//! eight bits random elements are taken.

use super::{Known, mask, refine, signed, signed_max, signed_min, transfer, without_overflow};
use crate::ir::{Op, Sig};
use crate::opt::fold::constant;
use std::collections::BTreeSet;

const BINARY: &[Op] = &[
    Op::Add,
    Op::Sub,
    Op::Mul,
    Op::DivS,
    Op::DivU,
    Op::RemS,
    Op::RemU,
    Op::And,
    Op::Or,
    Op::Xor,
    Op::Shl,
    Op::ShrS,
    Op::ShrU,
    Op::AddOvfS,
    Op::AddOvfU,
    Op::SubOvfS,
    Op::SubOvfU,
    Op::MulOvfS,
    Op::MulOvfU,
    Op::Eq,
    Op::Ne,
    Op::LtS,
    Op::LeS,
    Op::LtU,
    Op::LeU,
    Op::PtrAdd,
];

/// The members, as bits of a set.
fn members(known: &Known) -> u64 {
    (0..=mask(known.width)).filter(|bits| known.contains(*bits)).map(|bits| 1 << bits).sum()
}

/// Elements that each say one kind of thing.
fn simple(width: u32) -> Vec<Known> {
    let all = 0..=mask(width);
    let mut found = vec![];
    for a in all.clone() {
        for b in all.clone() {
            found.extend(Known::bits(width, a, b));
            found.extend(Known::unsigned(width, a, b));
            found.extend(Known::signed(width, signed(width, a), signed(width, b)));
        }
    }
    dedup(found)
}

fn dedup(elements: Vec<Known>) -> Vec<Known> {
    let mut seen = BTreeSet::new();
    elements.into_iter().filter(|known| seen.insert(format!("{known:?}"))).collect()
}

/// Every meet of them.
fn combined(width: u32) -> Vec<Known> {
    let simple = simple(width);
    let meets = simple.iter().flat_map(|a| simple.iter().filter_map(|b| a.meet(b)));
    dedup(meets.collect())
}

/// The results of members, as a set; results of one operand and each set of second ones are added up
/// from this table.
fn check_transfer(op: Op, width: u32, elements: &[Known]) {
    let sets: Vec<u64> = elements.iter().map(members).collect();
    let count = 1usize << width;
    let result = |a: usize, b: usize| constant::integer(op, width, width, a as u64, b as u64);
    let table: Vec<Option<u64>> =
        (0..count * count).map(|ab| result(ab / count, ab % count)).collect();
    for (b, b_set) in elements.iter().zip(&sets) {
        // For each first operand, the results with all second ones.
        let rows: Vec<u64> = (0..count)
            .map(|a| {
                let of = |b: usize| table[a * count + b].map_or(0, |bits| 1u64 << bits);
                (0..count).filter(|b| b_set >> b & 1 == 1).fold(0, |set, b| set | of(b))
            })
            .collect();
        for (a, a_set) in elements.iter().zip(&sets) {
            let known = members(&transfer(op, width, a, b));
            let real = rows.iter().enumerate().filter(|(a, _)| a_set >> a & 1 == 1);
            let real = real.fold(0, |set, (_, row)| set | row);
            assert_eq!(
                real & !known,
                0,
                "{op:?} of {a:?} and {b:?}: {:?}",
                transfer(op, width, a, b)
            );
        }
    }
}

#[test]
fn what_members_give_is_a_member_of_what_elements_give() {
    let (three, four) = (combined(3), simple(4));
    for &op in BINARY {
        // Amounts of shifts count modulo the width, which then is a power of two.
        if !matches!(op, Op::Shl | Op::ShrS | Op::ShrU) {
            check_transfer(op, 3, &three[..three.len().min(400)]);
        }
        check_transfer(op, 4, &four);
    }
}

#[test]
fn operations_with_one_operand_are_sound() {
    for width in [1, 2, 4, 8] {
        let elements = if width == 8 { simple(5) } else { simple(width) };
        for a in &elements {
            let from = a.width;
            let mut targets = vec![];
            targets.extend([Op::Neg, Op::Not, Op::Copy].map(|op| (op, from)));
            targets.extend((from + 1..=8).flat_map(|to| [(Op::Zext, to), (Op::Sext, to)]));
            targets.extend((1..from).map(|to| (Op::Trunc, to)));
            for (op, to) in targets {
                let known = transfer(op, to, a, &Known::one(64, 0));
                for bits in (0..=mask(from)).filter(|bits| a.contains(*bits)) {
                    let result = constant::integer(op, to, from, bits, 0).expect("defined");
                    assert!(known.contains(result), "{op:?} to {to} of {a:?}: {known:?}");
                }
            }
        }
    }
}

#[test]
fn what_a_comparison_leaves_has_all_operands_for_which_it_holds() {
    let elements = simple(4);
    let sets: Vec<u64> = elements.iter().map(members).collect();
    for &op in BINARY.iter().filter(|op| op.sig() == Sig::Compare) {
        for truth in [false, true] {
            let holds =
                |a: u64, b: u64| constant::integer(op, 4, 4, a, b) == Some(u64::from(truth));
            let with: Vec<u64> =
                (0..16).map(|a| (0..16).filter(|b| holds(a, *b)).map(|b| 1 << b).sum()).collect();
            let from: Vec<u64> =
                (0..16).map(|b| (0..16).filter(|a| holds(*a, b)).map(|a| 1 << a).sum()).collect();
            for (a, a_set) in elements.iter().zip(&sets) {
                for (b, b_set) in elements.iter().zip(&sets) {
                    let left = (0..16).filter(|x| a_set >> x & 1 == 1);
                    let left: u64 = left.filter(|x| with[*x] & b_set != 0).map(|x| 1 << x).sum();
                    let right = (0..16).filter(|y| b_set >> y & 1 == 1);
                    let right: u64 = right.filter(|y| from[*y] & a_set != 0).map(|y| 1 << y).sum();
                    let (x, y) =
                        refine(op, truth, a, b).map_or((0, 0), |(x, y)| (members(&x), members(&y)));
                    let lost = (left & !x, right & !y);
                    assert_eq!(lost, (0, 0), "{op:?} is {truth} of {a:?} and {b:?}");
                }
            }
        }
    }
}

#[test]
fn without_overflow_the_result_is_exact() {
    let elements = simple(4);
    for (op, result) in [
        (Op::AddOvfS, Op::Add),
        (Op::AddOvfU, Op::Add),
        (Op::SubOvfS, Op::Sub),
        (Op::SubOvfU, Op::Sub),
        (Op::MulOvfS, Op::Mul),
        (Op::MulOvfU, Op::Mul),
    ] {
        for a in elements.iter().step_by(3) {
            for b in &elements {
                let known = without_overflow(op, a, b).map_or(0, |known| members(&known));
                for x in (0..16).filter(|x| a.contains(*x)) {
                    for y in (0..16).filter(|y| b.contains(*y)) {
                        if constant::integer(op, 4, 4, x, y) == Some(0) {
                            let bits = constant::integer(result, 4, 4, x, y).expect("defined");
                            assert!(known >> bits & 1 == 1, "{op:?} of {a:?} and {b:?}: {x} {y}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn meet_and_join_lose_nothing() {
    let elements = simple(4);
    for a in &elements {
        for b in &elements {
            let (x, y) = (members(a), members(b));
            let both = a.meet(b).map_or(0, |known| members(&known));
            assert_eq!(x & y & !both, 0, "{a:?} and {b:?}");
            assert_eq!((x | y) & !members(&a.join(b)), 0, "{a:?} or {b:?}");
            assert!(!a.is_within(b) || x & !y == 0, "{a:?} within {b:?}");
        }
    }
}

/// Precision, where it is easy to lose and much depends on it.
#[test]
fn what_can_be_known_is_known() {
    let range = |low, high| Known::signed(8, low, high).expect("not empty");
    let sum = transfer(Op::Add, 8, &range(0, 9), &range(1, 1));
    assert_eq!((sum.smin, sum.smax, sum.umin, sum.umax), (1, 10, 1, 10));
    let overflow = transfer(Op::AddOvfS, 8, &range(0, 126), &range(1, 1));
    assert_eq!(overflow.value(), Some(0));
    let masked = transfer(Op::And, 8, &Known::full(8), &Known::one(8, 6));
    assert_eq!((masked.zeros, masked.umax), (0xf9, 6));
    assert_eq!(transfer(Op::Mul, 8, &Known::full(8), &Known::one(8, 4)).zeros, 3);
    assert_eq!(transfer(Op::RemS, 8, &Known::full(8), &range(3, 3)).smin, -2);
    assert_eq!(transfer(Op::Eq, 8, &range(0, 3), &range(4, 9)).value(), Some(0));
    let (x, _) = refine(Op::LtS, true, &range(0, 127), &Known::full(8)).expect("possible");
    assert_eq!((x.smin, x.smax), (0, 126));
    let wide = Known::unsigned(64, 1 << 63, u64::MAX).expect("not empty");
    assert_eq!(transfer(Op::MulOvfU, 64, &wide, &wide).value(), Some(1));
    assert_eq!(transfer(Op::Mul, 64, &wide, &wide), Known::full(64));
    // All of these sums wrap, so none is the largest number; none of the differences does.
    assert_eq!(transfer(Op::Add, 64, &wide, &wide).umax, u64::MAX - 1);
    let least = Known::one(64, 1 << 63);
    assert_eq!(transfer(Op::Sub, 64, &wide, &least).umax, u64::MAX >> 1);
    assert_eq!((signed_min(64), signed_max(64)), (i64::MIN, i64::MAX));
}

#[test]
fn random_elements_of_eight_bits_are_sound() {
    // A linear congruential generator: the same elements each time.
    let mut state = 1u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut element = || loop {
        let bits = Known::bits(8, random() & random() & random(), random() & random() & random());
        let (a, b) = (random() & 255, random() & 255);
        let unsigned = Known::unsigned(8, a.min(b), a.max(b));
        let (a, b) = (signed(8, random()), signed(8, random()));
        let signed = Known::signed(8, a.min(b), a.max(b));
        let some = [bits, unsigned, signed][(random() % 3) as usize];
        let more = [bits, unsigned, signed][(random() % 3) as usize];
        if let (Some(some), Some(more)) = (some, more)
            && let Some(both) = some.meet(&more)
        {
            return both;
        }
    };
    for _ in 0..60 {
        let (a, b) = (element(), element());
        for &op in BINARY {
            let known = transfer(op, 8, &a, &b);
            for x in (0..256).filter(|x| a.contains(*x)) {
                for y in (0..256).filter(|y| b.contains(*y)).step_by(3) {
                    if let Some(bits) = constant::integer(op, 8, 8, x, y) {
                        assert!(known.contains(bits), "{op:?} of {a:?} and {b:?}: {x}, {y}");
                    }
                }
            }
        }
    }
}
