//! The memory of a heap: blocks, large objects, and the points where allocation goes on.
//!
//! ```text
//! class 32:  block [used|used|  span, being bumped through  |used|free|free]
//!                             ^ cursor                      ^ limit
//! ```
//!
//! Blocks come in chunks of half a MiB from the system's allocator. A chunk that a collection leaves
//! empty goes back, unless there is to be room for what is allocated until the next one. An address is looked up by its block's number in a hash set, or among the
//! large objects in order.
//!
//! Invariant `one-allocator`: a block is allocated from by one point, or waits in one list, or is
//! full, or has doomed objects.
//!
//! Not here: when to collect (`heap`).

use super::block::{BLOCK, Block, HEADER, POISON, Preamble, SIZES, Slot};
use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::{NonNull, null_mut};

/// Blocks of a chunk.
const CHUNK_BLOCKS: usize = 16;
const CHUNK: Layout = match Layout::from_size_align(CHUNK_BLOCKS * BLOCK, BLOCK) {
    Ok(layout) => layout,
    Err(_) => panic!("the layout of a chunk"),
};

/// Where objects of one size are allocated: a span of free cells.
///
/// Machine code reads and writes the first two words; both are null if there is no span.
#[repr(C)]
pub struct Point {
    cursor: Cell<*mut u8>,
    limit: Cell<*mut u8>,
    /// Where the span began, for the statistics.
    start: Cell<*mut u8>,
    /// The block that the span is in, and the index of the first cell behind it.
    block: Cell<Option<(Block, usize)>>,
}

impl Point {
    /// Where the next free cell is, and the end of them.
    pub fn span(&self) -> (*mut u8, *mut u8) {
        (self.cursor.get(), self.limit.get())
    }

    /// The addresses of cursor and limit.
    pub fn addresses(&self) -> (*mut *mut u8, *mut *mut u8) {
        (self.cursor.as_ptr(), self.limit.as_ptr())
    }
}

/// What was allocated, as far as spans have been used up.
#[derive(Clone, Copy, Default)]
pub struct Allocated {
    pub objects: u64,
    pub bytes: u64,
    pub large: u64,
}

/// The memory of a heap.
pub struct Space {
    points: [Point; SIZES.len()],
    pub memory: RefCell<Memory>,
    /// Bytes in objects, spans that are being used included.
    used: Cell<usize>,
    /// Bytes of blocks in use and of large objects.
    held: Cell<usize>,
    allocated: Cell<Allocated>,
}

/// Which blocks and large objects there are.
#[derive(Default)]
pub struct Memory {
    /// Blocks in use.
    pub blocks: Vec<Block>,
    numbers: HashSet<usize, BuildHasherDefault<Multiply>>,
    /// Blocks that may have free cells, by class.
    partial: [Vec<Block>; SIZES.len()],
    /// Blocks that have become empty since the last sweep, and are still among the blocks.
    emptied: Vec<Block>,
    /// Memory for blocks, with the chunk's address.
    spare: Vec<(NonNull<u8>, usize)>,
    /// Chunks by address: how many of their blocks are in use.
    chunks: BTreeMap<usize, (NonNull<u8>, usize)>,
    /// Large objects by address.
    pub large: BTreeMap<usize, Slot>,
    /// No object is below or from there on.
    low: usize,
    high: usize,
}

impl Space {
    pub fn new() -> Space {
        let point = || Point {
            cursor: Cell::new(null_mut()),
            limit: Cell::new(null_mut()),
            start: Cell::new(null_mut()),
            block: Cell::new(None),
        };
        Space {
            points: std::array::from_fn(|_| point()),
            memory: RefCell::default(),
            used: Cell::new(0),
            held: Cell::new(0),
            allocated: Cell::default(),
        }
    }

    pub fn point(&self, class: usize) -> &Point {
        &self.points[class]
    }

    /// The next cell of the class's span.
    #[inline(always)]
    pub fn bump(&self, class: usize) -> Option<Slot> {
        let point = &self.points[class];
        let cursor = point.cursor.get();
        if cursor == point.limit.get() {
            return None;
        }
        // SAFETY: a span is a whole number of cells in a block, so one more begins at the cursor;
        // it is free, with a header of zero.
        unsafe {
            point.cursor.set(cursor.add(SIZES[class]));
            Some(Slot::at(NonNull::new_unchecked(cursor)))
        }
    }

    /// The cell that [`bump`](Self::bump) or [`refill`](Self::refill) has just given is the next one
    /// again. No object has been made in it.
    pub fn give_back(&self, class: usize, slot: Slot) {
        let point = &self.points[class];
        debug_assert!(slot.address() + SIZES[class] == point.cursor.get().addr());
        point.cursor.set(point.cursor.get().wrapping_sub(SIZES[class]));
    }

    /// Finds a new span of at most so many cells, then takes its first cell. None if more than
    /// `limit` bytes would be held, or the system has no memory.
    pub fn refill(&self, class: usize, longest: usize, limit: usize) -> Option<Slot> {
        debug_assert!(longest > 0);
        let point = &self.points[class];
        self.account(point);
        let mut memory = self.memory.borrow_mut();
        let mut place = point.block.take();
        loop {
            let (block, from) = match place {
                Some(place) => place,
                None => (self.next_block(&mut memory, class, limit)?, 0),
            };
            let Some((start, end)) = block.next_span(from, longest) else {
                place = None;
                continue;
            };
            let size = SIZES[class];
            let first = block.cell(start).payload().as_ptr().wrapping_sub(HEADER);
            point.start.set(first);
            point.cursor.set(first);
            point.limit.set(first.wrapping_add((end - start) * size));
            point.block.set(Some((block, end)));
            self.used.set(self.used.get() + (end - start) * size);
            return self.bump(class);
        }
    }

    fn next_block(&self, memory: &mut Memory, class: usize, limit: usize) -> Option<Block> {
        if let Some(block) = memory.partial[class].pop() {
            return Some(block);
        }
        if self.held.get().saturating_add(BLOCK) > limit {
            return None;
        }
        let block = memory.new_block(class)?;
        self.held.set(self.held.get() + BLOCK);
        Some(block)
    }

    /// A cell of its own for an object of so many bytes, header included.
    pub fn large(&self, bytes: usize, limit: usize) -> Option<Slot> {
        let size = bytes.checked_next_multiple_of(HEADER)?;
        let layout = large_layout(size)?;
        if self.held.get().saturating_add(layout.size()) > limit {
            return None;
        }
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { std::alloc::alloc(layout) })?;
        start.expose_provenance();
        // SAFETY: the memory is ours, and large enough for preamble and header; the header is
        // written before the slot is made of it.
        let slot = unsafe {
            start.cast::<Preamble>().write(Preamble { marked: Cell::new(false), size });
            let cell = start.add(size_of::<Preamble>());
            cell.cast::<usize>().write(0);
            Slot::at(cell)
        };
        let mut memory = self.memory.borrow_mut();
        memory.large.insert(slot.address(), slot);
        memory.widen(slot.address(), size);
        self.held.set(self.held.get() + layout.size());
        self.used.set(self.used.get() + size);
        let mut allocated = self.allocated.get();
        allocated.large += 1;
        allocated.objects += 1;
        allocated.bytes += size as u64;
        self.allocated.set(allocated);
        Some(slot)
    }

    /// Gives a large object's memory back. Nobody has its slot any more.
    pub fn free_large(&self, slot: Slot) {
        let size = slot.preamble().size;
        self.memory.borrow_mut().large.remove(&slot.address());
        self.held.set(self.held.get() - (size + size_of::<Preamble>()));
        free_large(slot);
    }

    /// Ends all spans: what is left of them is free.
    pub fn retire(&self) {
        let mut memory = self.memory.borrow_mut();
        for point in &self.points {
            let left = point.limit.get() as usize - point.cursor.get() as usize;
            self.used.set(self.used.get() - left);
            self.account(point);
            if let Some((block, _)) = point.block.take() {
                memory.partial[block.class()].push(block);
            }
        }
    }

    fn account(&self, point: &Point) {
        self.allocated.set(self.with_span(self.allocated.get(), point));
        for end in [&point.start, &point.cursor, &point.limit] {
            end.set(null_mut());
        }
    }

    fn with_span(&self, mut allocated: Allocated, point: &Point) -> Allocated {
        let bytes = point.cursor.get() as usize - point.start.get() as usize;
        if let Some((block, _)) = point.block.get() {
            allocated.bytes += bytes as u64;
            allocated.objects += (bytes / block.size()) as u64;
        }
        allocated
    }

    /// What was allocated up to now.
    pub fn allocated(&self) -> Allocated {
        self.points.iter().fold(self.allocated.get(), |sum, point| self.with_span(sum, point))
    }

    pub fn used(&self) -> usize {
        self.used.get()
    }

    pub fn set_used(&self, bytes: usize) {
        self.used.set(bytes);
    }

    pub fn held(&self) -> usize {
        self.held.get()
    }

    /// After a sweep: blocks with nothing in them are spare, others may have free cells, and those
    /// with doomed objects wait.
    pub fn sort(&self, waits: impl Fn(Block) -> bool) {
        let memory = &mut *self.memory.borrow_mut();
        memory.partial.iter_mut().for_each(Vec::clear);
        memory.emptied.clear();
        for block in &memory.blocks {
            if waits(*block) {
                continue;
            }
            let list = match block.is_empty() {
                true => &mut memory.emptied,
                false => &mut memory.partial[block.class()],
            };
            list.push(*block);
        }
        self.release(memory);
    }

    /// A block's doomed objects have all been freed.
    pub fn settle(&self, block: Block) {
        let memory = &mut *self.memory.borrow_mut();
        match block.is_empty() {
            true => memory.emptied.push(block),
            false => memory.partial[block.class()].push(block),
        }
    }

    /// Makes empty blocks spare.
    fn release(&self, memory: &mut Memory) {
        for block in memory.emptied.drain(..) {
            self.held.set(self.held.get() - BLOCK);
            memory.numbers.remove(&(block.address() / BLOCK));
            memory.spare.push((block.start(), block.chunk()));
            if let Some((_, in_use)) = memory.chunks.get_mut(&block.chunk()) {
                *in_use -= 1;
            }
        }
        let numbers = &memory.numbers;
        memory.blocks.retain(|block| numbers.contains(&(block.address() / BLOCK)));
    }

    /// Makes empty blocks spare, and gives empty chunks back, but for as many as hold `wanted` bytes:
    /// the system would clear each page again before it is used.
    pub fn trim(&self, wanted: usize) {
        let memory = &mut *self.memory.borrow_mut();
        self.release(memory);
        let empty = memory.chunks.iter().filter(|(_, (_, in_use))| *in_use == 0);
        let kept = wanted.div_ceil(CHUNK.size());
        let empty: Vec<usize> = empty.map(|(address, _)| *address).skip(kept).collect();
        if empty.is_empty() {
            return;
        }
        memory.spare.retain(|(_, chunk)| empty.binary_search(chunk).is_err());
        for address in empty {
            if let Some((start, _)) = memory.chunks.remove(&address) {
                // SAFETY: it was allocated with this layout, and nothing in it is in use.
                unsafe { std::alloc::dealloc(start.as_ptr(), CHUNK) };
            }
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let memory = self.memory.get_mut();
        memory.large.values().for_each(|slot| free_large(*slot));
        for (start, _) in memory.chunks.values() {
            // SAFETY: it was allocated with this layout, and with the heap goes who used it.
            unsafe { std::alloc::dealloc(start.as_ptr(), CHUNK) };
        }
    }
}

fn large_layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(size_of::<Preamble>())?, 16).ok()
}

fn free_large(slot: Slot) {
    let size = slot.preamble().size;
    let layout = large_layout(size).expect("the object has been allocated with this layout");
    // SAFETY: this is where the allocation of this layout began; the object is dead. In debug
    // builds it is poisoned for those who believe otherwise.
    unsafe {
        let start = slot.payload().as_ptr().sub(HEADER + size_of::<Preamble>());
        if cfg!(debug_assertions) {
            start.write_bytes(POISON, layout.size());
        }
        std::alloc::dealloc(start, layout);
    }
}

impl Memory {
    fn new_block(&mut self, class: usize) -> Option<Block> {
        if self.spare.is_empty() {
            self.new_chunk()?;
        }
        let (start, chunk) = self.spare.pop()?;
        // SAFETY: spare memory is a block's, aligned, and used by nobody.
        let block = unsafe { Block::init(start, class, chunk) };
        if let Some((_, in_use)) = self.chunks.get_mut(&chunk) {
            *in_use += 1;
        }
        self.numbers.insert(block.address() / BLOCK);
        self.blocks.push(block);
        self.widen(block.address(), BLOCK);
        Some(block)
    }

    fn new_chunk(&mut self) -> Option<()> {
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { std::alloc::alloc(CHUNK) })?;
        // Words of the stack become pointers into it.
        let chunk = start.expose_provenance().get();
        self.chunks.insert(chunk, (start, 0));
        for index in (0..CHUNK_BLOCKS).rev() {
            // SAFETY: the block is in the chunk.
            self.spare.push((unsafe { start.add(index * BLOCK) }, chunk));
        }
        Some(())
    }

    fn widen(&mut self, start: usize, bytes: usize) {
        self.low = if self.high == 0 { start } else { self.low.min(start) };
        self.high = self.high.max(start + bytes + 1);
    }

    /// The object that an address is in; its header belongs to it.
    #[inline]
    pub fn find(&self, address: usize) -> Option<Slot> {
        if address < self.low || address >= self.high {
            return None;
        }
        if self.numbers.contains(&(address / BLOCK)) {
            // SAFETY: a block in use has this number, and chunks are exposed.
            let block = unsafe { Block::at(address & !(BLOCK - 1)) };
            let slot = block.cell(block.index_of(address)?);
            return (!slot.is_free()).then_some(slot);
        }
        let (start, slot) = self.large.range(..=address).next_back()?;
        let inside = !slot.is_free() && address - start < slot.preamble().size;
        inside.then_some(*slot)
    }
}

/// Hashes a block's number: the neighbours of a number go far away.
#[derive(Default)]
struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize((self.0 as usize) << 8 | *byte as usize));
    }

    fn write_usize(&mut self, number: usize) {
        // The golden ratio; the swap brings its good upper bits down to where tables look.
        self.0 = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).swap_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_chunks_go_back_but_for_those_that_are_wanted() {
        let space = Space::new();
        // Spans of whole blocks, of which no cell becomes an object.
        for _ in 0..10 * CHUNK_BLOCKS {
            space.refill(0, usize::MAX, usize::MAX).expect("there is memory");
        }
        let chunks = || space.memory.borrow().chunks.len();
        assert_eq!(chunks(), 10);
        space.retire();
        space.sort(|_| false);
        space.trim(3 * CHUNK.size() - 1);
        assert_eq!((chunks(), space.memory.borrow().spare.len()), (3, 3 * CHUNK_BLOCKS));
        space.trim(0);
        assert_eq!((chunks(), space.memory.borrow().spare.len()), (0, 0));
        space.refill(0, 1, usize::MAX).expect("there is memory");
        assert_eq!(chunks(), 1);
    }
}
