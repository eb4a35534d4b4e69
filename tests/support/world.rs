//! Seeded inputs for a trace: arguments, and a model memory that they point into.
//!
//! Pointers among the parameters point to regions of their own. A region's words are small numbers,
//! and where the trace loads at some offset, each region has a plausible value of that type at that
//! offset, so that pointers lead on and comparisons go either way; each word that is loaded as an
//! owner leads to a region of its own. Numbers are drawn from small ones, limits, and neighbours of
//! the constants of the trace.
//!
//! Not here: what is done with them (`differential`).

use jitgen_core::eval::Model;
use jitgen_core::ir::{Arg, Const, Op, Sig, Trace, Ty};
use oorandom::Rand64;
use std::collections::BTreeSet;

/// Bytes of a region.
pub const REGION: usize = 1024;
/// Bytes of the scratch area.
pub const SCRATCH: usize = 256;
/// Where in a region a pointer points, so that negative offsets are in it as well.
const MIDDLE: u64 = 256;

/// What a run begins with.
#[derive(Clone, Debug)]
pub struct World {
    /// The arguments.
    pub args: Vec<Const>,
    /// The memory.
    pub model: Model,
}

/// The addresses of regions when nothing needs them to be real.
pub fn fake_regions(count: usize) -> Vec<u64> {
    (1..=count as u64).map(|index| index << 16).collect()
}

/// How many regions [`for_trace`] wants.
pub fn region_count(trace: &Trace) -> usize {
    let pointers = trace.param_types().into_iter().filter(|ty| *ty == Ty::Ptr);
    let pointers = pointers.count() + 2;
    pointers + pointers * owners(trace).len()
}

/// The offsets at which there are owners.
fn owners(trace: &Trace) -> BTreeSet<i64> {
    let insts = trace.blocks.iter().flat_map(|block| &block.insts);
    let owned = insts.filter(|inst| inst.op == Op::LoadOwned);
    owned.map(|inst| i64::from(inst.imm)).collect()
}

/// A world for any trace, with regions at these addresses. Outside of them memory is wild.
pub fn for_trace(trace: &Trace, seed: u64, regions: &[u64], scratch: u64) -> World {
    let mut rng = Rand64::new(u128::from(seed));
    let constants = constants(trace);
    let mut model = Model::new().wild(seed);
    for region in regions {
        let words = (0..REGION / 8).flat_map(|_| rng.rand_range(0..2).to_le_bytes());
        model.map(*region, words.collect());
    }
    let owners = owners(trace);
    let shared = regions.len() / (1 + owners.len());
    // What is owned has owners, too; when there is no region left, it is where memory is wild.
    let wild = (1..).map(|index| (index << 20) + (1 << 44));
    let mut owned = regions[shared..].iter().copied().chain(wild);
    for region in regions {
        for (ty, offset) in loads(trace) {
            let value = match ty {
                Ty::Ptr if owners.contains(&offset) => continue,
                Ty::Ptr => Const::new(ty, pick(&mut rng, &regions[..shared]) + MIDDLE),
                _ => number(&mut rng, ty, &constants),
            };
            let address = (region + MIDDLE).wrapping_add_signed(offset);
            if (*region..region + REGION as u64 - 8).contains(&address) {
                model.write(address, value).expect("it is in the region");
            }
        }
        for offset in &owners {
            let address = (region + MIDDLE).wrapping_add_signed(*offset);
            let object = Const::new(Ty::Ptr, owned.next().expect("there is no end") + MIDDLE);
            model.write(address, object).expect("owners are in the region");
        }
    }
    let mut next_region = regions.iter();
    let args = trace.param_types().into_iter().map(|ty| match ty {
        Ty::Ptr => Const::new(ty, next_region.next().expect("regions suffice") + MIDDLE),
        _ => number(&mut rng, ty, &constants),
    });
    let args = args.collect();
    map_scratch(&mut model, scratch);
    World { args, model }
}

/// Maps the first bytes of the scratch area of a frame.
pub fn map_scratch(model: &mut Model, address: u64) {
    model.map(address, vec![0; SCRATCH]);
    model.set_scratch(address);
}

/// Type and offset of each load.
fn loads(trace: &Trace) -> impl Iterator<Item = (Ty, i64)> {
    let insts = trace.blocks.iter().flat_map(|block| &block.insts);
    insts.filter(|inst| inst.op.sig() == Sig::Load).map(|inst| (inst.ty, i64::from(inst.imm)))
}

/// The constants that the trace's operations have.
fn constants(trace: &Trace) -> Vec<u64> {
    let insts = trace.blocks.iter().flat_map(|block| &block.insts);
    let args = insts.flat_map(|inst| [inst.a, inst.b]);
    args.filter_map(Arg::as_const).map(|c| c.bits).collect()
}

/// One of `items`.
pub fn pick<T: Copy>(rng: &mut Rand64, items: &[T]) -> T {
    items[rng.rand_range(0..items.len() as u64) as usize]
}

/// An interesting value of a type that is not `ptr`.
pub fn number(rng: &mut Rand64, ty: Ty, constants: &[u64]) -> Const {
    if ty.is_float() {
        let special = [0.0, -0.0, 1.0, f64::INFINITY, f64::NAN, 1e-40, 3e38];
        let value = match rng.rand_range(0..4) {
            0 => pick(rng, &special),
            _ => rng.rand_range(0..64) as f64 / 4.0 - 8.0,
        };
        return match ty {
            Ty::F32 => Const::new(ty, u64::from((value as f32).to_bits())),
            _ => Const::f64(value),
        };
    }
    let sign = 1u64 << (ty.width() - 1);
    let bits = match rng.rand_range(0..8) {
        0..4 => rng.rand_range(0..8),
        4 => pick(rng, &[0, u64::MAX, sign, sign - 1, sign + 1, u64::MAX - 1]),
        5 if !constants.is_empty() => {
            let near = pick(rng, &[u64::MAX, 0, 1]);
            pick(rng, constants).wrapping_add(near)
        }
        6 => rng.rand_range(0..8).wrapping_neg(),
        _ => rng.rand_u64(),
    };
    Const::new(ty, bits)
}
