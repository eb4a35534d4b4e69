//! Calls of code, by running what the backend compiles: arguments, results, frames within frames, and
//! what happens where there is no code, no room, or no result.

use jitgen_core::backend::{
    CallCell, Code, Compiler, ExitCell, Frame, Options, SCRATCH_WORDS, STACKS, Stacks, Symbols,
    enter,
};
use jitgen_core::ir::{ExitId, Ty, parse, verify};
use std::cell::RefCell;

/// What the function of the calls is told: how deep in the frames, and by which exit the callee's
/// code was left.
#[derive(Debug, PartialEq, Clone, Copy)]
struct Finished {
    depth: usize,
    exit: Option<u32>,
    argument: u64,
}

thread_local! {
    static FINISHED: RefCell<Vec<Finished>> = const { RefCell::new(vec![]) };
    static FIRST: RefCell<usize> = const { RefCell::new(0) };
}

/// Gives 1000 where the callee's code has left by a guard, and 1,000,000 times the argument where it
/// has not run.
extern "C" fn finish(site: *const u64, frame: *mut Frame, cell: *const ExitCell) {
    // SAFETY: the traces pass the site of the test, the callee's frame, and a cell or null.
    let (site, frame, cell) = unsafe { (*site, &mut *frame, cell.as_ref()) };
    assert_eq!(site, 77);
    let argument = frame.read(0, Ty::I64);
    let depth = (std::ptr::from_ref(frame).addr() - FIRST.take()) / PLACE;
    FIRST.set(std::ptr::from_ref(frame).addr() - depth * PLACE);
    let exit = cell.map(|cell| cell.exit);
    FINISHED.with_borrow_mut(|all| all.push(Finished { depth, exit, argument }));
    frame.scratch[0] = if exit.is_some() { 1000 } else { 1_000_000 * argument };
    frame.scratch[1] = 5;
}

/// Where a frame begins within the caller's.
const PLACE: usize = 16;

/// Stacks with all the room that there is.
struct World {
    stacks: Box<Stacks>,
    memory: Vec<u64>,
    cell: Box<CallCell>,
    site: Box<u64>,
}

impl Symbols for World {
    fn address(&self, symbol: &str) -> Option<usize> {
        match symbol {
            "finish" => Some(finish as *const () as usize),
            STACKS => Some(std::ptr::from_ref(&*self.stacks).expose_provenance()),
            _ => None,
        }
    }
}

impl World {
    fn new() -> World {
        let world = World {
            stacks: Box::default(),
            memory: vec![0; 8 * SCRATCH_WORDS],
            cell: Box::new(CallCell::new()),
            site: Box::new(77),
        };
        world.stacks.set_frames(std::ptr::null_mut(), usize::MAX);
        world
    }

    /// down(n) = n == 0 ? leave by a guard : down(n - 1) + 10 n, in two words with 7 - n as the other.
    fn down(&self) -> Code {
        let text = format!(
            "
            trace @down {{
            b0(v0: i64):
                v1 = ne.i64 v0, 0
                guard v1 else exit0
                v2 = sub.i64 v0, 1
                v3 = scratch +{PLACE}
                call_code @finish(ptr {:#x}, ptr {:#x}, v3, v2, f64 0.5)
                v4 = load.i64 v3+0
                v5 = load.i8 v3+8
                v6 = add.i64 v4, v2
                v7 = add.i8 v5, 2
                leave exit1
            exit0: resume 0 [v0]
            exit1: resume 0 [] log [result 16, part +0 v6, part +8 i32 -1, part +8 v7]
            }}",
            std::ptr::from_ref(&*self.cell).expose_provenance(),
            std::ptr::from_ref(&*self.site).expose_provenance(),
        );
        let trace = parse(&text).unwrap_or_else(|error| panic!("{error}")).remove(0);
        assert_eq!(verify(&trace), []);
        let mut compiler = Compiler::new(&Options::default()).expect("this machine is supported");
        compiler.compile(&trace, self, 3).expect("it can be compiled")
    }

    /// Enters it with a number; gives exit, first and second word of the result, and what had to be
    /// finished.
    fn run(&mut self, code: &Code, argument: u64) -> (u32, [u64; 2], Vec<Finished>) {
        // What was there before must not be part of a result.
        self.memory.fill(0xa5a5_a5a5_a5a5_a5a5);
        let frame: *mut Frame = self.memory.as_mut_ptr().cast();
        FIRST.set(frame.addr());
        self.stacks.set_frames(frame, self.stacks.end());
        // SAFETY: the memory is large enough for the frames of the deepest recursion here.
        unsafe { (*frame).write(0, Ty::I64, argument) };
        // SAFETY: the slot holds the entry's value, code and cells are alive, and `finish` has the
        // signature of such functions.
        let cell = unsafe { &*enter(code.entry(), frame) };
        assert_eq!((cell.code, self.stacks.current()), (3, frame));
        // SAFETY: as above.
        let frame = unsafe { &*frame };
        (cell.exit, [frame.scratch[0], frame.scratch[1]], FINISHED.take())
    }
}

#[test]
fn code_calls_code() {
    let mut world = World::new();
    let code = world.down();
    world.cell.link(code.entry());
    let left = Finished { depth: 10, exit: Some(0), argument: 0 };
    // Of the second word four bytes are said by the constant, and the first of these by the other.
    assert_eq!(world.run(&code, 10), (1, [1045, 0xffff_ff00 | 25], vec![left]));
    assert_eq!(world.run(&code, 0).0, 0, "the runtime sees to a guard of the outermost");
    assert_eq!(code.exit_cell(ExitId(1)).budget(), 0, "what returns is not counted");
}

#[test]
fn a_callee_without_code_is_called_by_the_function() {
    let mut world = World::new();
    let code = world.down();
    let called = |argument| vec![Finished { depth: 1, exit: None, argument }];
    assert_eq!(world.run(&code, 10), (1, [9_000_009, 0xffff_ff07], called(9)));
    world.cell.link(code.entry());
    assert!(world.cell.is_linked());
    assert_eq!(world.run(&code, 2).2, [Finished { depth: 2, exit: Some(0), argument: 0 }]);
    // The very next call sees that there is no code any more.
    world.cell.unlink();
    assert_eq!(world.run(&code, 4).2, called(3));
}

#[test]
fn where_there_is_no_room_the_function_is_called() {
    let mut world = World::new();
    let code = world.down();
    world.cell.link(code.entry());
    world.stacks.set_native(usize::MAX);
    let (_, _, finished) = world.run(&code, 10);
    assert_eq!(finished, [Finished { depth: 1, exit: None, argument: 9 }], "of the native stack");
    world.stacks.set_native(0);
    let end = world.memory.as_ptr().addr() + 4 * PLACE;
    world.stacks.set_frames(std::ptr::null_mut(), end);
    let (exit, [sum, _], finished) = world.run(&code, 10);
    assert_eq!(finished, [Finished { depth: 4, exit: None, argument: 6 }], "of frames");
    assert_eq!((exit, sum), (1, 6_000_000 + 6 + 7 + 8 + 9));
}

#[test]
fn a_bridge_returns_to_the_caller() {
    let mut world = World::new();
    let code = world.down();
    world.cell.link(code.entry());
    let text = "
        trace @bridge {
        b0(v0: i64):
            v1 = add.i64 v0, 300
            leave exit0
        exit0: resume 0 [] log [result 16, part +0 v1, part +8 i64 1]
        }";
    let bridge = parse(text).expect("it is trace text").remove(0);
    let mut compiler = Compiler::new(&Options::default()).expect("this machine is supported");
    let bridge = compiler.compile(&bridge, &world, 4).expect("it can be compiled");
    code.exit_cell(ExitId(0)).link(bridge.entry());
    assert_eq!(world.run(&code, 10), (1, [345, 0xffff_ff00 | 21], vec![]));
}
