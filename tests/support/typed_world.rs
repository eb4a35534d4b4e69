//! The world of random traces: objects and arrays, each word of one type; and holders, which own
//! buffers, which own leaves.
//!
//! A word that holds a pointer always holds one, so that a trace can follow it, and a word that holds
//! a truth value is always 0 or 1. Other words may come to hold any bits. Each buffer and each leaf
//! has one owner.
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
    /// One of the holders.
    Holder,
    /// One of the buffers, which a holder owns.
    Buffer,
    /// One of the leaves, which a buffer owns.
    Leaf,
}

impl Pointee {
    /// The words of holders, buffers and leaves: offset and type.
    pub fn words(self) -> &'static [(i32, Ty)] {
        match self {
            Pointee::Object | Pointee::Array(_) => &[],
            Pointee::Holder => &[(0, Ty::I64), (16, Ty::F64)],
            Pointee::Buffer | Pointee::Leaf => &[(0, Ty::I64), (8, Ty::I64), (24, Ty::F64)],
        }
    }

    /// The words that are owners, and of what.
    pub fn owners(self) -> (&'static [i32], Pointee) {
        match self {
            Pointee::Holder => (&[8, 24], Pointee::Buffer),
            Pointee::Buffer => (&[16], Pointee::Leaf),
            _ => (&[], Pointee::Leaf),
        }
    }

    /// Where such are in their region, and how many.
    fn part(self) -> (u64, u64) {
        match self {
            Pointee::Object | Pointee::Array(_) => (0, 0),
            Pointee::Holder => (0, 2),
            Pointee::Buffer => (2, 4),
            Pointee::Leaf => (6, 4),
        }
    }
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

/// Where the shape of an object is, 4 bytes that do not change.
pub const SHAPE: i32 = 48;
/// The shapes that there are.
pub const SHAPES: [u64; 2] = [5, 6];
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
pub const REGIONS: usize = 2 + ARRAYS.len();

/// Bytes of a holder, a buffer or a leaf.
const OWNED: u64 = 32;

/// The functions that traces call: symbol, parameters, result.
pub const FUNCTIONS: [(&str, &[Ty], Option<Ty>); 6] = [
    ("f0", &[Ty::I64], Some(Ty::I64)),
    ("f1", &[Ty::I64, Ty::I64], Some(Ty::I64)),
    ("f2", &[Ty::F64], Some(Ty::F64)),
    ("f3", &[Ty::Ptr, Ty::I64], None),
    ("f4", &[], Some(Ty::I32)),
    ("f5", &[Ty::I32, Ty::F64], Some(Ty::Bool)),
];

/// What a random trace begins with.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// What the parameters point to. One that a trace has more is a number of rounds.
    pub params: Vec<Option<Pointee>>,
    /// Fields of objects that mostly hold these bits.
    pub tags: Vec<(usize, u64)>,
    /// Is it a loop as a recorder finds them? It begins to count at a small number.
    pub is_guest: bool,
}

/// World `number` for a random trace from that seed. The first region holds the objects, the next ones
/// the arrays, the last one what owns and is owned.
pub fn world(
    interface: &Interface,
    trace: &Trace,
    seed: u64,
    number: u64,
    regions: &[u64],
    scratch: u64,
) -> World {
    let mut world = words(interface, trace, seed + number * 1_000_003, regions, scratch);
    if interface.params.len() < world.args.len() {
        let rounds = world.args.last_mut().expect("there is one more");
        // Some worlds have many rounds; most of the time is for those with few.
        *rounds = Const::i64(1 + (number * number / 3) as i64);
    }
    world
}

fn words(interface: &Interface, trace: &Trace, seed: u64, regions: &[u64], scratch: u64) -> World {
    let mut rng = Rand64::new(u128::from(seed));
    let mut model = Model::new();
    model.map(regions[0], vec![0; (OBJECT * OBJECTS) as usize]);
    for (ty, region) in ARRAYS.iter().zip(&regions[1..]) {
        model.map(*region, vec![0; (ELEMENTS * u64::from(ty.size())) as usize]);
    }
    let owned = regions[REGIONS - 1];
    model.map(owned, vec![0; 10 * OWNED as usize]);
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
        Some(points) => {
            let (first, count) = points.part();
            Const::new(Ty::Ptr, owned + OWNED * (first + rng.rand_range(0..count)))
        }
    };
    for object in 0..OBJECTS {
        let shape = Const::new(Ty::I32, SHAPES[object as usize % SHAPES.len()]);
        let address = regions[0] + OBJECT * object + SHAPE as u64;
        model.write(address, shape).expect("shapes are mapped");
        for (offset, ty, points) in FIELDS {
            let address = regions[0] + OBJECT * object + offset as u64;
            let mut value = value(&mut rng, ty, points);
            let mut tags = interface.tags.iter();
            if let Some((_, tag)) = tags.find(|(field, _)| FIELDS[*field].0 == offset)
                && rng.rand_range(0..8) > 0
            {
                value = Const::new(ty, *tag);
            }
            model.write(address, value).expect("fields are mapped");
        }
    }
    for points in [Pointee::Holder, Pointee::Buffer, Pointee::Leaf] {
        let (first, count) = points.part();
        let (owners, target) = points.owners();
        let mut next = target.part().0;
        for object in (first..first + count).map(|object| owned + OWNED * object) {
            for (offset, ty) in points.words() {
                let value = number(&mut rng, *ty, &[]);
                model.write(object + *offset as u64, value).expect("words are mapped");
            }
            for offset in owners {
                let owned = Const::new(Ty::Ptr, owned + OWNED * next);
                model.write(object + *offset as u64, owned).expect("owners are mapped");
                next += 1;
            }
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
    for object in 0..OBJECTS {
        // What calls write that declare nothing.
        model.share(regions[0] + OBJECT * object, Ty::I64);
        model.share(regions[0] + OBJECT * object + 24, Ty::I32);
    }
    model.share(regions[0] + OBJECT + 16, Ty::F64);
    model.share(array(Ty::I64) + 16, Ty::I64);
    let types = trace.param_types();
    let points = interface.params.iter().chain(std::iter::repeat(&None));
    let args = types.iter().zip(points);
    let mut args: Vec<Const> = args.map(|(ty, points)| value(&mut rng, *ty, *points)).collect();
    if interface.is_guest {
        args[0] = Const::i64(rng.rand_range(0..3) as i64);
    }
    World { args, model }
}
