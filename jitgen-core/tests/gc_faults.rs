//! The heap after panics, and what it says to those who break its rules.

#[path = "support/objects.rs"]
mod objects;

use jitgen_core::gc::{self, Collect, Gc, Root, Tracer};
use objects::*;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

#[test]
fn a_panic_while_items_are_made_leaves_a_shorter_slice() {
    alone(|| {
        configure(|config| config.stress = true);
        let drops = Drops::default();
        for length in [100usize, 1000] {
            let message = apart(|| {
                panic_of(|| {
                    Gc::<[(Counted, Gc<Node>)]>::try_from_fn(length, |index| {
                        assert!(index < length / 2, "enough");
                        (drops.next(), node(&drops))
                    })
                })
            });
            assert_eq!(message, "enough");
            apart(|| panic_of(|| Gc::new([1, 2, panics()])));
        }
        assert!(collect());
        assert_eq!(drops.total(), 1100);
    });
}

fn panics() -> u64 {
    panic!("no value")
}

#[test]
fn a_panic_in_a_finalizer_leaves_the_others() {
    alone(|| {
        let drops = Drops::default();
        apart(|| {
            for _ in 0..10 {
                node(&drops).set_finalizer(|node| assert!(node.counted.number != 6, "six"));
            }
        });
        assert_eq!(panic_of(collect), "six");
        assert_eq!((gc::statistics().finalized, drops.total()), (4, 0));
        assert!(collect());
        assert_eq!(gc::statistics().finalized, 10);
        assert!(collect());
        assert_eq!(drops.total(), 10);
    });
}

struct Explosive {
    counted: Counted,
    large: Option<Box<u8>>,
}

// SAFETY: there is no pointer in it, and the destructor looks at nothing.
unsafe impl Collect for Explosive {
    fn trace(&self, _: &mut Tracer<'_>) {}
}

impl Drop for Explosive {
    fn drop(&mut self) {
        assert!(self.counted.number != 5, "five");
        assert!(self.large.is_some());
    }
}

#[test]
fn a_panic_in_a_destructor_leaves_the_others() {
    alone(|| {
        let drops = Drops::default();
        let keep = Root::new(apart(|| {
            let new = || Explosive { counted: drops.next(), large: Some(Box::new(1)) };
            (0..10).for_each(|_| forget(Gc::new(new())));
            Gc::<[Explosive]>::try_from_fn(1000, |_| new()).unwrap();
            node(&drops)
        }));
        assert_eq!(panic_of(collect), "five");
        assert!(collect());
        assert_eq!((drops.total(), keep.counted.number), (1010, 1010));
        (0..1010).for_each(|number| assert_eq!(drops.count(number), 1, "{number}"));
        // The cells are free again.
        assert_eq!(gc::statistics().held_bytes, 32 << 10);
    });
}

struct Moody(Cell<bool>, Gc<Node>);

// SAFETY: the pointer is reported, or the collection fails.
unsafe impl Collect for Moody {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        assert!(!self.0.get(), "not now");
        self.1.trace(tracer);
    }
}

#[test]
fn a_panic_while_tracing_leaves_everything() {
    alone(|| {
        let drops = Drops::default();
        let moody = Root::new(apart(|| Gc::new(Moody(Cell::new(true), node(&drops)))));
        apart(|| node(&drops).set_finalizer(|_| ()));
        assert_eq!(panic_of(collect), "not now");
        assert_eq!((drops.total(), gc::statistics().finalized), (0, 0));
        moody.0.set(false);
        assert!(collect());
        assert!(collect());
        assert_eq!((drops.total(), drops.count(0)), (1, 0));
    });
}

struct Mother;

// SAFETY: there is no pointer in it.
unsafe impl Collect for Mother {
    fn trace(&self, _: &mut Tracer<'_>) {
        Gc::new(1u8);
    }
}

#[test]
fn nothing_is_made_while_objects_are_marked() {
    alone(|| {
        let mother = Root::new(Mother);
        assert_eq!(panic_of(collect), "an object is made while objects are marked");
        drop(mother);
        assert!(collect());
    });
}

/// A destructor may make objects.
struct Phoenix(u32);

// SAFETY: there is no pointer in it, and the destructor looks at no other object.
unsafe impl Collect for Phoenix {
    fn trace(&self, _: &mut Tracer<'_>) {}
}

impl Drop for Phoenix {
    fn drop(&mut self) {
        if self.0 > 0 {
            assert_eq!(Gc::try_new(Phoenix(self.0 - 1)).map(|phoenix| phoenix.0), Ok(self.0 - 1));
        }
    }
}

#[test]
fn destructors_may_make_objects() {
    alone(|| {
        configure(|config| config.stress = true);
        apart(|| (0..1000).for_each(|_| forget(Gc::new(Phoenix(3)))));
        for _ in 0..5 {
            assert!(collect());
        }
        let statistics = gc::statistics();
        assert_eq!((statistics.allocations, statistics.freed), (4000, 4000));
        assert_eq!(statistics.held_bytes, 0);
    });
}

/// The rule that the compiler cannot check, broken.
#[cfg(debug_assertions)]
#[test]
fn the_use_of_a_collected_object_is_noticed() {
    alone(|| {
        let lost: Vec<Gc<u64>> = apart(|| (0..10).map(Gc::new).collect());
        assert!(collect());
        assert!(panic_of(|| *lost[3]).starts_with("the object has been collected"));
        let holder = Root::new(RefCell::new(lost));
        assert_eq!(panic_of(collect), "a root leads to an object that is not there");
        let lost = holder.take();
        let object = Gc::new(Cell::new(Some(lost[9])));
        assert!(panic_of(collect).ends_with("leads to an object that is not there"));
        assert!(object.take().is_some());
        assert!(collect());
    });
}

#[cfg(debug_assertions)]
#[test]
fn a_write_to_a_collected_object_is_noticed() {
    alone(|| {
        let pointers: Vec<*mut u64> = apart(|| {
            let objects = (0..10).map(|_| Gc::new(Cell::new(0u64)));
            objects.map(|object| object.as_ptr().cast_mut().cast()).collect()
        });
        let keep = Root::new(Gc::new(0u64));
        assert!(collect());
        // SAFETY: the memory is there: the block has a live object. That it is not one of these is
        // what the test is about.
        unsafe { pointers[4].write(5) };
        let message = panic_of(|| (0..100).for_each(|_| forget(Gc::new(1u64))));
        assert_eq!(message, "an object has been written to after it was collected");
        assert_eq!(**keep, 0);
    });
}

/// What compiled code will do.
fn inline_allocate<T: Collect + 'static>(value: T) -> Gc<T> {
    let point = Gc::<T>::allocation_point().expect("the type is small");
    // SAFETY: as `AllocationPoint` says.
    unsafe {
        let cell = *point.cursor;
        let next = cell.wrapping_add(point.size);
        let payload = if next.addr() > (*point.limit).addr() {
            gc::allocate(point.header, point.size).unwrap()
        } else {
            *point.cursor = next;
            cell.cast::<usize>().write(point.header);
            NonNull::new_unchecked(cell.add(gc::PAYLOAD))
        };
        payload.cast::<T>().write(value);
        Gc::from_raw(payload)
    }
}

#[test]
fn objects_made_inline_are_objects() {
    alone(|| {
        for stress in [false, true] {
            configure(|config| config.stress = stress);
            let before = gc::statistics();
            let drops = Drops::default();
            let count = if stress { 300 } else { 30_000 };
            let kept = apart(|| {
                let first = node(&drops);
                let mut last = first;
                for _ in 0..count / 2 {
                    let next = inline_allocate(Node {
                        counted: drops.next(),
                        next: Cell::new(None),
                        many: RefCell::default(),
                        slots: Cell::new(None),
                    });
                    inline_allocate(drops.next());
                    last.next.set(Some(next));
                    last = next;
                }
                first
            });
            assert!(collect());
            let statistics = gc::statistics();
            assert_eq!(statistics.allocations - before.allocations, count as u64 + 1);
            assert_eq!(drops.total(), count / 2);
            assert_eq!(statistics.collections - before.collections > 100, stress);
            assert!(kept.next.get().is_some_and(|node| node.counted.number == 1));
        }
    });
}

/// As traces make objects that they need at once.
fn at_once<T: Collect + 'static>(value: T) -> Gc<T> {
    let point = Gc::<T>::allocation_point().expect("the type is small");
    // SAFETY: header and size are those of the point, and the value is written before anything else.
    unsafe {
        let payload = gc::allocate_now(point.header, point.size);
        payload.cast::<T>().write(value);
        Gc::from_raw(payload)
    }
}

/// Is there no free cell for such objects?
fn is_used_up<T: Collect + 'static>() -> bool {
    let point = Gc::<T>::allocation_point().expect("the type is small");
    // SAFETY: the addresses of a point are valid as long as the thread lives.
    unsafe { *point.cursor == *point.limit }
}

#[test]
fn what_is_made_at_once_does_not_collect_and_does_not_fail() {
    alone(|| {
        configure(|config| config.limit = 100_000);
        let kept = Root::new(RefCell::new(vec![]));
        let full = (0..).find_map(|number: usize| match Gc::try_new(number) {
            Ok(gc) => {
                kept.borrow_mut().push(gc);
                None
            }
            Err(error) => Some(error),
        });
        assert!(full.is_some());
        let before = gc::statistics();
        assert!(before.held_bytes <= 100_000 && is_used_up::<usize>());
        for _ in 0..50 {
            let number = kept.borrow().len();
            kept.borrow_mut().push(at_once(number));
            assert!(is_used_up::<usize>(), "who looks next comes to the slow path");
        }
        let after = gc::statistics();
        assert_eq!(after.collections, before.collections);
        assert_eq!(after.allocations - before.allocations, 50);
        assert!(after.held_bytes <= 100_000 + 32_768, "{after:?}");
        assert!(Gc::try_new(0usize).is_err(), "there is no more room than before");
        assert!(kept.borrow().iter().enumerate().all(|(number, gc)| **gc == number));
        kept.borrow_mut().clear();
        assert!(collect());
        assert_eq!(*Gc::try_new(7usize).expect("there is room again"), 7);
        assert!(gc::statistics().held_bytes <= 100_000);
    });
}

#[test]
fn it_is_time_to_collect_when_what_was_made_at_once_says_so() {
    alone(|| {
        for (stress, threshold) in [(true, 1 << 20), (false, 0)] {
            configure(|config| {
                (config.stress, config.initial_threshold) = (stress, threshold);
            });
            let before = gc::statistics().collections;
            // What is in use now is below the threshold at first.
            (0..20_000).for_each(|number| forget(at_once(number)));
            assert_eq!(gc::statistics().collections, before);
            assert!(is_used_up::<i32>(), "stress: {stress}");
            Gc::new(1);
            assert!(gc::statistics().collections > before, "stress: {stress}");
        }
    });
}
