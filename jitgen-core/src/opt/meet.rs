//! Where ways meet: what all of them know, and parameters for what differs.
//!
//! ```text
//! b2():                        ;; v0+8 is 1, v0+16 is v3
//!     jump b4(v3)
//! b3():                        ;; v0+8 is 1, v0+16 is v5
//!     jump b4(v5)
//! b4(v6: i64):                 ;; v0+8 is 1, v0+16 is v6
//! ```
//!
//! The ways have parted at guards of a block (or of several, each behind a guard of the one before), so
//! what was computed before the first of these guards can be used where they meet: values are numbered
//! as they are computed, and the blocks that dominate a place are ranges of numbers ([`Scope`]).
//! The state at the meeting is that of one way, without what mentions other values, and without what
//! the other ways do not know as well. A word of which all know what it holds, but not the same, gets a
//! parameter, and so does an argument; those that nobody needs go again (`live`).
//!
//! Invariants: `all` (what is known has been known at the end of each way), `in-scope` (no table of the
//! state has a value that may not be used), `leaked` (an object whose address a parameter may be is not
//! private any more).
//!
//! Not here: which blocks meet (`tree`), pending stores (`sink`), objects that are not made
//! (`virtuals`).

use super::dense::ByValue;
use super::domain::Known;
use super::forward::Forward;
use super::fresh::Private;
use super::memory::Facts;
use super::owners::Apart;
use super::rules::Rule;
use super::truths::Truths;
use super::values::Values;
use super::words::Access;
use crate::ir::{Arg, BlockId, End, Map, ValueId};

/// The values that can be used at a place, as ranges of their numbers, those of the entry first. The last
/// one is open.
#[derive(Clone, Debug)]
pub(super) struct Scope(Vec<(usize, usize)>);

impl Default for Scope {
    fn default() -> Scope {
        Scope(vec![(0, usize::MAX)])
    }
}

impl Scope {
    /// What can be used of it behind a guard that stands where there are so many values.
    pub fn until(&self, values: usize) -> Scope {
        let mut scope = self.clone();
        scope.leave(values);
        scope
    }

    /// A block begins.
    pub fn enter(&mut self, values: usize) {
        self.0.push((values, usize::MAX));
    }

    /// The block ends.
    pub fn leave(&mut self, values: usize) {
        if let Some((_, till)) = self.0.last_mut() {
            *till = values.min(*till);
        }
    }

    /// What is in both.
    fn common(&self, other: &Scope) -> Scope {
        let mut common = vec![];
        for (a, b) in self.0.iter().zip(&other.0) {
            if a.0 != b.0 {
                break;
            }
            common.push((a.0, a.1.min(b.1)));
            if a != b {
                break;
            }
        }
        Scope(common)
    }

    /// By number: can the value be used?
    fn visible(&self) -> Visible {
        let mut visible = vec![];
        for (from, till) in &self.0 {
            visible.resize(*from, false);
            visible.resize((*till).max(*from), true);
        }
        Visible(visible)
    }
}

/// By number: can that value be used?
pub(super) struct Visible(Vec<bool>);

impl Visible {
    pub fn value(&self, v: ValueId) -> bool {
        self.0.get(v.index()).copied().unwrap_or(false)
    }

    pub fn arg(&self, arg: Arg) -> bool {
        arg.as_value().is_none_or(|v| self.value(v))
    }

    fn word(&self, word: &Access) -> bool {
        let place = word.address.place;
        self.arg(place.base()) && place.root().is_none_or(|(index, _)| self.value(index))
    }
}

/// The end of a way.
pub(super) struct Arrival<'t> {
    /// The block of the output that jumps to where ways meet.
    pub block: BlockId,
    /// What its arguments have become.
    pub args: Vec<Arg>,
    /// What is known there.
    pub state: Forward<'t>,
}

/// Begins a block of the output where these ways meet, which is `block` in the input.
pub(super) fn meet<'t>(
    block: BlockId,
    mut arrivals: Vec<Arrival<'t>>,
    output: &mut Forward<'t>,
) -> (BlockId, Forward<'t>) {
    if arrivals.len() > 1 {
        output.fired.fire(Rule::Meet);
    }
    let index = BlockId(output.out.blocks.len() as u32);
    let scopes = arrivals.iter().map(|arrival| &arrival.state.scope);
    let mut scope = scopes.cloned().reduce(|a, b| a.common(&b)).expect("a way leads there");
    let visible = scope.visible();
    scope.enter(output.out.values.len());
    let count = arrivals[0].args.len();
    let args = (0..count).flat_map(|k| arrivals.iter().map(move |way| way.args[k]));
    let mut rows: Vec<Arg> = args.collect();
    let words = common_words(&arrivals, &visible, &mut rows);
    let Merged { args, params, passed } = merge(rows, &mut arrivals, &visible, output);
    let (args, values) = args.split_at(count);
    if values.iter().any(|arg| !visible.arg(*arg)) {
        output.fired.fire(Rule::MeetWord);
    }
    let bounds = jump(&mut arrivals, index, &passed, output);
    let mut facts = Facts::default();
    facts.begin(words.len());
    for ((word, stored), value) in words.iter().zip(values) {
        facts.add(*word, *value, *stored);
    }
    let mut states = arrivals.into_iter().map(|way| way.state);
    let mut state = states.next().expect("a way leads there");
    state.narrow_to(&states.collect::<Vec<_>>(), &visible);
    state.facts.begin_with(facts);
    output.lend_output(&mut state);
    for (param, bound) in params.iter().zip(bounds) {
        let param = Arg::Value(*param);
        if !state.ty(param).is_float() {
            state.narrow(param, bound);
        }
    }
    (state.scope, state.params, state.sides) = (scope, params, Some(vec![]));
    state.enter(block, args);
    (index, state)
}

/// What rows of operands, one for each way, are where these meet.
struct Merged {
    /// By row: one of the operands, or a parameter.
    args: Vec<Arg>,
    params: Vec<ValueId>,
    /// By parameter: what the ways pass.
    passed: Vec<Vec<Arg>>,
}

/// Makes parameters for what differs. The rows stand one behind the other.
fn merge<'t>(
    mut rows: Vec<Arg>,
    arrivals: &mut [Arrival<'t>],
    visible: &Visible,
    output: &mut Forward<'t>,
) -> Merged {
    let ways = arrivals.len();
    let is_one = |row: &[Arg]| visible.arg(row[0]) && row.iter().all(|arg| *arg == row[0]);
    let differ: Vec<usize> =
        rows.chunks(ways).enumerate().filter(|(_, row)| !is_one(row)).map(|(k, _)| k).collect();
    for (way, Arrival { state, .. }) in arrivals.iter_mut().enumerate() {
        output.lend_output(state);
        for k in &differ {
            let arg = &mut rows[k * ways + way];
            *arg = state.current(*arg);
        }
        state.lend_output(output);
    }
    // By what is passed: the parameter.
    let mut known: Map<&[Arg], ValueId> = Map::default();
    let mut merged = Merged { args: vec![], params: vec![], passed: vec![] };
    for row in rows.chunks(ways) {
        let arg = match is_one(row) {
            true => row[0],
            false => (*known.entry(row).or_insert_with(|| {
                let param = output.out.add_value(output.out.ty(row[0]));
                merged.params.push(param);
                merged.passed.push(row.to_vec());
                param
            }))
            .into(),
        };
        merged.args.push(arg);
    }
    merged
}

/// Lets the ways jump there, and pass this; what is known of each parameter.
fn jump<'t>(
    arrivals: &mut [Arrival<'t>],
    to: BlockId,
    passed: &[Vec<Arg>],
    output: &mut Forward<'t>,
) -> Vec<Known> {
    let mut bounds: Vec<Option<Known>> = vec![None; passed.len()];
    for (k, Arrival { block, state, .. }) in arrivals.iter_mut().enumerate() {
        let args: Vec<Arg> = passed.iter().map(|row| row[k]).collect();
        output.lend_output(state);
        for (arg, bound) in args.iter().zip(&mut bounds) {
            state.leak(*arg);
            let known = state.known_of(*arg);
            *bound = Some(bound.map_or(known, |bound| bound.join(&known)));
        }
        state.out.blocks[block.index()].end = End::Jump(to, args);
        state.lend_output(output);
    }
    bounds.into_iter().map(|bound| bound.expect("a way leads there")).collect()
}

/// The words of which all ways know what they hold, and whether one has stored there. What they hold is
/// added to the rows.
fn common_words(
    arrivals: &[Arrival],
    visible: &Visible,
    rows: &mut Vec<Arg>,
) -> Vec<(Access, bool)> {
    let (first, others) = arrivals.split_first().expect("a way leads there");
    let mut words = vec![];
    for (_, at) in first.state.facts.order(|word, _| visible.word(word)) {
        let Some((word, fact)) = first.state.facts.at(at) else { continue };
        let (begin, mut stored) = (rows.len(), fact.stored);
        rows.push(fact.value);
        for way in others {
            let Some(fact) = way.state.facts.get_near(at, word) else { break };
            rows.push(fact.value);
            stored |= fact.stored;
        }
        if rows.len() - begin < arrivals.len() {
            rows.truncate(begin);
        } else {
            words.push((word, stored));
        }
    }
    words
}

impl Forward<'_> {
    /// Forgets what mentions other values than those that are visible, and what not all of the others
    /// know, but for memory.
    fn narrow_to(&mut self, others: &[Forward], visible: &Visible) {
        let all = |knows: &dyn Fn(&Forward) -> bool| others.iter().all(knows);
        self.defs.narrow_to(visible);
        self.table.narrow_to(visible);
        self.calls.retain(|call, value| {
            value.is_none_or(|value| visible.arg(value))
                && all(&|other| other.calls.get(call) == Some(value))
        });
        self.constants
            .retain(|v, c| visible.value(v) && all(&|other| other.constants.get(&v) == Some(c)));
        let truths: Vec<&Truths> = others.iter().map(|other| &other.truths).collect();
        self.truths.narrow_to(&truths);
        self.above.retain(|key, above| {
            for bound in above.iter_mut() {
                let knows =
                    |other: &Forward| other.above.get(key).is_some_and(|a| a.contains(bound));
                *bound = bound.filter(|_| all(&knows));
            }
            above.iter().any(Option::is_some)
        });
        let values: Vec<&Values> = others.iter().map(|other| &other.values).collect();
        self.values.narrow_to(&values, visible);
        let private: Vec<&Private> = others.iter().map(|other| &other.facts.private).collect();
        self.facts.private.narrow_to(&private, visible);
        let apart: Vec<&Apart> = others.iter().map(|other| &other.owners.apart).collect();
        self.owners.apart.narrow_to(&apart);
        self.owners.begin();
        (self.contradiction, self.loads) = (false, ByValue::default());
    }
}
