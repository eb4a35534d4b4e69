//! What a twin asks of its session, as plain functions.
//!
//! ```text
//! with(|s| s.op(..))   in a generic function: one closure for each instance, and all of `with`
//! ask::op(..)          one function
//! ```
//!
//! Invariant `once`: nothing here is generic, so it is compiled here and not in each interpreter.
//!
//! Not here: what the answers are (`tracer::session`).

use crate::ir::{Const, Effects, Op, Ty};
use crate::tracer::{
    AbortReason, Address, Callee, Condition, Function, Green, Handed, Image, Inlined, Local, Opnd,
    Part, Portal, Step, Tag, Word, with,
};
use std::any::Any;
use std::rc::Rc;

macro_rules! questions {
    ($($name:ident($($arg:ident: $ty:ty),*) $(-> $result:ty)?;)+) => {$(
        #[inline(never)]
        pub(super) fn $name($($arg: $ty),*) $(-> $result)? {
            with(|s| s.$name($($arg),*))
        }
    )+};
}

questions! {
    abort(reason: AbortReason);
    ask_constant(opnd: Opnd) -> bool;
    ask_virtual(words: &[Opnd]) -> bool;
    begin_call() -> Option<Option<Word>>;
    begin_inline(args: &[&Opnd]) -> Result<Inlined, Image>;
    begin_load(address: Address, ty: Ty) -> Option<Word>;
    begin_store() -> bool;
    blame(function: Function, class: u32);
    blob_tag(blob: u32) -> Option<Opnd>;
    branch(condition: Word);
    clear(opnd: Opnd, now: Const);
    collapses(call: &Inlined, result: Opnd) -> bool;
    end_blob_call(callee: &Callee, args: &[Word], tag: Option<Const>, size: u32) -> Opnd;
    end_call(callee: &Callee, args: &[Word], result: Option<Const>) -> Opnd;
    end_elidable(call: &Inlined, result: &Image);
    end_free(function: Function, pointer: Word, layout: (Word, u64));
    end_handed_over(function: Function, portal: &'static Portal, greens: &[Green], reds: &[Word], result: Handed) -> Opnd;
    end_inline(call: &Inlined, result: &Image);
    end_load(address: Address, now: Const) -> Opnd;
    end_new(op: Op, function: Function, args: &[Const], effects: Effects, now: Const) -> Opnd;
    end_pure_call(function: Function, args: &[Word], now: Const) -> Opnd;
    end_store(words: &[(Address, Word)]);
    flush();
    is_conditional() -> bool;
    is_last_call() -> bool;
    is_recording() -> bool;
    is_replaying() -> bool;
    is_shared(opnd: Opnd) -> bool;
    is_started() -> bool;
    keep(green: Rc<dyn Any>);
    kept_by(callee: &Callee, args: &[Word]) -> Vec<(u64, Const, u32)>;
    learn(address: Address, word: Word);
    know_result(result: Word);
    leave_level();
    listed(opnd: Opnd, size: u32) -> Vec<Part>;
    load_blob(blob: u32, offset: u32, now: Const) -> Opnd;
    local(id: u32) -> Local;
    looks_inside(call: &Inlined, constant: bool) -> bool;
    mark_header();
    may_return() -> bool;
    merge(greens: Vec<Green>, reds: &[Word]) -> Step;
    only_if(condition: Condition);
    op(op: Op, ty: Ty, a: Word, b: Option<Word>) -> Opnd;
    own(address: Address, size: Option<u32>);
    param(index: usize) -> Opnd;
    part(whole: Opnd, offset: u32, now: Const) -> Opnd;
    promote(word: Word);
    refer(local: Local) -> Opnd;
    record_result(function: Function, args: &[Word], result: Word);
    replace(whole: Opnd, len: u32, range: (u32, u32), new: Opnd) -> Opnd;
    replayed_blob(tag: Option<Word>) -> (Vec<u8>, Opnd);
    resolve(opnd: Opnd, now: Const) -> Opnd;
    returns(result: Image);
    settle(parts: Vec<Part>) -> Opnd;
    share(opnd: Opnd);
    skip_call(result: Option<Word>);
    slice(whole: Opnd, offset: u32, size: u32) -> Opnd;
    spill(words: &[(u32, Word)], size: u32) -> Word;
    start_green(green: Green);
    take_condition() -> Option<Condition>;
    take_known() -> Option<Word>;
    take_start_green() -> Option<Green>;
    test(tag: Tag, tested: Option<u64>, yes: bool);
}

/// Is a twin running?
pub(super) fn is_running() -> bool {
    crate::tracer::try_with(|_| ()).is_some()
}
