//! Loops as a recorder finds them, and bridges that fit: trees whose bridges go on in the body.
//!
//! ```text
//! b0(v0: i64, v1: ptr, …):                 ;; v0 counts, v1 is a frame
//!     v5 = load.i8 v1+28                   ;; a word that mostly holds 3: a tag
//!     v6 = eq.i8 v5, 3
//!     guard v6 else exit0
//!     v7 = lt_s.i64 v0, 9
//!     guard v7 else exit0                  ;; -> an outer loop
//!     …                                    ;; words of the frame are changed
//!     v9 = and.i64 v8, 1
//!     guard v10 else exit1                 ;; taken in some rounds -> a bridge
//!     jump b0(v11, v1, …)
//! ```
//!
//! Pointers stay what they are, tags are stored as tags, other words change. Bridges go on with the same
//! words of the same frame, behind exits that have been seen to be taken in the test's own worlds.
//! What breaks that here and there is wanted, too: another tag, a constant that a bridge makes of a word
//! that the loop leaves alone (a pin), a counter that is not tested, calls that write anything.
//!
//! A *box* is an object that each round makes for the next one.
//!
//! Not here: what happens within a round besides (`generate`).

use super::{Generator, Place, Value};
use crate::differential::counted;
use crate::typed_world::{FIELDS, Interface, OBJECT, Pointee, REGIONS, world};
use crate::world::{fake_regions, number, pick};
use jitgen_core::eval::{Limits, Observer, Outcome, evaluate_observed};
use jitgen_core::ir::{Arg, Const, ExitId, Op, Ty};
use std::collections::HashMap;
use std::ops::Range;

/// Bridges at most.
const MAX_BRIDGES: u64 = 4;
/// The worlds of the test in which exits are looked for that are taken: those of many rounds.
const LOOKED_AT: Range<u64> = 3..8;

/// A word of the frame.
#[derive(Clone, Copy)]
struct Word {
    field: usize,
    /// What it mostly holds.
    tag: Option<Const>,
    /// Is that not tested, and what bridges make of it, while the loop leaves it alone?
    pinned: bool,
}

/// What the rounds of a loop have in common.
#[derive(Clone, Default)]
pub(super) struct Guest {
    words: Vec<Word>,
    /// The counter is less than that, if the loop tests it.
    limit: u64,
    /// Is it tested at the end, too?
    rotated: bool,
    /// Does the first word of the frame hold the counter?
    mirrored: bool,
    /// The parameter that each round makes anew.
    made: Option<usize>,
    /// The field of that which holds words of another type.
    other: Option<usize>,
}

impl Generator {
    /// The frame's words, before the parameters are made; answers what its tags are.
    pub(super) fn begin_guest(&mut self) -> Vec<(usize, u64)> {
        let mut fields: Vec<usize> = (0..FIELDS.len()).collect();
        let mut words = vec![Word { field: 0, tag: None, pinned: false }];
        fields.remove(0);
        for _ in 0..2 + self.below(4) {
            let field = fields.swap_remove(self.below(fields.len() as u64) as usize);
            let (_, ty, _) = FIELDS[field];
            let is_tag = ty == Ty::Bool || ty.is_int() && self.chance(1, 2);
            let tag =
                is_tag.then(|| Const::new(ty, self.below(if ty == Ty::Bool { 2 } else { 5 })));
            let pinned = tag.is_some() && ty != Ty::Bool && self.chance(1, 2);
            words.push(Word { field, tag, pinned });
        }
        let limit = 3 + self.below(8);
        let (rotated, mirrored) = (self.chance(1, 3), self.chance(1, 2));
        let made = None;
        let other = self.chance(1, 4).then(|| self.below(FIELDS.len() as u64) as usize);
        let tags = words.iter().filter_map(|word| Some((word.field, word.tag?.bits))).collect();
        self.guest = Some(Guest { words, limit, rotated, mirrored, made, other });
        tags
    }

    /// The loop's own block, up to its jump, whose arguments these are.
    pub(super) fn guest_round(&mut self, params: &[Value]) -> Vec<Arg> {
        self.quiet |= self.chance(1, 2);
        self.look_at_words(params);
        if self.allocates && self.chance(1, 2) {
            let places = (3..params.len()).filter(|k| params[*k].points == Some(Pointee::Object));
            self.guest().made = places.max();
        }
        self.test_tags(params, 3);
        if self.chance(3, 4) {
            self.test_counter(params[0].arg);
        }
        self.use_pinned(params);
        for _ in 0..2 {
            for _ in 0..1 + self.below(4) {
                self.guest_step(params);
            }
            self.branch(params);
        }
        let one = Const::i64(1).into();
        let next = self.define(Op::Add, Ty::I64, params[0].arg, one, 0);
        if self.guest().mirrored {
            self.store(place(params[1].arg, 0), Some(next));
        }
        if self.guest().rotated {
            self.test_counter(next);
        }
        self.next_round(params, Some(next))
    }

    /// A bridge's block; the arguments of the jump, if it does not leave.
    pub(super) fn guest_bridge(&mut self, heads: &[Value]) -> Option<Vec<Arg>> {
        self.look_at_words(heads);
        let pinned = self.guest().words.iter().any(|word| word.pinned);
        if pinned && self.chance(5, 6) {
            let mut pinned = vec![self.frame_word(|word| word.pinned)];
            if self.chance(2, 3) {
                pinned = self.guest().words.iter().filter(|word| word.pinned).copied().collect();
            }
            for Word { field, tag, .. } in pinned {
                self.store(place(heads[1].arg, field), tag.map(Arg::Const));
            }
        }
        if self.chance(1, 3) {
            let Word { field, .. } = self.frame_word(|word| word.tag.is_none());
            let found = self.load(place(heads[1].arg, field));
            if FIELDS[field].2.is_none() {
                self.show(found);
            }
        }
        if !pinned && self.chance(1, 4) {
            self.store_elsewhere(heads);
        }
        for _ in 0..1 + self.below(5) {
            self.guest_step(heads);
        }
        if !self.quiet && self.chance(1, 2) {
            self.call();
            self.change_word(heads);
        }
        // A recorded bridge goes on to the merge point: it may have looked at the tags again.
        if self.chance(1, 2) {
            self.test_tags(heads, 1);
        }
        let counter = match self.below(5) {
            0 => Some(Const::i64(self.below(3) as i64).into()),
            1 | 2 => {
                let by = Const::i64(1 + self.below(2) as i64).into();
                Some(self.define(Op::Add, Ty::I64, heads[0].arg, by, 0))
            }
            3 => Some(self.operand(Ty::I64)),
            _ => None,
        };
        if self.guest().mirrored && self.chance(2, 3) {
            self.store(place(heads[1].arg, 0), Some(counter.unwrap_or(heads[0].arg)));
        }
        self.chance(9, 10).then(|| self.next_round(heads, counter))
    }

    fn guest(&mut self) -> &mut Guest {
        self.guest.as_mut().expect("this is a guest loop")
    }

    /// The frame's words are what is accessed most.
    fn look_at_words(&mut self, heads: &[Value]) {
        let words = self.guest().words.clone();
        self.hot = words.iter().map(|word| place(heads[1].arg, word.field)).collect();
        self.held = vec![];
    }

    /// Most tags are looked at, by guards that leave in the same way, as long as nothing has happened.
    fn test_tags(&mut self, heads: &[Value], of_four: u64) {
        for word in self.guest().words.clone() {
            let tag = word.tag.filter(|_| !word.pinned && self.chance(of_four, 4));
            let Some(tag) = tag else { continue };
            let is = self.load(place(heads[1].arg, word.field));
            let same = self.define(Op::Eq, tag.ty, is, tag.into(), 0);
            self.guard_on(Op::Guard, same);
        }
    }

    fn test_counter(&mut self, counter: Arg) {
        let limit = Const::i64(self.guest().limit as i64).into();
        let less = self.define(Op::LtS, Ty::I64, counter, limit, 0);
        self.guard_on(Op::Guard, less);
        if self.chance(1, 3) {
            let from = Const::i64(self.below(3) as i64 - 2).into();
            let (op, ty) = (pick(&mut self.rng, &[Op::LtS, Op::LeS, Op::Ne]), Ty::I64);
            let above = self.define(op, ty, from, counter, 0);
            let exit = self.last_exit.expect("there has been a guard");
            self.leave_by(exit, Op::Guard, above);
        }
    }

    fn guest_step(&mut self, heads: &[Value]) {
        match self.below(16) {
            0..5 => self.change_word(heads),
            5..7 => self.branch(heads),
            7 | 8 => self.settle_word(heads),
            9 => self.registers(),
            10 | 11 if !self.quiet => self.call(),
            12 if self.owns => self.owner(),
            13 if self.chance(1, 2) => self.reuse(),
            13 => self.related(),
            _ => self.step(),
        }
    }

    fn frame_word(&mut self, fits: impl Fn(&Word) -> bool) -> Word {
        let words = &self.guest.as_ref().expect("this is a guest loop").words;
        let words: Vec<Word> = words.iter().filter(|word| fits(word)).copied().collect();
        pick(&mut self.rng, &words)
    }

    /// `frame.word = frame.word op …`
    fn change_word(&mut self, heads: &[Value]) {
        let word = self.frame_word(|word| !word.pinned);
        let place = place(heads[1].arg, word.field);
        let (_, _, ty, points, _) = place;
        let old = self.load(place);
        let new = match word.tag {
            Some(tag) => Some(tag.into()).filter(|_| self.chance(19, 20)),
            None if ty.is_int() => {
                let ops = [Op::Add, Op::Add, Op::Xor, Op::Sub];
                let op = pick(&mut self.rng, &ops);
                let other = self.pinned_or_any(heads, ty);
                Some(self.define(op, ty, old, other, 0))
            }
            None if points.is_some() && self.chance(1, 2) => Some(old),
            None => None,
        };
        self.store(place, new);
    }

    /// Each pinned word matters to a word of the frame.
    fn use_pinned(&mut self, heads: &[Value]) {
        let pinned = self.guest().words.clone().into_iter().filter(|word| word.pinned);
        for (k, Word { field, .. }) in pinned.enumerate() {
            let mut value = self.load(place(heads[1].arg, field));
            if self.trace.ty(value) != Ty::I64 {
                value = self.define(Op::Zext, Ty::I64, value, Arg::NONE, 0);
            }
            if k > 0 {
                let sum = self.load(place(heads[1].arg, 0));
                value = self.define(Op::Add, Ty::I64, sum, value, 0);
            }
            self.store(place(heads[1].arg, 0), Some(value));
        }
    }

    /// A word of the frame is stored, and then the same word of an object is looked at and stored, which
    /// may be the frame; or a function is called, which may write the word.
    fn store_elsewhere(&mut self, heads: &[Value]) {
        let calls = !self.quiet && self.chance(1, 2);
        let field = if calls { 0 } else { self.frame_word(|word| word.tag.is_none()).field };
        self.store(place(heads[1].arg, field), None);
        let object = self.of_kind(Ty::Ptr, Some(Pointee::Object));
        self.load(place(object, field));
        match calls {
            true => self.call(),
            false => self.store(place(object, field), None),
        }
    }

    /// An operand, or what a pinned word holds.
    fn pinned_or_any(&mut self, heads: &[Value], ty: Ty) -> Arg {
        let pinned = |word: &Word| word.pinned && FIELDS[word.field].1.width() <= ty.width();
        if self.guest().words.iter().any(pinned) && self.chance(1, 2) {
            let word = self.frame_word(pinned);
            let of = self.load(place(heads[1].arg, word.field));
            return match self.trace.ty(of) == ty {
                true => of,
                false => self.define(Op::Zext, ty, of, Arg::NONE, 0),
            };
        }
        self.operand(ty)
    }

    /// A guard that leaves in some rounds.
    fn branch(&mut self, heads: &[Value]) {
        let word = self.frame_word(|_| true);
        let ty = FIELDS[word.field].1;
        let by = match word.tag {
            None if ty.is_int() && self.chance(1, 2) => self.load(place(heads[1].arg, word.field)),
            _ => heads[0].arg,
        };
        let ty = self.trace.ty(by);
        let mut constant = |below| Arg::Const(Const::new(ty, self.below(below)));
        // One that decides too much would fail in the next round for sure.
        let (mask, one) = (Const::new(ty, 3).into(), constant(4));
        let bound = Const::new(ty, 1).into();
        let low = self.define(Op::And, ty, by, mask, 0);
        let condition = match self.chance(2, 3) {
            true => self.define(Op::Ne, ty, low, one, 0),
            false => self.define(Op::LeU, ty, bound, low, 0),
        };
        self.guard_on(Op::Guard, condition);
    }

    /// A word becomes a constant: its tag, another one, or a number.
    fn settle_word(&mut self, heads: &[Value]) {
        let in_bridge = !self.trace.blocks.is_empty();
        let has_pinned = self.guest().words.iter().any(|word| word.pinned);
        let only_pinned = in_bridge && has_pinned && self.chance(1, 2);
        let word = self.frame_word(|word| word.pinned && in_bridge || !word.pinned && !only_pinned);
        let place = place(heads[1].arg, word.field);
        if place.3.is_some() {
            return;
        }
        let other = number(&mut self.rng, place.2, &[]);
        let value = word.tag.filter(|_| self.chance(14, 15)).unwrap_or(other);
        self.store(place, Some(value.into()));
    }

    fn next_round(&mut self, heads: &[Value], counter: Option<Arg>) -> Vec<Arg> {
        let made = self.guest().made;
        let mut args: Vec<Arg> = vec![];
        let keeps = self.chance(9, 10);
        for (k, head) in heads.iter().enumerate() {
            let arg = match head.ty {
                _ if k == 0 => counter.unwrap_or(head.arg),
                Ty::Ptr if Some(k) == made => self.make_box(),
                Ty::Ptr if !keeps && self.chance(1, 2) => self.of_kind(Ty::Ptr, head.points),
                Ty::Ptr => head.arg,
                ty if self.chance(1, 3) => {
                    self.shown_of(ty).unwrap_or_else(|| self.of_kind(ty, None))
                }
                _ => head.arg,
            };
            self.shows(arg);
            args.push(arg);
        }
        args
    }

    /// An object for the next round; all that are made so have one layout.
    fn make_box(&mut self) -> Arg {
        let object: Arg = self.trace.add_value(Ty::Ptr).into();
        let args = [OBJECT as i64, 8].map(|bytes| Arg::Const(Const::i64(bytes)));
        let nothing = Some(vec![]);
        self.allocation(Op::New, "alloc", object.as_value(), args.to_vec(), nothing);
        self.is_exact = true;
        for field in 0..FIELDS.len() {
            let word = self.word_of_box(object, field);
            self.store(word, None);
        }
        self.is_exact = false;
        object
    }

    /// A field of a box; mostly those of one loop hold words of one type, and not each that of the field.
    fn word_of_box(&mut self, object: Arg, field: usize) -> Place {
        let (object, offset, ty, points, kind) = place(object, field);
        let other = match ty {
            Ty::I64 => Ty::F64,
            Ty::F64 => Ty::I64,
            Ty::I32 => Ty::F32,
            Ty::F32 => Ty::I32,
            _ => ty,
        };
        let is_other = self.guest().other == Some(field);
        let ty = if is_other != self.chance(1, 30) { other } else { ty };
        (object, offset, ty, points, kind)
    }

    /// Adds bridges behind exits that are taken.
    pub(super) fn guest_bridges(&mut self, params: &[Value], interface: &Interface, seed: u64) {
        let mut known = std::mem::take(&mut self.pool);
        for _ in 0..1 + self.below(MAX_BRIDGES) {
            let exits = self.candidates();
            let taken = self.taken(interface, seed);
            let mut hot: Vec<(usize, ExitId)> =
                exits.iter().filter_map(|exit| Some((*taken.get(exit)?, *exit))).collect();
            // Mostly the one that is taken most.
            hot.sort_unstable_by_key(|(count, exit)| (usize::MAX - count, exit.0));
            let exit = match hot.first() {
                Some((_, exit)) if self.chance(2, 3) => *exit,
                Some(_) => pick(&mut self.rng, &hot).1,
                None => return,
            };
            self.bridge(exit, params, &known);
            known.append(&mut self.pool);
            let least = if self.chance(1, 8) { 1 } else { 2 };
            if self.chance(1, 3) && self.meeting(params, least) {
                known.append(&mut self.pool);
            }
        }
    }

    /// By exit: how often it is taken.
    fn taken(&self, interface: &Interface, seed: u64) -> HashMap<ExitId, usize> {
        let mut taken = HashMap::new();
        let Some(counted) = counted(&self.trace) else { return taken };
        let regions = fake_regions(REGIONS + 1);
        for number in LOOKED_AT {
            let mut world = world(interface, &counted, seed, number, &regions, regions[REGIONS]);
            let mut rounds = Rounds { from: self.trace.exits.len(), passed: 0 };
            let (args, limits) = (&world.args, Limits::fuel(2_000));
            let run = evaluate_observed(&counted, args, &mut world.model, &limits, &mut rounds);
            if let Ok(Outcome::Exit { exit, .. }) = run {
                // What leaves in the first round is not in the body.
                *taken.entry(exit).or_insert(0) += 1 + 8 * usize::from(rounds.passed > 0);
            }
        }
        taken
    }
}

/// Counts the rounds, of which exits behind the given ones are left when they are used up.
struct Rounds {
    from: usize,
    passed: usize,
}

impl Observer for Rounds {
    fn guard(&mut self, exit: ExitId, _: &dyn Fn() -> Vec<Const>, passed: bool) {
        self.passed += usize::from(passed && exit.index() >= self.from);
    }
}

/// A field of an object.
fn place(object: Arg, field: usize) -> Place {
    let (offset, ty, points) = FIELDS[field];
    (object, offset, ty, points, field)
}
