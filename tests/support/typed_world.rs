//! The world of random traces: objects and arrays, each word of one type.
//!
//! A word that holds a pointer always holds one, so that a trace can follow it, and a word that holds
//! a truth value is always 0 or 1. Other words may come to hold any bits.
//!
//! Not here: the traces (`generate`).

use crate::world::{World, map_scratch, number};
use jitgen_core::eval::Model;
use jitgen_core::ir::{Const, Trace, Ty};
use oorandom::Rand64;

/// What a pointer points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pointee {
    /// One of the objects; see [`FIELDS`].
    Object,
    /// An element of an array.
    Array(Ty),
}

/// The fields of an object: offset, type, and for pointers what they point to.
pub const FIELDS: [(i32, Ty, Option<Pointee>); 9] = [
    (0, Ty::I64, None),
    (8, Ty::Ptr, Some(Pointee::Array(Ty::I64))),
    (16, Ty::F64, None),
    (24, Ty::I32, None),
    (28, Ty::I8, None),
    (29, Ty::Bool, None),
    (30, Ty::I16, None),
    (32, Ty::F32, None),
    (40, Ty::Ptr, Some(Pointee::Object)),
];

/// Bytes of an object.
pub const OBJECT: u64 = 64;
/// Objects that there are.
const OBJECTS: u64 = 3;
/// Elements of an array.
const ELEMENTS: u64 = 64;
/// Pointers go to one of so many first elements.
const START: u64 = 4;

/// The element types that have an array, one region each behind that of the objects.
pub const ARRAYS: [Ty; 8] =
    [Ty::I64, Ty::I8, Ty::F64, Ty::I32, Ty::Ptr, Ty::Bool, Ty::I16, Ty::F32];

/// How many regions a world for random traces has.
pub const REGIONS: usize = 1 + ARRAYS.len();

/// The functions that traces call: symbol, parameters, result.
pub const FUNCTIONS: [(&str, &[Ty], Option<Ty>); 6] = [
    ("f0", &[Ty::I64], Some(Ty::I64)),
    ("f1", &[Ty::I64, Ty::I64], Some(Ty::I64)),
    ("f2", &[Ty::F64], Some(Ty::F64)),
    ("f3", &[Ty::Ptr, Ty::I64], None),
    ("f4", &[], Some(Ty::I32)),
    ("f5", &[Ty::I32, Ty::F64], Some(Ty::Bool)),
];

/// A world for a random trace. The first region holds the objects, the others the arrays.
pub fn world(
    params: &[Option<Pointee>],
    trace: &Trace,
    seed: u64,
    regions: &[u64],
    scratch: u64,
) -> World {
    let mut rng = Rand64::new(u128::from(seed));
    let mut model = Model::new();
    model.map(regions[0], vec![0; (OBJECT * OBJECTS) as usize]);
    for (ty, region) in ARRAYS.iter().zip(&regions[1..]) {
        model.map(*region, vec![0; (ELEMENTS * u64::from(ty.size())) as usize]);
    }
    map_scratch(&mut model, scratch);
    let array = |ty: Ty| {
        let place = ARRAYS.iter().position(|other| *other == ty);
        regions[1 + place.expect("every type has an array")]
    };
    let value = |rng: &mut Rand64, ty: Ty, points: Option<Pointee>| match points {
        None => number(rng, ty, &[]),
        Some(Pointee::Object) => {
            Const::new(Ty::Ptr, regions[0] + OBJECT * rng.rand_range(0..OBJECTS))
        }
        Some(Pointee::Array(of)) => {
            let element = rng.rand_range(0..START) * u64::from(of.size());
            Const::new(Ty::Ptr, array(of) + element)
        }
    };
    for object in 0..OBJECTS {
        for (offset, ty, points) in FIELDS {
            let address = regions[0] + OBJECT * object + offset as u64;
            let value = value(&mut rng, ty, points);
            model.write(address, value).expect("fields are mapped");
        }
    }
    for ty in ARRAYS {
        for element in 0..ELEMENTS {
            let points = (ty == Ty::Ptr).then_some(Pointee::Array(Ty::I64));
            let address = array(ty) + element * u64::from(ty.size());
            let value = value(&mut rng, ty, points);
            model.write(address, value).expect("elements are mapped");
        }
    }
    model.share(regions[0], Ty::I64);
    model.share(regions[0] + OBJECT + 16, Ty::F64);
    model.share(array(Ty::I64) + 16, Ty::I64);
    let types = trace.param_types();
    let points = params.iter().chain(std::iter::repeat(&None));
    let args = types.iter().zip(points);
    let args = args.map(|(ty, points)| value(&mut rng, *ty, *points));
    World { args: args.collect(), model }
}
