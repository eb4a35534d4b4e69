//! Random guest programs for the machine.
//!
//! A program is made of nested loops with counters of their own, so it ends, and of branches that
//! depend on data.

use crate::machine::*;

struct Generator {
    seed: u64,
    code: Vec<i64>,
    may_call: bool,
}

/// Registers with data; the others are counters and limits of loops.
const DATA: u64 = 6;

impl Generator {
    fn below(&mut self, n: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.seed >> 33) % n
    }

    fn data(&mut self) -> i64 {
        self.below(DATA) as i64
    }

    fn push(&mut self, op: i64, a: i64, b: i64, c: i64) {
        self.code.extend([op, a, b, c]);
    }

    fn statements(&mut self, depth: u64) {
        for _ in 0..1 + self.below(5) {
            self.statement(depth);
        }
    }

    fn statement(&mut self, depth: u64) {
        let (a, b) = (self.data(), self.data());
        match self.below(16) {
            0 => {
                let value = self.below(50) as i64;
                self.push(SET, a, value, 0);
            }
            1..=3 => {
                let value = self.below(9) as i64 - 2;
                self.push(ADDI, a, value, 0);
            }
            4 | 5 => self.push(ADD, a, b, 0),
            6 | 7 => self.push(ACC, a, 0, 0),
            8..=10 => {
                let op = [EVEN, THIRD, LESS][self.below(3) as usize];
                let at = self.code.len();
                self.push(op, a, b, 0);
                self.statements(depth);
                if self.below(2) == 0 {
                    let skip = self.code.len();
                    self.push(GOTO, 0, 0, 0);
                    self.code[at + 3] = self.code.len() as i64;
                    self.statements(depth);
                    self.code[skip + 3] = self.code.len() as i64;
                } else {
                    self.code[at + 3] = self.code.len() as i64;
                }
            }
            11 => self.push(OUT, a, b, 0),
            12 => self.push(WORD, a, b, 0),
            13 if self.may_call => self.push(CALL, a, b, 0),
            _ if depth < 3 => self.repeat(depth),
            _ => self.push(ADDI, a, 1, 0),
        }
    }

    fn repeat(&mut self, depth: u64) {
        let (counter, limit) = (10 + depth as i64, 20 + depth as i64);
        let count = 1 + self.below([80, 20, 8][depth as usize]) as i64;
        self.push(SET, counter, 0, 0);
        self.push(SET, limit, count, 0);
        let head = self.code.len() as i64;
        self.statements(depth + 1);
        self.push(ADDI, counter, 1, 0);
        self.push(LESS, counter, limit, head);
    }
}

/// The program of a seed; those that may call run longer.
pub fn program(seed: u64, may_call: bool) -> Vec<i64> {
    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut generator = Generator { seed, code: vec![], may_call };
    for _ in 0..if may_call { 3 } else { 1 } {
        generator.repeat(if may_call { 0 } else { 1 });
    }
    let a = generator.data();
    generator.push(ACC, a, 0, 0);
    generator.push(HALT, 0, 0, 0);
    generator.code
}
