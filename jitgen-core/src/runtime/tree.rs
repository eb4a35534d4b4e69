//! Trees: a piece and the bridges that leave it, as one trace for the optimizer, and as one piece.
//!
//! ```text
//! source of the root           source of a bridge              tree
//! b0(v0, v1):                  b0(v0):                         b0(v0, v1):
//!     …                            …                               …
//!     guard … else exit0           leave exit0  ;; the root        guard … else exit0
//!     jump b0(…)                                                   jump b0(…)
//! exit0: [v0] log [load v5]                                    b1(v7, v8):
//!                                                                  v9 = eq v8, 3
//! ;; optimized: exit4: [v0] log [load 3]                           guard v9 else exit1
//! ;; and that is where the bridge begins                           …
//!                                                                  jump b0(…)
//!                                                              exit0: [v0] log [load v5] -> b1
//!                                                              exit1: [v7] log [load v8]
//! ```
//!
//! A bridge begins at an exit of an *optimized* trace, and takes its operands; in the tree it begins at
//! the exit of the source that this is a version of. What the optimizer had found to be constant there
//! the bridge tests, so it may be entered with anything; mostly the test goes again.
//!
//! Where bridges lead to a straight line, as to the outer loop of two, or to a join (`joins`), that is a
//! block of the tree as well, in which they meet. Only what would go in circles leaves the tree.
//!
//! The tree becomes a new piece, which replaces the root at its location. Root and bridges stay: older
//! code is linked to them, and the new piece is left by exits of its own.
//!
//! Not here: which pieces those are (`region`), what the optimizer makes of a tree (`opt::tree`).

use super::Jit;
use super::install::Optimized;
use super::store::{Kind, Piece, PieceId};
use crate::ir::{
    Arg, Aux, Block, BlockId, Const, End, Exit, ExitId, Inst, LogEntry, Op, Trace, Ty, ValueId,
};
use crate::opt::is_tree;
use crate::tracer::Map;
use std::collections::HashMap;

/// A tree of pieces.
pub(super) struct Tree {
    pub trace: Trace,
    pub planted: Planted,
}

/// What a tree is made of.
pub(super) struct Planted {
    /// The root first.
    pub members: Vec<PieceId>,
    /// The exits that go on at the headers of other loops.
    pub leaves: Vec<(ExitId, PieceId)>,
    /// The straight lines in it.
    pub joints: Vec<Joint>,
}

/// A straight line in a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joint {
    line: PieceId,
    /// What it is in the tree,
    block: BlockId,
    /// and where its exits begin.
    exits: u32,
}

impl Jit {
    /// The tree of a root and of those pieces among `members` that it leads to and that lead back.
    pub(super) fn plant(&self, root: PieceId, members: &[PieceId]) -> Tree {
        let here = self.store.piece(root);
        let planted = Planted { members: vec![root], leaves: vec![], joints: here.joints.clone() };
        let mut tree = Tree { trace: (*here.source).clone(), planted };
        tree.leave(here, 0);
        // By piece: what its exits are in the tree.
        let mut offsets = HashMap::from([(root, 0)]);
        offsets.extend(here.joints.iter().map(|joint| (joint.line, joint.exits)));
        let mut next = 0;
        loop {
            while let Some(parent) = tree.planted.members.get(next).copied() {
                next += 1;
                self.graft_all(&mut tree, parent, members, root, &mut offsets);
            }
            if !self.let_meet(&mut tree, members, root, &mut offsets) {
                break;
            }
        }
        tree.sort();
        if !is_tree(&tree.trace) {
            debug_assert!(false, "guards of one exit have effects between them:\n{}", tree.trace);
            tree.planted.members.truncate(1);
        }
        tree
    }

    /// Puts the bridges of a piece behind its exits.
    fn graft_all(
        &self,
        tree: &mut Tree,
        parent: PieceId,
        members: &[PieceId],
        root: PieceId,
        offsets: &mut HashMap<PieceId, u32>,
    ) {
        let piece = self.store.piece(parent);
        let mut bridges: Vec<(ExitId, PieceId)> = piece.bridges.clone().into_iter().collect();
        // Of exits that are versions of one, the last is that of the body.
        bridges.sort_by_key(|(exit, _)| std::cmp::Reverse(*exit));
        for (exit, bridge) in bridges {
            if !members.contains(&bridge) || tree.planted.members.contains(&bridge) {
                continue;
            }
            let from = self.store.piece(bridge);
            if let Some(offset) = tree.graft(piece, exit, offsets[&parent], from, root) {
                offsets.insert(bridge, offset);
                tree.planted.members.push(bridge);
            }
        }
    }

    /// Lets what leads to straight lines among `members` go on in these; answers whether there are new
    /// ones.
    fn let_meet(
        &self,
        tree: &mut Tree,
        members: &[PieceId],
        root: PieceId,
        offsets: &mut HashMap<PieceId, u32>,
    ) -> bool {
        let before = tree.planted.members.len();
        for (origin, target) in tree.planted.leaves.clone() {
            let line = self.store.piece(target);
            if target == root || !members.contains(&target) || !tree.fits(origin, line) {
                continue;
            }
            let known = tree.planted.joints.iter().find(|joint| joint.line == target);
            let block = match known.map(|joint| joint.block) {
                Some(block) => block,
                None => {
                    let joint = tree.add_line(target, line, root);
                    offsets.insert(target, joint.exits);
                    joint.block
                }
            };
            if !tree.planted.members.contains(&target) {
                tree.planted.members.push(target);
            }
            tree.meet(origin, block);
        }
        tree.planted.members.len() > before
    }

    /// Is that straight line a block of the tree that a piece has been made of?
    pub(super) fn has_taken(&self, tree: PieceId, line: PieceId) -> bool {
        let joints = &self.store.piece(tree).joints;
        joints.iter().any(|joint| self.store.newest(joint.line) == line)
    }

    /// The piece that a tree has become.
    pub(super) fn add_tree(
        &mut self,
        root: PieceId,
        Planted { members, leaves, joints }: &Planted,
        optimized: Optimized,
    ) -> PieceId {
        let old = self.store.piece(root);
        let (label, other) = (old.label.clone(), old.other);
        let validity = members.iter().flat_map(|piece| self.store.piece(*piece).validity.clone());
        let validity: Vec<_> = validity.collect();
        let bridges = self.fitting_bridges(old, members, &optimized);
        self.note_trace(&optimized.trace);
        let piece = self.add_piece(label, Kind::Location, optimized);
        let new = self.store.piece_mut(piece);
        new.other = other;
        new.replaces = Some(root);
        new.validity = validity;
        new.bridges = bridges;
        new.joints = joints.clone();
        for (index, origin) in new.origins.iter().enumerate() {
            let exit = ExitId(index as u32);
            if let Some((_, target)) = leaves.iter().find(|(from, _)| from == origin)
                && new.trace.exit(exit).link.is_none()
            {
                new.leaves.insert(exit, *target);
            }
        }
        piece
    }

    /// The bridges of the root that are not in the tree, at the exits where they can begin, too.
    fn fitting_bridges(
        &self,
        root: &Piece,
        members: &[PieceId],
        Optimized { trace, origins, .. }: &Optimized,
    ) -> Map<ExitId, PieceId> {
        let mut found = Map::default();
        for (exit, bridge) in &root.bridges {
            if members.contains(bridge) || self.store.piece(*bridge).dropped {
                continue;
            }
            let origin = root.origins[exit.index()];
            for index in (0..origins.len()).filter(|index| origins[*index] == origin) {
                let new = &trace.exits[index];
                if new.link.is_none()
                    && same_operands((&root.trace, root.trace.exit(*exit)), (trace, new))
                {
                    found.insert(ExitId(index as u32), *bridge);
                }
            }
        }
        found
    }
}

/// Do both exits have the same operands, and the same constants in their logs?
fn same_operands((a, of_a): (&Trace, &Exit), (b, of_b): (&Trace, &Exit)) -> bool {
    let types =
        |trace: &Trace, exit: &Exit| exit.args().map(|arg| trace.ty(arg)).collect::<Vec<_>>();
    let constants = |exit: &Exit| {
        let args = exit.log.iter().filter_map(|entry| entry.arg());
        args.map(Arg::as_const).collect::<Vec<_>>()
    };
    types(a, of_a) == types(b, of_b) && constants(of_a) == constants(of_b)
}

impl Tree {
    /// Notes where a piece leads, whose exits begin at `offset`; what leads to the root jumps there.
    fn leave(&mut self, piece: &Piece, offset: u32) {
        for (exit, target) in &piece.leaves {
            let origin = ExitId(piece.origins[exit.index()].0 + offset);
            self.planted.leaves.push((origin, *target));
        }
    }

    /// Puts a bridge behind the exit of its parent; answers what its first exit is in the tree. `None` if
    /// there is a bridge already, or if the exits do not fit.
    fn graft(
        &mut self,
        parent: &Piece,
        exit: ExitId,
        of_parent: u32,
        bridge: &Piece,
        root: PieceId,
    ) -> Option<u32> {
        let left = parent.trace.exit(exit);
        let at = ExitId(parent.origins[exit.index()].0 + of_parent);
        let from = self.trace.exit(at).clone();
        if from.link.is_some()
            || from.log.len() != left.log.len()
            || from.reds.len() != left.reds.len()
        {
            return None;
        }
        let (entry, offsets) = self.trace.append(&bridge.source);
        self.trace.exits[at.index()].link = Some(entry);
        self.enter(entry, &from, left);
        self.return_to(root, bridge, offsets.exit);
        Some(offsets.exit)
    }

    /// Can the blocks that leave by `origin` go on in that straight line?
    fn fits(&self, origin: ExitId, line: &Piece) -> bool {
        let exit = self.trace.exit(origin);
        let types = exit.reds.iter().map(|arg| self.trace.ty(*arg));
        let is_line = matches!(&line.source.blocks[..], [Block { end: End::Leave(_), .. }]);
        let mut bridges = self.trace.blocks.iter().skip(1);
        is_line
            && bridges.any(|block| block.end == End::Leave(origin))
            && exit.log.is_empty()
            && types.eq(line.source.param_types())
    }

    /// Adds a straight line, to which nothing leads yet.
    fn add_line(&mut self, id: PieceId, line: &Piece, root: PieceId) -> Joint {
        let (block, offsets) = self.trace.append(&line.source);
        self.return_to(root, line, offsets.exit);
        let joint = Joint { line: id, block, exits: offsets.exit };
        self.planted.joints.push(joint);
        joint
    }

    /// Lets the blocks that leave by `origin` jump to that one, but for those that it leads to itself, and
    /// the first one.
    fn meet(&mut self, origin: ExitId, joint: BlockId) {
        // What it leads to within a round of the loop.
        let behind = self.trace.reached(joint, Some(BlockId(0)));
        let args = self.trace.exit(origin).reds.clone();
        let mut stays = false;
        for (index, block) in self.trace.blocks.iter_mut().enumerate() {
            if block.end != End::Leave(origin) {
                continue;
            }
            if index == 0 || behind[index] {
                stays = true;
            } else {
                block.end = End::Jump(joint, args.clone());
            }
        }
        self.planted.leaves.retain(|(exit, _)| stays || *exit != origin);
    }

    /// Puts each block behind those that lead to it.
    fn sort(&mut self) {
        let mut order = vec![];
        // Has a block been met, and has all that it leads to been put in order?
        let mut met = vec![false; self.trace.blocks.len()];
        let mut work = vec![(BlockId(0), false)];
        while let Some((block, is_done)) = work.pop() {
            if is_done {
                order.push(block);
            } else if !std::mem::replace(&mut met[block.index()], true) {
                work.push((block, true));
                work.extend(self.trace.successors(block).into_iter().map(|next| (next, false)));
            }
        }
        order.reverse();
        let places = self.trace.keep_blocks(&order);
        for joint in &mut self.planted.joints {
            joint.block = places[joint.block.index()].expect("something leads to a line");
        }
    }

    /// Lets what leads to the root in a piece, whose exits begin at `offset`, jump there.
    fn return_to(&mut self, root: PieceId, piece: &Piece, offset: u32) {
        for (exit, target) in &piece.leaves {
            let origin = ExitId(piece.origins[exit.index()].0 + offset);
            if *target != root {
                self.planted.leaves.push((origin, *target));
                continue;
            }
            let args: Vec<Arg> = self.trace.exit(origin).args().collect();
            let leaves = |block: &&mut Block| block.end == End::Leave(origin);
            for block in self.trace.blocks.iter_mut().filter(leaves) {
                block.end = End::Jump(BlockId(0), args.clone());
            }
        }
    }

    /// Lets a bridge begin with the operands of `from`, where it began with those of `left`.
    fn enter(&mut self, entry: BlockId, from: &Exit, left: &Exit) {
        let mut known = std::mem::take(&mut self.trace.blocks[entry.index()].params).into_iter();
        let mut params: Vec<ValueId> = known.by_ref().take(from.reds.len()).collect();
        let mut here = Exit { pending: vec![], link: None, ..from.clone() };
        here.reds = params.iter().map(|param| (*param).into()).collect();
        let found = left.log.iter().filter_map(|entry| entry.arg());
        let found: Vec<Arg> = found.collect();
        let mut tests = vec![];
        for (arg, found) in here.log.iter_mut().filter_map(LogEntry::arg_mut).zip(found) {
            if arg.as_const().is_some() {
                continue;
            }
            let param = match found {
                Arg::Value(_) => known.next().expect("a bridge takes all operands of its exit"),
                Arg::Const(c) => {
                    let param = self.trace.add_value(c.ty);
                    tests.push((param, c));
                    param
                }
            };
            *arg = param.into();
            params.push(param);
        }
        let mut insts = vec![];
        if !tests.is_empty() {
            let exit = self.trace.add_exit(here);
            tests.into_iter().for_each(|(param, c)| self.test(param, c, exit, &mut insts));
        }
        let Block { params: taken, insts: those, .. } = &mut self.trace.blocks[entry.index()];
        *taken = params;
        those.splice(0..0, insts);
    }

    /// Tests that a parameter is what it was when the bridge was recorded, bit for bit.
    fn test(&mut self, param: ValueId, c: Const, exit: ExitId, insts: &mut Vec<Inst>) {
        let guard = |op, a| {
            let aux = Aux::Exit(exit);
            Inst { op, ty: Ty::Bool, dst: None, a, b: Arg::NONE, imm: 0, aux }
        };
        if c.ty == Ty::Bool {
            let op = if c.is_true() { Op::Guard } else { Op::GuardNot };
            insts.push(guard(op, param.into()));
            return;
        }
        let (mut a, mut ty) = (Arg::Value(param), c.ty);
        let mut define = |trace: &mut Trace, op: Op, ty: Ty, result: Ty, a: Arg, b: Arg| {
            let dst = trace.add_value(result);
            insts.push(Inst { op, ty, dst: Some(dst), a, b, imm: 0, aux: Aux::None });
            Arg::Value(dst)
        };
        if c.ty.is_float() {
            ty = if c.ty == Ty::F32 { Ty::I32 } else { Ty::I64 };
            a = define(&mut self.trace, Op::Bitcast, ty, ty, a, Arg::NONE);
        }
        let same = Const::new(ty, c.bits).into();
        let equal = define(&mut self.trace, Op::Eq, ty, Ty::Bool, a, same);
        insts.push(guard(Op::Guard, equal));
    }
}
