//! The heap: what is kept, what is freed, and what is said when neither can be.
//!
//! A test has a thread, hence a heap, of its own.

#[path = "support/objects.rs"]
mod objects;

use jitgen_core::gc::{self, Collect, Gc, Root, Weak};
use objects::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;

/// Hides a pointer from the collector.
fn hide(address: usize) -> usize {
    address ^ 0x5555_5555_5555
}

#[test]
fn pointers_are_one_word_and_have_a_niche() {
    alone(|| {
        assert_eq!(size_of::<Gc<Node>>(), 8);
        assert_eq!(size_of::<Option<Gc<[u8]>>>(), 8);
        assert_eq!(size_of::<Option<Gc<str>>>(), 8);
    });
}

#[test]
fn cycles_are_freed_and_dropped_once() {
    alone(|| {
        let drops = Drops::default();
        apart(|| {
            for _ in 0..100 {
                let (a, b) = (node(&drops), node(&drops));
                a.next.set(Some(b));
                b.next.set(Some(a));
                b.slots.set(Gc::<[Slot]>::try_from_fn(2, |_| Cell::new(Some(b))).ok());
            }
        });
        assert!(collect());
        assert_eq!(drops.total(), 200);
        assert!((0..200).all(|number| drops.count(number) == 1));
        assert!(collect());
        assert_eq!(drops.total(), 200);
        assert_eq!(gc::statistics().live_bytes, 0);
        assert_eq!(gc::statistics().held_bytes, 0);
    });
}

#[test]
fn long_lists_do_not_use_up_the_stack() {
    alone(|| {
        let drops = Drops::default();
        let first = apart(|| {
            let first = node(&drops);
            let mut last = first;
            for _ in 0..100_000 {
                let next = node(&drops);
                last.next.set(Some(next));
                last = next;
            }
            first
        });
        assert!(collect());
        assert_eq!(drops.total(), 0);
        assert_eq!(black_box(first).counted.number, 0);
    });
}

#[test]
fn locals_are_kept() {
    alone(|| {
        configure(|config| config.stress = true);
        let drops = Drops::default();
        let a = node(&drops);
        let b = node(&drops);
        let c = apart(|| node(&drops));
        assert!(collect());
        assert_eq!((a.counted.number, b.counted.number, c.counted.number), (0, 1, 2));
        assert_eq!(drops.total(), 0);
    });
}

/// The pointers are in registers, if anywhere: in optimized code there is no need for memory.
#[test]
fn registers_are_kept() {
    alone(|| {
        configure(|config| config.stress = true);
        let mut sums = (0, 0);
        let mut plain = (1, 1);
        let (mut a, mut b) = (Gc::new(1u64), Gc::new(1u64));
        for _ in 0..50 {
            (a, b) = (b, Gc::new(*a + *b));
            plain = (plain.1, plain.0 + plain.1);
            sums = (sums.0 + *b % 10, sums.1 + plain.1 % 10);
        }
        assert_eq!(sums.0, sums.1);
    });
}

#[derive(Collect)]
struct Wide {
    words: [u64; 100],
}

#[test]
fn inner_pointers_keep_and_hidden_ones_do_not() {
    alone(|| {
        let make = || {
            let wide = Gc::new(Wide { words: [7; 100] });
            (wide.downgrade(), wide.as_ptr().addr())
        };
        let (weak, address) = apart(|| {
            let (weak, address) = make();
            (weak, black_box(address + 50 * 8 + 3))
        });
        let (lost, hidden) = apart(|| {
            let (weak, address) = make();
            (weak, black_box(hide(address)))
        });
        assert!(collect());
        assert!(black_box(address) > 0 && black_box(hidden) > 0);
        assert!(weak.upgrade().is_some_and(|wide| wide.words[50] == 7));
        assert!(lost.upgrade().is_none());
    });
}

#[derive(Collect)]
struct Owner {
    counted: Counted,
    text: String,
    boxed: Box<u64>,
    items: Vec<Vec<u64>>,
    queue: std::collections::VecDeque<u64>,
    map: HashMap<u64, u64>,
    tree: std::collections::BTreeMap<u64, u64>,
    shared: Rc<u64>,
    child: Option<Gc<Owner>>,
}

/// References to what an object owns elsewhere keep it, as those to its fields do.
#[test]
fn references_to_contents_keep_objects() {
    alone(|| {
        let drops = Drops::default();
        let new = |child| {
            Gc::new(Owner {
                counted: drops.next(),
                text: "x".repeat(50),
                boxed: Box::new(1),
                items: vec![vec![0; 20]; 3],
                queue: (0..50).collect(),
                map: (0..50).map(|key| (key, key)).collect(),
                tree: (0..50).map(|key| (key, key)).collect(),
                shared: Rc::new(1),
                child,
            })
        };
        let find: [fn(&Owner) -> usize; 9] = [
            |owner| owner.text[49..].as_ptr().addr(),
            |owner| (&raw const *owner.boxed).addr(),
            |owner| (&raw const owner.items[2]).addr(),
            |owner| (&raw const owner.items[2][19]).addr(),
            |owner| (&raw const owner.queue[49]).addr(),
            |owner| (&raw const owner.map[&17]).addr(),
            |owner| (&raw const owner.tree[&17]).addr(),
            |owner| Rc::as_ptr(&owner.shared).addr(),
            |owner| owner.child.expect("it has a child").text.as_ptr().addr(),
        ];
        for (index, find) in find.into_iter().enumerate() {
            let number = drops.made();
            let address = apart(|| black_box(find(&new(Some(new(None))))));
            let hidden = hide(address);
            assert!(collect());
            // The child is made first.
            let owner = if index == 8 { number } else { number + 1 };
            assert_eq!(drops.count(owner), 0, "an address of what an object owns: {index}");
            let address = black_box(address) ^ 1;
            assert!(address ^ 1 == hide(hidden));
        }
        let number = drops.made();
        let hidden = apart(|| hide(find[0](&new(Some(new(None))))));
        assert!(collect());
        assert!(black_box(hidden) > 0);
        assert_eq!((drops.count(number), drops.count(number + 1)), (1, 1));
    });
}

/// A reference to what is behind the last item is what loops end with; and tags do not matter.
#[test]
fn ends_and_tags_keep_objects() {
    alone(|| {
        for bytes in [24usize, 48, 20_000] {
            for tag in [0usize, 3, 0x7ff9 << 48] {
                let (weak, word) = apart(|| {
                    let slice = Gc::<[u8]>::from(vec![1; bytes - 16]);
                    let end = slice.as_ptr_range().end.addr();
                    (
                        slice.downgrade(),
                        black_box(if tag == 0 { end } else { slice.address() | tag }),
                    )
                });
                assert!(collect());
                assert!(black_box(word) > 0 && weak.upgrade().is_some(), "{bytes} {tag:x}");
            }
        }
    });
}

#[test]
fn weak_pointers_are_cleared() {
    alone(|| {
        let keep = Root::new(RefCell::new(vec![]));
        let drops = Drops::default();
        let weak: Vec<Weak<Node>> = apart(|| {
            (0..100)
                .map(|index| {
                    let node = node(&drops);
                    if index % 2 == 0 {
                        keep.borrow_mut().push(node);
                    }
                    // Nothing keeps the cells of this vector's weak pointers but this.
                    WEAK.with(|all| all.borrow_mut().push(node.downgrade()));
                    node
                })
                .for_each(drop);
            vec![]
        });
        drop(weak);
        let roots = gc::register_roots(|tracer| WEAK.with(|all| all.borrow().trace(tracer)));
        assert!(collect());
        WEAK.with(|all| {
            for (index, weak) in all.borrow().iter().enumerate() {
                let number = weak.upgrade().map(|node| node.counted.number);
                assert_eq!(number, (index % 2 == 0).then_some(index));
            }
        });
        assert_eq!((drops.total(), gc::statistics().weak_cleared), (50, 50));
        drop(roots);
        keep.borrow_mut().clear();
        assert!(collect());
        assert_eq!(gc::statistics().live_bytes, 0);
    });
}

thread_local! {
    static WEAK: RefCell<Vec<Weak<Node>>> = const { RefCell::new(vec![]) };
    static REVIVED: RefCell<Vec<Gc<Node>>> = const { RefCell::new(vec![]) };
    static ORDER: RefCell<Vec<usize>> = const { RefCell::new(vec![]) };
}

#[test]
fn finalizers_run_once_with_whole_objects_and_may_revive_them() {
    alone(|| {
        let roots = gc::register_roots(|tracer| REVIVED.with(|all| all.borrow().trace(tracer)));
        let drops = Drops::default();
        let weak = apart(|| {
            let (a, b) = (node(&drops), node(&drops));
            a.next.set(Some(b));
            b.next.set(Some(a));
            for object in [a, b] {
                object.set_finalizer(|object| {
                    // What it points to is still there, though it is dead, too.
                    let next = object.next.get().expect("it has been set");
                    ORDER.with(|order| order.borrow_mut().push(object.counted.number));
                    if next.counted.number == 0 {
                        REVIVED.with(|all| all.borrow_mut().push(object));
                    }
                });
            }
            Root::new(a.downgrade())
        });
        assert!(collect());
        assert_eq!(ORDER.take(), [1, 0]);
        assert!(weak.upgrade().is_none());
        assert!(collect());
        assert_eq!((drops.total(), gc::statistics().finalized), (0, 2));
        assert_eq!(REVIVED.with(|all| all.borrow()[0].counted.number), 1);
        REVIVED.take();
        assert!(collect());
        assert_eq!((drops.total(), ORDER.take().len()), (2, 0));
        drop(roots);
    });
}

#[test]
fn finalizers_can_wait() {
    alone(|| {
        configure(|config| config.defer_finalizers = true);
        let drops = Drops::default();
        apart(|| node(&drops).set_finalizer(|node| assert_eq!(node.counted.number, 0)));
        assert!(collect() && collect());
        assert_eq!((drops.total(), gc::statistics().finalized), (0, 0));
        assert_eq!(apart(gc::run_finalizers), 1);
        assert!(collect());
        assert_eq!(drops.total(), 1);
        let kept = node(&drops);
        kept.set_finalizer(|_| ());
        assert_eq!(gc::finalize_all(), 1);
        assert_eq!(gc::finalize_all(), 0);
        assert_eq!(kept.counted.number, 1);
    });
}

#[test]
fn a_full_heap_is_an_error_and_can_be_used_again() {
    alone(|| {
        configure(|config| config.limit = 1 << 20);
        let made = apart(|| {
            type Link = Option<Gc<u64>>;
            let mut list: Option<Gc<(u64, Link)>> = None;
            let keep = Root::new(RefCell::new(vec![]));
            let error = loop {
                match Gc::try_new((1, None)) {
                    Ok(object) => keep.borrow_mut().push(object),
                    Err(error) => break error,
                }
                list = keep.borrow().last().copied();
            };
            let text = error.to_string();
            assert_eq!(
                text,
                "out of memory: no room for 16 bytes in a heap limited to 1048576 bytes"
            );
            assert!(list.is_some() && gc::statistics().held_bytes <= 1 << 20);
            assert!(panic_of(|| Gc::new([0u64; 20])).starts_with("out of memory"));
            keep.borrow().len()
        });
        assert!(made > 20_000, "{made}");
        for _ in 0..100_000 {
            assert_eq!(*Gc::new(5), 5);
        }
        assert!(Gc::<[u64]>::try_from_fn(1 << 20, |_| 0).is_err());
        assert!(Gc::<[u64]>::try_from_fn(usize::MAX / 4, |_| 0).is_err());
        gc::adjust_external(1 << 20);
        assert!(Gc::try_new([0u8; 3000]).is_err());
        gc::adjust_external(-(1 << 20));
        assert!(Gc::try_new([0u8; 3000]).is_ok());
    });
}

#[test]
fn large_objects_come_and_go() {
    alone(|| {
        let drops = Drops::default();
        apart(|| {
            let kept = Root::new(RefCell::new(vec![]));
            for size in [1000usize, 9000, 100_000, 1_000_000] {
                let slice = Gc::<[u64]>::try_from_fn(size / 8, |index| index as u64).unwrap();
                let nodes = Gc::<[Counted]>::try_from_fn(size / 24, |_| drops.next()).unwrap();
                kept.borrow_mut().push((slice, nodes));
            }
            assert!(collect());
            assert_eq!(drops.total(), 0);
            for (slice, nodes) in kept.borrow().iter() {
                assert!(slice.iter().enumerate().all(|(index, item)| index as u64 == *item));
                assert!(nodes.iter().all(|counted| drops.count(counted.number) == 0));
            }
            assert!(gc::statistics().large_objects == 5);
        });
        let held = gc::statistics().held_bytes;
        assert!(collect());
        // A stray word may lead into memory that was something else before.
        assert!(held > 1_500_000 && gc::statistics().held_bytes < held);
        assert!(drops.total() > 300);
        assert!((0..drops.made()).all(|number| drops.count(number) <= 1));
    });
}

#[test]
fn strings_and_slices_have_their_length() {
    alone(|| {
        configure(|config| config.stress = true);
        let texts: Vec<String> = (0..40).map(|length| "äx".repeat(length)).collect();
        let objects = Root::new(RefCell::new(vec![]));
        for text in &texts {
            let object = Gc::<str>::from(text.as_str());
            objects.borrow_mut().push(object);
        }
        assert!(objects.borrow().iter().zip(&texts).all(|(object, text)| **object == **text));
        let empty = Gc::<[String]>::from(vec![]);
        let one = Gc::<[String]>::from(vec!["a".to_owned()]);
        assert_eq!((empty.len(), one.len(), one[0].as_str()), (0, 1, "a"));
        assert_eq!(Gc::<[u16]>::try_copy(&[1, 2, 3]).unwrap()[..], [1, 2, 3]);
        let nothing = Gc::new(());
        assert!(collect());
        assert!(nothing.ptr_eq(nothing) && !nothing.ptr_eq(Gc::new(())));
    });
}

#[derive(Collect)]
struct Holder {
    nodes: Vec<Gc<Node>>,
}

/// The value of `Gc::new` is not on the heap yet, and its vectors are not on the stack.
#[test]
fn the_value_that_becomes_an_object_is_traced() {
    alone(|| {
        let drops = Drops::default();
        for length in [3usize, 2000] {
            // The vector alone knows the nodes.
            configure(|config| config.initial_threshold = usize::MAX);
            let nodes = apart(|| (0..length).map(|_| node(&drops)).collect::<Vec<_>>());
            configure(|config| config.stress = true);
            wipe_and(|| {
                let holder = Gc::new(Holder { nodes });
                assert!(holder.nodes.iter().all(|node| drops.count(node.counted.number) == 0));
                let numbers = holder.nodes.iter().map(|node| Gc::new(node.counted.number as u64));
                assert_eq!(numbers.map(|number| *number).max(), Some(drops_made(&drops) - 1));
            });
        }
        configure(|config| config.initial_threshold = usize::MAX);
        let nodes = apart(|| (0..2000).map(|_| node(&drops)).collect::<Vec<_>>());
        configure(|config| config.stress = true);
        let slice = Gc::<[Gc<Node>]>::from(nodes);
        assert!(collect());
        assert!(slice.iter().all(|node| drops.count(node.counted.number) == 0));
    });
}

fn wipe_and(f: impl FnOnce()) {
    apart(|| ());
    f();
}

fn drops_made(drops: &Drops) -> u64 {
    drops.next().number as u64
}

/// A finalizer that allocates must not cost the value its objects.
#[test]
fn the_value_is_traced_while_finalizers_run() {
    alone(|| {
        let drops = Drops::default();
        configure(|config| config.initial_threshold = usize::MAX);
        let nodes = apart(|| {
            Gc::new(1u8).set_finalizer(|_| (0..100).for_each(|_| forget(Gc::new(0u64))));
            (0..100).map(|_| node(&drops)).collect::<Vec<_>>()
        });
        configure(|config| config.stress = true);
        let holder = Gc::new(Holder { nodes });
        assert_eq!(gc::statistics().finalized, 1);
        assert!(holder.nodes.iter().all(|node| drops.count(node.counted.number) == 0));
    });
}

#[test]
fn a_borrowed_cell_postpones() {
    alone(|| {
        let drops = Drops::default();
        let holder = apart(|| Gc::new(RefCell::new(vec![node(&drops)])));
        configure(|config| config.stress = true);
        apart(|| {
            let mut nodes = holder.borrow_mut();
            // The standard library has emptied the vector meanwhile.
            nodes.retain(|node| {
                assert!(!collect());
                *Gc::new(drops.count(node.counted.number)) == 0
            });
            assert_eq!(nodes.len(), 1);
        });
        assert!(gc::statistics().postponed >= 2);
        assert_eq!((gc::statistics().collections, drops.total()), (0, 0));
        holder.borrow_mut().clear();
        assert!(collect());
        assert_eq!(drops.total(), 1);
    });
}

#[derive(Collect)]
struct Shared {
    node: Gc<Node>,
    other: RefCell<Option<Rc<Shared>>>,
}

#[test]
fn containers_are_traced() {
    alone(|| {
        type All = (
            Option<Gc<Node>>,
            Result<Gc<Node>, Gc<u8>>,
            [Gc<Node>; 2],
            Box<[Gc<Node>]>,
            HashMap<String, Gc<Node>>,
            Rc<Shared>,
            Cell<Option<Gc<Node>>>,
        );
        let drops = Drops::default();
        let root: Root<RefCell<Option<All>>> = Root::new(RefCell::new(None));
        apart(|| {
            let new = || node(&drops);
            let shared = Rc::new(Shared { node: new(), other: RefCell::new(None) });
            *shared.other.borrow_mut() = Some(shared.clone());
            let map = [("a".to_owned(), new())].into();
            let all = (
                Some(new()),
                Ok(new()),
                [new(), new()],
                Box::new([new()]) as Box<[_]>,
                map,
                shared,
                Cell::new(Some(new())),
            );
            *root.borrow_mut() = Some(all);
        });
        assert!(collect());
        assert_eq!(drops.total(), 0);
        apart(|| {
            let all = root.take().expect("it has been put there");
            assert_eq!(all.4["a"].next.get().is_none(), all.5.node.next.get().is_none());
            // The cycle of `Rc`.
            all.5.other.take();
        });
        assert!(collect());
        assert_eq!(drops.total(), 8);
    });
}

#[derive(Collect)]
enum Expr {
    Leaf,
    Pair(Box<Expr>, Gc<Node>),
    Named {
        node: Gc<Node>,
        #[collect(skip)]
        name: std::ffi::CString,
        #[collect(unsafe_skip)]
        call: Box<dyn Fn() -> u8>,
    },
}

#[derive(Collect)]
struct Generic<T, const N: usize>([T; N], Option<Box<Generic<T, N>>>);

#[test]
fn derived_types_are_traced() {
    alone(|| {
        let drops = Drops::default();
        let root = Root::new(RefCell::new(vec![]));
        apart(|| {
            let pair =
                Expr::Pair(Box::new(Expr::Pair(Box::new(Expr::Leaf), node(&drops))), node(&drops));
            let named = Expr::Named { node: node(&drops), name: c"n".into(), call: Box::new(|| 7) };
            let inner = Generic([pair], None);
            root.borrow_mut().push(Generic([named], Some(Box::new(inner))));
        });
        assert!(collect());
        assert_eq!(drops.total(), 0);
        apart(|| {
            let objects = root.borrow();
            let Expr::Named { node, name, call } = &objects[0].0[0] else {
                panic!("it is a name");
            };
            assert_eq!((node.counted.number, name.as_c_str(), call()), (2, c"n", 7));
        });
        root.borrow_mut().clear();
        assert!(collect());
        assert_eq!(drops.total(), 3);
        const { assert!(!<(u8, Option<f64>) as Collect>::NEEDS_TRACE && <Expr as Collect>::NEEDS_TRACE) };
    });
}

#[test]
fn a_thread_takes_its_objects_along() {
    alone(|| {
        let total = {
            let (sender, receiver) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                struct Tell(std::sync::mpsc::Sender<u8>);
                impl Drop for Tell {
                    fn drop(&mut self) {
                        let _ = self.0.send(1);
                    }
                }
                // SAFETY: there is no pointer in it, and the destructor looks at nothing.
                unsafe impl Collect for Tell {
                    fn trace(&self, _: &mut gc::Tracer<'_>) {}
                }
                for _ in 0..10 {
                    Gc::new(Tell(sender.clone()));
                    Gc::<[Tell]>::try_from_fn(1000, |_| Tell(sender.clone())).unwrap();
                }
            })
            .join()
            .unwrap();
            receiver.iter().count()
        };
        assert_eq!(total, 10_010);
    });
}

#[test]
fn statistics_are_exact() {
    alone(|| {
        configure(|config| config.initial_threshold = usize::MAX);
        apart(|| {
            for _ in 0..1000 {
                Gc::new([0u64; 2]);
            }
            for _ in 0..10 {
                // So large that its memory has never been anything else.
                assert!(Gc::<[u64]>::try_from_fn(20_000, |_| 0).is_ok());
            }
        });
        let statistics = gc::statistics();
        let bytes = 1000 * 32 + 10 * 160_016;
        assert_eq!((statistics.allocations, statistics.large_objects), (1010, 10));
        assert_eq!((statistics.allocated_bytes, statistics.collections), (bytes, 0));
        assert!(collect());
        let statistics = gc::statistics();
        assert_eq!((statistics.freed, statistics.collections, statistics.live_bytes), (1010, 1, 0));
        assert!(
            statistics.pause_last_ns > 0 && statistics.pause_total_ns >= statistics.pause_max_ns
        );
        let json = statistics.to_json();
        assert!(
            json.starts_with("{\"allocations\": 1010, \"allocated_bytes\": ")
                && json.ends_with('}')
        );
    });
}

#[test]
fn the_heap_grows_with_what_lives() {
    alone(|| {
        configure(|config| config.initial_threshold = 256 << 10);
        let keep = Root::new(RefCell::new(vec![]));
        for _ in 0..100_000 {
            let object = Gc::new([0u64; 3]);
            keep.borrow_mut().push(object);
        }
        let growing = gc::statistics().collections;
        assert!((2..8).contains(&growing), "{growing}");
        keep.borrow_mut().clear();
        assert!(collect());
        for _ in 0..100_000 {
            Gc::new([0u64; 3]);
        }
        let statistics = gc::statistics();
        assert!(
            (10..20).contains(&(statistics.collections - growing)),
            "{}",
            statistics.collections
        );
        assert!(statistics.held_bytes < 1 << 20, "{}", statistics.held_bytes);
        let before = statistics.collections;
        for _ in 0..100 {
            gc::adjust_external(100 << 10);
            (0..1000).for_each(|_| forget(Gc::new([0u64; 3])));
            gc::adjust_external(-(100 << 10));
        }
        assert!(gc::statistics().collections > before + 10);
    });
}
