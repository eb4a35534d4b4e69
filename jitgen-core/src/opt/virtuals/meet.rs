//! Objects where ways meet.
//!
//! ```text
//! b2():                                  b2():
//!     v2 = new.ptr @alloc(i64 16) #0         jump b4(7)
//!     store.i64 v2+8, 7             =>   b3():
//!     jump b4(v2)                            jump b4(v5)
//! b3():                                  b4(v6: i64):        ;; an object with v6 at +8
//!     v4 = new.ptr @alloc(i64 16) #0
//!     store.i64 v4+8, v5
//!     jump b4(v4)
//! b4(v6: ptr):
//! ```
//!
//! What is passed on, and what is used behind by its name because it was there before the ways parted,
//! is looked at in the same manner: it is the same on all ways; or an object of one layout on all of
//! them that has not been made, of which the words are passed; or else it is made at the end of each
//! way, and gets a parameter.
//!
//! Invariant `one-object`: what is made at the end of a way is not passed as words, too.
//!
//! Not here: what a loop carries around (`super`).

use super::super::rules::Rule;
use super::layout::{Carried, Parts, Received};
use super::walk::{Object, Walk};
use crate::ir::{Arg, BlockId, End, Inst, Map, Set, ValueId};

/// The end of a way: what values have become, and the objects that have not been made.
pub(super) struct Way {
    /// The block of the output.
    block: usize,
    objects: Vec<Object>,
    of: Map<ValueId, usize>,
    subst: Map<ValueId, Arg>,
}

/// Something that is used where ways meet, and what it is on each of them.
struct Item {
    name: ValueId,
    args: Vec<Arg>,
}

/// What one way passes for each item.
enum Passed {
    /// It is that.
    Plain(Arg),
    /// An object that has been made.
    Made(Arg),
    /// An object that has not been made, if it can be taken apart.
    Apart(Option<Carried>),
}

/// The end of a way as it becomes.
struct Changed {
    items: Vec<Passed>,
    insts: Vec<Inst>,
    words: Vec<Arg>,
}

impl Walk<'_> {
    /// The block that has been ended last jumps to where ways meet.
    pub fn note_way(&mut self, to: BlockId) {
        let (objects, of, subst) = (self.objects.clone(), self.of.clone(), self.subst.clone());
        let way = Way { block: self.out.blocks.len() - 1, objects, of, subst };
        self.meetings.entry(to).or_default().push(way);
    }

    /// A block begins to which these ways lead, with the parameters that it has in the trace, and from
    /// which on these values are used; its parameters now.
    pub fn meet(&mut self, ways: &[Way], params: &[ValueId], used: Set<ValueId>) -> Vec<ValueId> {
        let args_of = |way: &Way| match &self.out.blocks[way.block].end {
            End::Jump(_, args) => args.clone(),
            End::Leave(_) => unreachable!("it jumps"),
        };
        let args: Vec<Vec<Arg>> = ways.iter().map(args_of).collect();
        let of_param = |k: usize| args.iter().map(|args| args[k]).collect();
        let passed = params.iter().enumerate().map(|(k, v)| Item { name: *v, args: of_param(k) });
        let mut used: Vec<ValueId> = used.into_iter().filter(|v| !params.contains(v)).collect();
        used.sort_unstable();
        let used = used.into_iter().map(|v| Item { name: v, args: vec![v.into(); ways.len()] });
        let items: Vec<Item> = passed.chain(used).collect();
        let mut made = Set::default();
        let changed = loop {
            let way = |(k, way): (usize, &Way)| self.try_way(k, way, &items, &made);
            let changed: Vec<Changed> = ways.iter().enumerate().map(way).collect();
            let before = made.len();
            made.extend((0..items.len()).filter(|item| !fits(&changed, *item)));
            if made.len() == before {
                break changed;
            }
        };
        self.take_over(ways, params.len(), &items, changed)
    }

    /// Lets a way make these items, and takes the others apart.
    fn try_way(&mut self, k: usize, way: &Way, items: &[Item], made: &Set<usize>) -> Changed {
        let Way { block, objects, of, subst } = way;
        (self.objects, self.of, self.subst) = (objects.clone(), of.clone(), subst.clone());
        self.insts = self.out.blocks[*block].insts.clone();
        for (index, item) in items.iter().enumerate() {
            if made.contains(&index) {
                self.known(item.args[k]);
            }
        }
        let mut parts = Parts::default();
        let pass = |(index, item): (usize, &Item)| {
            let arg = item.args[k];
            if made.contains(&index) {
                Passed::Made(self.resolve(arg))
            } else if self.object(arg).is_none() {
                Passed::Plain(self.resolve(arg))
            } else {
                Passed::Apart(self.take_apart(arg, &mut parts))
            }
        };
        let items = items.iter().enumerate().map(pass).collect();
        Changed { items, insts: std::mem::take(&mut self.insts), words: parts.words }
    }

    /// Ends the ways so, and begins the block; its parameters.
    fn take_over(
        &mut self,
        ways: &[Way],
        params: usize,
        items: &[Item],
        mut changed: Vec<Changed>,
    ) -> Vec<ValueId> {
        (self.of, self.subst, self.objects) = (Map::default(), Map::default(), vec![]);
        let mut received = Received::default();
        let (mut taken, mut args) = (vec![], vec![vec![]; ways.len()]);
        for (index, Item { name, .. }) in items.iter().enumerate() {
            let of_ways = || changed.iter().map(|way| &way.items[index]);
            if let Some(Passed::Apart(Some(layout))) = of_ways().next() {
                self.fired.fire(Rule::VirtualMeet);
                self.receive(*name, layout, &mut received);
                continue;
            }
            let of_ways = of_ways().map(|passed| match passed {
                Passed::Plain(arg) | Passed::Made(arg) => *arg,
                Passed::Apart(_) => unreachable!("it is so on all ways, or on none"),
            });
            let of_ways: Vec<Arg> = of_ways.collect();
            let is_param = index < params;
            if !is_param && of_ways.iter().all(|arg| *arg == of_ways[0]) {
                if of_ways[0] != Arg::Value(*name) {
                    self.subst.insert(*name, of_ways[0]);
                }
                continue;
            }
            let param = if is_param { *name } else { self.out.add_value(self.out.ty(of_ways[0])) };
            if !is_param {
                self.subst.insert(*name, param.into());
            }
            taken.push(param);
            args.iter_mut().zip(of_ways).for_each(|(args, arg)| args.push(arg));
        }
        taken.extend(received.params);
        for ((way, changed), mut args) in ways.iter().zip(&mut changed).zip(args) {
            args.append(&mut changed.words);
            let block = &mut self.out.blocks[way.block];
            block.insts = std::mem::take(&mut changed.insts);
            if let End::Jump(_, passed) = &mut block.end {
                *passed = args;
            }
        }
        taken
    }
}

/// Can an item be passed like that: is it made on all ways, or an object of one layout on all of them,
/// or none on any?
fn fits(changed: &[Changed], item: usize) -> bool {
    let mut of_ways = changed.iter().map(|way| &way.items[item]);
    let first = of_ways.next();
    of_ways.chain(first).all(|passed| match (passed, first) {
        (Passed::Plain(_), Some(Passed::Plain(_))) => true,
        (Passed::Made(_), _) => true,
        (Passed::Apart(Some(a)), Some(Passed::Apart(Some(b)))) => a == b,
        _ => false,
    })
}
