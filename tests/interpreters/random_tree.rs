//! Random programs for the tree interpreter, as text. All loops are counted by what nothing else
//! writes, texts and lists are cut where they become long, and lists hold only scalars; so every
//! program ends, some with an error.
//!
//! Not here: who runs them (`tests/styles.rs`).

use oorandom::Rand32;

/// The variables that hold scalars.
const SCALARS: [&str; 4] = ["a", "b", "c", "d"];

/// The text of a program.
pub fn tree(seed: u64) -> String {
    Generator { random: Rand32::new(seed), parameters: false }.program()
}

struct Generator {
    random: Rand32,
    /// Is what is written inside of a function of `x` and `y`?
    parameters: bool,
}

impl Generator {
    fn below(&mut self, end: usize) -> usize {
        self.random.rand_range(0..end as u32) as usize
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn program(&mut self) -> String {
        let mut text = String::new();
        for name in SCALARS {
            text += &format!("(var {name} {}) ", self.constant());
        }
        text += "(var items (list 1 2.5 3 4 5)) (var s \"\") (var i 0) (var j 0) (var k 0)\n";
        // A counter that closures share, a function without effects, and one with a loop of its own.
        text += "(var make (fn (n) (return (fn (by) (set n (+ n by)) (return n)))))
            (var count (make 0)) (var other (make 1.5))\n";
        self.parameters = true;
        text += &format!("(var f (fn (x y) {} (return {})))\n", self.escape(), self.value(1));
        text += &format!(
            "(var g (fn (x y) (var m 0)
               (while (< m 5) (set m (+ m 1)) {}) (return {})))\n",
            self.escape(),
            self.value(1)
        );
        self.parameters = false;
        let body = self.body(0);
        text += &format!("(while (< i 120) (set i (+ i 1))\n{body})\n");
        text + "(print items) (print s) (return (list a b c d))"
    }

    /// A way out of a function, sometimes.
    fn escape(&mut self) -> String {
        match self.below(3) {
            0 => String::new(),
            1 => format!("(if {} (return {}))", self.condition(1), self.value(2)),
            _ => format!("(set x {})", self.value(1)),
        }
    }

    fn constant(&mut self) -> String {
        match self.below(24) {
            0..12 => (self.below(20) as i64 - 4).to_string(),
            12..20 => format!("{:?}", self.below(20) as f64 / 4.0),
            20..22 => (i64::MAX - self.below(3) as i64).to_string(),
            22 => "nil".to_owned(),
            _ => self.pick(&["true", "false"]).to_owned(),
        }
    }

    fn variable(&mut self) -> &'static str {
        match self.parameters && self.below(3) > 0 {
            true => self.pick(&["x", "y"]),
            false => self.pick(&SCALARS),
        }
    }

    /// An index of the list, seldom out of bounds.
    fn index(&mut self) -> String {
        match self.below(12) {
            0 => "(/ i 20)".to_owned(),
            1..4 => "(% i (length items))".to_owned(),
            _ => self.below(5).to_string(),
        }
    }

    /// An expression with a scalar value.
    fn value(&mut self, depth: usize) -> String {
        let deep = depth >= 3;
        match self.below(if deep { 6 } else { 16 }) {
            0..4 => self.variable().to_owned(),
            4 => self.constant(),
            5 => self.pick(&["i", "j"]).to_owned(),
            6..11 => {
                let op = self.pick(&["+", "+", "-", "*", "*", "/", "%"]);
                format!("({op} {} {})", self.value(depth + 1), self.value(depth + 1))
            }
            11 => format!("(get items {})", self.index()),
            12 => "(+ (length items) (length s))".to_owned(),
            13 if !self.parameters => {
                let f = self.pick(&["f", "g"]);
                format!("({f} {} {})", self.value(depth + 1), self.value(depth + 1))
            }
            14 => format!("({} {})", self.pick(&["count", "other"]), self.value(depth + 1)),
            _ => {
                let op = self.pick(&["and", "or"]);
                format!("({op} {} {})", self.condition(depth + 1), self.value(depth + 1))
            }
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.below(6) {
            0 => "(< i 60)".to_owned(),
            1 => format!("(= {} {})", self.value(depth + 1), self.value(depth + 1)),
            2 => format!("(< (% i {}) 1)", 2 + self.below(6)),
            3 => self.variable().to_owned(),
            _ => format!("(< {} {})", self.value(depth + 1), self.value(depth + 1)),
        }
    }

    fn body(&mut self, depth: usize) -> String {
        let number = 1 + self.below(4);
        (0..number).map(|_| self.statement(depth) + "\n").collect()
    }

    fn statement(&mut self, depth: usize) -> String {
        let variable = self.pick(&SCALARS);
        match self.below(if depth < 3 { 16 } else { 8 }) {
            0..4 => format!("(set {variable} {})", self.value(0)),
            4 => format!("(put items {} {})", self.index(), self.value(1)),
            5 => format!(
                "(push items {}) (if (< 9 (length items)) (set items (list 1 2 3 4 5)))",
                self.value(1)
            ),
            6 => format!(
                "(set s (+ s (text {}))) (if (< 40 (length s)) (set s \"\"))",
                self.value(2)
            ),
            7 => format!("(if (< (% i 10) 1) (print {}))", self.value(2)),
            8 | 9 => format!("(if {} (do {}))", self.condition(1), self.body(depth + 1)),
            10 => format!(
                "(if {} (do {}) (do {}))",
                self.condition(1),
                self.body(depth + 1),
                self.body(depth + 1)
            ),
            11 | 12 => {
                let handler = match self.below(2) {
                    0 => format!("(set {variable} (length error))"),
                    _ => self.body(depth + 1),
                };
                format!("(try (do {}) error (do {handler}))", self.body(depth + 1))
            }
            // Inner loops have counters of their own.
            13 | 14 if depth < 2 => {
                let counter = ["j", "k"][depth];
                let leave = match self.below(2) {
                    0 => format!("(if {} break)", self.condition(2)),
                    _ => String::new(),
                };
                format!(
                    "(set {counter} 0) (while (< {counter} {}) (set {counter} (+ {counter} 1)) {leave} {})",
                    1 + self.below(6),
                    self.body(depth + 1)
                )
            }
            _ => format!("(if (= i {}) (fail \"enough\"))", 100 + self.below(60)),
        }
    }
}
