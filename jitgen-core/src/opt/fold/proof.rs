//! Each row of the table, tried on all operands and constants of eight bits.
//!
//! The widths of rules with casts are 1 (a truth value), 2, 4 and 8 in all combinations that the
//! operations allow. A row is compiled to steps on lanes: all values of its first operand at once,
//! with tables for the operations, so that three unknowns of eight bits take a fraction of a second
//! also in a debug build.
//!
//! What is undefined on the left may be anything on the right. An operation on the right must be
//! defined where the left is, also inside.
//!
//! Not here: larger widths (`smt`), what operations compute (`constant::integer`, which the filetests
//! and random traces compare with evaluator and machine code).

use super::constant;
use super::table::rows;
use super::term::Row;
use super::typing::{Meaning, Walk, Widths, assignments, casts};
use crate::ir::{Op, Sig};
use std::collections::HashMap;

/// The widths that stand for the types.
const WIDTHS: [u32; 4] = [1, 2, 4, 8];

/// A value that is undefined.
const UNDEFINED: u16 = 0x100;

/// One step: an operation on earlier results, by its table.
enum Step {
    Var(usize),
    Const(usize),
    Number(u16),
    /// The table has 256 results for each first operand.
    Apply(usize, usize, usize),
    Log2(usize),
    IsPow2(usize),
}

/// A row for a choice of widths, as steps; each depends on the first operand or does not.
struct Program<'a> {
    steps: Vec<(Step, bool)>,
    tables: &'a mut Tables,
}

#[derive(Default)]
struct Tables {
    numbers: HashMap<(Op, u32, u32), usize>,
    tables: Vec<Vec<u16>>,
}

impl Tables {
    fn number(&mut self, op: Op, width: u32, from: u32) -> usize {
        let Tables { numbers, tables } = self;
        *numbers.entry((op, width, from)).or_insert_with(|| {
            let second =
                if matches!(op.sig(), Sig::Binary | Sig::Compare | Sig::PtrAdd) { from } else { 8 };
            let result = |ab: u64| {
                let (a, b) = (ab >> 8, ab & 255);
                let inside = a >> from == 0 && b >> second == 0;
                let bits = if inside { constant::integer(op, width, from, a, b) } else { None };
                bits.map_or(UNDEFINED, |bits| bits as u16)
            };
            tables.push((0..1 << 16).map(result).collect());
            tables.len() - 1
        })
    }
}

impl Program<'_> {
    fn step(&mut self, step: Step) -> usize {
        let lanes = match step {
            Step::Var(v) => v == 0,
            Step::Const(_) | Step::Number(_) => false,
            Step::Apply(_, a, b) => self.steps[a].1 || self.steps[b].1,
            Step::Log2(a) | Step::IsPow2(a) => self.steps[a].1,
        };
        self.steps.push((step, lanes));
        self.steps.len() - 1
    }
}

impl Meaning for Program<'_> {
    type Value = usize;

    fn var(&mut self, var: usize) -> usize {
        self.step(Step::Var(var))
    }

    fn constant(&mut self, constant: usize) -> usize {
        self.step(Step::Const(constant))
    }

    fn number(&mut self, bits: u64, _: u32) -> usize {
        self.step(Step::Number(bits as u16))
    }

    fn apply(&mut self, op: Op, width: u32, from: u32, a: &usize, b: Option<&usize>) -> usize {
        let b = b.copied().unwrap_or_else(|| self.step(Step::Number(0)));
        let table = self.tables.number(op, width, from);
        self.step(Step::Apply(table, *a, b))
    }

    fn log2(&mut self, a: &usize, _: u32) -> usize {
        self.step(Step::Log2(*a))
    }

    fn is_pow2(&mut self, a: &usize, _: u32) -> usize {
        self.step(Step::IsPow2(*a))
    }
}

/// Tries a row with these widths on everything; answers the first operands for which it is wrong,
/// and how many of them its conditions have let through.
fn check(row: &Row, widths: &Widths, tables: &mut Tables) -> Result<u64, String> {
    let mut walk = Walk::new(widths, Program { steps: vec![], tables });
    let (left, right, conditions) = walk.row(row, |_| ());
    let named = walk.named.map(|named| named.is_some());
    let steps = walk.meaning.steps;
    let values = |width: u32| if width == 0 { 1 } else { 1usize << width };
    let counts = [
        values(widths.vars[0]),
        if named[1] { 1 } else { values(widths.vars[1]) },
        values(widths.consts[0]),
        values(widths.consts[1]),
    ];
    // What depends on the first operand is computed for all its values, the rest once.
    let lanes = counts[0];
    let mut results: Vec<Vec<u16>> =
        steps.iter().map(|(_, many)| vec![0; if *many { lanes } else { 1 }]).collect();
    // Where nothing depends on the first operand there still is a left and a right side to compare.
    let wide = |number: usize, results: &[Vec<u16>]| match &results[number][..] {
        [one] => vec![*one; lanes],
        many => many.to_vec(),
    };
    // What depends on no constant that has changed is as it was.
    let mut levels: Vec<usize> = vec![];
    for (step, _) in &steps {
        levels.push(match *step {
            Step::Var(_) | Step::Number(_) => 0,
            Step::Const(c) => c + 1,
            Step::Apply(_, a, b) => levels[a].max(levels[b]),
            Step::Log2(a) | Step::IsPow2(a) => levels[a],
        });
    }
    let filtered = steps.iter().enumerate().any(|(n, (_, many))| *many && conditions.contains(&n));
    let mut tried = 0;
    for y in 0..counts[1] {
        for c in 0..counts[2] {
            for d in 0..counts[3] {
                let changed = if d > 0 { 2 } else { usize::from(c > 0) };
                for (number, (step, _)) in steps.iter().enumerate() {
                    if levels[number] >= changed {
                        let (before, rest) = results.split_at_mut(number);
                        run(step, &tables.tables, before, &mut rest[0], [y, c, d]);
                    }
                }
                if conditions.iter().any(|n| !steps[*n].1 && results[*n][0] != 1) {
                    continue;
                }
                if !filtered && results[left] == results[right] {
                    tried += lanes as u64;
                    continue;
                }
                let (l, r) = (wide(left, &results), wide(right, &results));
                for lane in 0..lanes {
                    let holds = |n: &usize| results[*n][if steps[*n].1 { lane } else { 0 }] == 1;
                    if l[lane] == UNDEFINED || !conditions.iter().all(holds) {
                        continue;
                    }
                    tried += 1;
                    if l[lane] != r[lane] {
                        return Err(format!("x = {lane}, y = {y}, C = {c}, D = {d}"));
                    }
                }
            }
        }
    }
    Ok(tried)
}

/// Computes a step. Written with plain loops, which a debug build does ten times faster.
fn run(step: &Step, tables: &[Vec<u16>], before: &[Vec<u16>], out: &mut [u16], at: [usize; 3]) {
    match *step {
        Step::Var(0) => out.iter_mut().enumerate().for_each(|(lane, out)| *out = lane as u16),
        Step::Var(_) => out[0] = at[0] as u16,
        Step::Const(c) => out[0] = at[1 + c] as u16,
        Step::Number(bits) => out[0] = bits,
        Step::Log2(a) => out[0] = before[a][0].checked_ilog2().unwrap_or(0) as u16,
        Step::IsPow2(a) => out[0] = u16::from(before[a][0].is_power_of_two()),
        Step::Apply(table, a, b) => {
            let (table, a, b) = (&tables[table][..], &before[a][..], &before[b][..]);
            let (a_many, b_many) = (usize::from(a.len() > 1), usize::from(b.len() > 1));
            let (mut lane, lanes) = (0, out.len());
            while lane < lanes {
                let (x, y) = (a[lane * a_many], b[lane * b_many]);
                out[lane] = if (x | y) & UNDEFINED != 0 {
                    UNDEFINED
                } else {
                    table[(x as usize) << 8 | y as usize]
                };
                lane += 1;
            }
        }
    }
}

#[test]
fn each_row_holds_for_all_operands_and_constants() {
    let mut tables = Tables::default();
    let mut wrong = vec![];
    for row in rows() {
        let has_casts = casts(&row.left) > 0;
        let widths = if has_casts { &WIDTHS[..] } else { &[1, 8] };
        let choices = assignments(row, widths);
        let mut tried = 0;
        for choice in &choices {
            match check(row, choice, &mut tables) {
                Ok(count) => tried += count,
                Err(operands) => {
                    wrong.push(format!("{}: {row}\n    {operands} with {choice:?}", row.name))
                }
            }
        }
        if tried == 0 && !wrong.iter().any(|text| text.starts_with(row.name)) {
            wrong.push(format!("{}: {row}\n    no operands fulfil the conditions", row.name));
        }
    }
    assert!(wrong.is_empty(), "rows that do not hold:\n{}", wrong.join("\n"));
}
