//! Blocks: 32 KiB of cells of one size, with the marks of their objects.
//!
//! ```text
//! | head: class, marks ... | cell | cell | cell | ...
//! ^ 32 KiB aligned         ^ 384
//! ```
//!
//! A block is aligned to its size, so an object's block is found by masking its address, and the
//! cell that an inner pointer leads to by a multiplication. Allocation takes *spans*: runs of free
//! cells, bumped through.
//!
//! Invariants: `free-is-zero` (the header of a free cell is zero, of any other it is not),
//! `poisoned` (in debug builds the payload of a free cell is filled with [`POISON`]).
//!
//! Not here: which blocks there are (`space`), when they are swept (`cycle`).

use super::header::{self, LARGE, TypeInfo};
use std::cell::Cell;
use std::ptr::NonNull;

/// Bytes of a block, and its alignment.
pub const BLOCK: usize = 32 * 1024;
/// Where the first cell is.
const FIRST: usize = 384;
/// All sizes of cells are multiples of this.
const GRANULE: usize = 16;
/// Bytes of the header word.
pub const HEADER: usize = 8;
/// What is in free cells in debug builds.
pub const POISON: u8 = 0xd5;
/// Are free cells poisoned and checked?
const VERIFY: bool = cfg!(debug_assertions);

/// Sizes of cells, headers included: first in steps of 16, then of about a fifth, at last what
/// divides a block well.
pub const SIZES: [usize; 30] = [
    16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024,
    1280, 1536, 1792, 2016, 2688, 3232, 4048, 5392, 6464, 8096,
];
/// The largest of them; what is larger has an allocation of its own.
pub const LARGEST: usize = SIZES[SIZES.len() - 1];

/// The class by the number of granules.
static CLASS_OF: [u8; LARGEST / GRANULE + 1] = classes();

const fn classes() -> [u8; LARGEST / GRANULE + 1] {
    let mut table = [0; LARGEST / GRANULE + 1];
    let (mut granules, mut class) = (0, 0);
    while granules < table.len() {
        if granules * GRANULE > SIZES[class] {
            class += 1;
        }
        table[granules] = class as u8;
        granules += 1;
    }
    table
}

/// The class of cells for so many bytes, header included; none if they are too many.
#[inline(always)]
pub fn class_of(bytes: usize) -> Option<usize> {
    CLASS_OF.get(bytes.div_ceil(GRANULE)).map(|class| *class as usize)
}

/// A cell, in a block or of its own.
///
/// Invariant: its memory is there. Whoever frees a block or a large object has no cells of it left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Slot(NonNull<usize>);

impl Slot {
    /// # Safety
    /// A cell begins there, with a header that is zero or of the object's type.
    #[inline(always)]
    pub unsafe fn at(start: NonNull<u8>) -> Slot {
        Slot(start.cast())
    }

    /// # Safety
    /// It is the payload of a cell.
    #[inline(always)]
    pub unsafe fn of_payload(payload: NonNull<u8>) -> Slot {
        // SAFETY: the header is before the payload, in the same cell.
        Slot(unsafe { payload.sub(HEADER) }.cast())
    }

    #[inline(always)]
    pub fn payload(self) -> NonNull<u8> {
        // SAFETY: a cell has a payload behind its header.
        unsafe { self.0.cast::<u8>().add(HEADER) }
    }

    pub fn address(self) -> usize {
        self.0.addr().get()
    }

    #[inline(always)]
    pub fn header(self) -> usize {
        // SAFETY: a cell begins with its header (invariant of `Slot`).
        unsafe { self.0.read() }
    }

    pub fn is_free(self) -> bool {
        self.header() == 0
    }

    /// Makes the cell an object.
    ///
    /// # Safety
    /// The payload is one of the header's type; the flag says whether the cell is in a block.
    #[inline(always)]
    pub unsafe fn set_header(self, header: usize) {
        // SAFETY: a cell begins with its header (invariant of `Slot`).
        unsafe { self.0.write(header) }
    }

    /// What the object's type is; none if the cell is free.
    pub fn info(self) -> Option<&'static TypeInfo> {
        let header = self.header();
        // SAFETY: `set_header` took a header of a type.
        (header != 0).then(|| unsafe { header::info(header) })
    }

    pub fn is_large(self) -> bool {
        self.header() & LARGE != 0
    }

    /// The block that the cell is in; the object is not large.
    pub fn block(self) -> Block {
        debug_assert!(!self.is_large());
        let start = self.0.cast::<u8>().as_ptr().map_addr(|address| address & !(BLOCK - 1));
        // SAFETY: a cell that is not large is in a block, which is aligned to its size, and not at
        // the null address.
        Block(unsafe { NonNull::new_unchecked(start) })
    }

    pub fn is_marked(self) -> bool {
        if self.is_large() {
            return self.preamble().marked.get();
        }
        let (word, bit) = self.mark_bit();
        self.block().head().marks[word].get() & bit != 0
    }

    /// Marks the object. Was it not yet?
    #[inline]
    pub fn mark(self) -> bool {
        if self.is_large() {
            return !self.preamble().marked.replace(true);
        }
        let (word, bit) = self.mark_bit();
        let marks = &self.block().head().marks[word];
        let before = marks.get();
        marks.set(before | bit);
        before & bit == 0
    }

    fn mark_bit(self) -> (usize, u64) {
        let granule = (self.address() & (BLOCK - 1)) / GRANULE;
        (granule / 64, 1 << (granule % 64))
    }

    /// What is before a large object's header.
    pub fn preamble<'a>(self) -> &'a Preamble {
        debug_assert!(self.is_large());
        // SAFETY: a large object's header has a preamble before it, in the same allocation; it is
        // changed through cells only and lives as long as the slot.
        unsafe { &*self.0.cast::<Preamble>().sub(1).as_ptr() }
    }

    /// Makes a cell of a block free.
    fn free(self, size: usize) {
        // SAFETY: the cell is in a block and has this size; nobody uses it any more (the caller
        // has found it dead, and dropped what was in it).
        unsafe {
            self.0.write(0);
            if VERIFY {
                self.payload().write_bytes(POISON, size - HEADER);
            }
        }
    }

    /// Panics if somebody has written to the free cell.
    fn verify_free(self, size: usize) {
        for offset in 0..size - HEADER {
            // SAFETY: in debug builds free cells are filled, hence initialized (`poisoned`).
            let byte = unsafe { self.payload().add(offset).read() };
            assert!(byte == POISON, "an object has been written to after it was collected");
        }
    }
}

/// What is before a large object's header.
#[repr(C)]
pub struct Preamble {
    pub marked: Cell<bool>,
    /// Bytes of the object, header included.
    pub size: usize,
}

/// The head of a block.
#[repr(C)]
struct Head {
    class: Cell<u32>,
    /// Objects that wait for being dropped.
    doomed: Cell<u32>,
    /// Objects that the last sweep has found alive.
    live: Cell<u32>,
    /// ⌈2³² / cell size⌉, for finding cells.
    reciprocal: Cell<u64>,
    /// The address of the chunk of memory that the block is in.
    chunk: Cell<usize>,
    marks: [Cell<u64>; BLOCK / GRANULE / 64],
}

const _: () = assert!(size_of::<Head>() <= FIRST && FIRST.is_multiple_of(GRANULE));

/// A block in use.
///
/// Invariant: its memory is there, with a head.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Block(NonNull<u8>);

/// What a sweep has found in a block.
#[derive(Clone, Copy, Default)]
pub struct Swept {
    pub live: usize,
    pub freed: usize,
    pub doomed: usize,
}

impl Block {
    /// Makes memory a block of free cells.
    ///
    /// # Safety
    /// The memory is a block's, aligned, and used by nobody else as long as the block is.
    pub unsafe fn init(start: NonNull<u8>, class: usize, chunk: usize) -> Block {
        let reciprocal = (1u64 << 32).div_ceil(SIZES[class] as u64);
        let head = Head {
            class: Cell::new(class as u32),
            doomed: Cell::new(0),
            live: Cell::new(0),
            reciprocal: Cell::new(reciprocal),
            chunk: Cell::new(chunk),
            marks: [const { Cell::new(0) }; BLOCK / GRANULE / 64],
        };
        // SAFETY: the memory is ours and large and aligned enough.
        unsafe { start.cast::<Head>().write(head) };
        let block = Block(start);
        for index in 0..block.cells() {
            block.cell(index).free(block.size());
        }
        block
    }

    /// The block at an address.
    ///
    /// # Safety
    /// There is one, in use, in memory with exposed provenance.
    pub unsafe fn at(address: usize) -> Block {
        let start = std::ptr::with_exposed_provenance_mut(address);
        // SAFETY: no block is at the null address.
        Block(unsafe { NonNull::new_unchecked(start) })
    }

    fn head<'a>(self) -> &'a Head {
        // SAFETY: the head is there (invariant of `Block`) and is changed through cells only.
        unsafe { self.0.cast::<Head>().as_ref() }
    }

    pub fn start(self) -> NonNull<u8> {
        self.0
    }

    pub fn address(self) -> usize {
        self.0.addr().get()
    }

    pub fn class(self) -> usize {
        self.head().class.get() as usize
    }

    pub fn chunk(self) -> usize {
        self.head().chunk.get()
    }

    /// Bytes of a cell.
    pub fn size(self) -> usize {
        SIZES[self.class()]
    }

    /// The number of cells.
    pub fn cells(self) -> usize {
        (BLOCK - FIRST) / self.size()
    }

    pub fn cell(self, index: usize) -> Slot {
        debug_assert!(index < self.cells());
        // SAFETY: the cell is in the block, and begins with a header: zero since `init`, or what
        // `set_header` wrote.
        unsafe { Slot::at(self.0.add(FIRST + index * self.size())) }
    }

    /// All cells.
    pub fn slots(self) -> impl Iterator<Item = Slot> {
        (0..self.cells()).map(move |index| self.cell(index))
    }

    /// The index of the cell that an address in this block is in.
    pub fn index_of(self, address: usize) -> Option<usize> {
        let offset = (address - self.address()).checked_sub(FIRST)?;
        // Exact, since offset * size is less than 2³².
        let index = ((offset as u64 * self.head().reciprocal.get()) >> 32) as usize;
        (index < self.cells()).then_some(index)
    }

    /// The next run of free cells from a cell on, as indices.
    pub fn next_span(self, from: usize, longest: usize) -> Option<(usize, usize)> {
        let start = (from..self.cells()).find(|index| self.cell(*index).is_free())?;
        let stop = self.cells().min(start.saturating_add(longest));
        let end = (start..stop).find(|index| !self.cell(*index).is_free()).unwrap_or(stop);
        if VERIFY {
            (start..end).for_each(|index| self.cell(index).verify_free(self.size()));
        }
        Some((start, end))
    }

    pub fn clear_marks(self) {
        self.head().marks.iter().for_each(|marks| marks.set(0));
    }

    /// Frees what is not marked, except for what must be dropped first: that goes to `doomed`.
    pub fn sweep(self, doomed: &mut Vec<Slot>) -> Swept {
        let mut swept = Swept::default();
        let size = self.size();
        for index in 0..self.cells() {
            let slot = self.cell(index);
            let Some(info) = slot.info() else {
                continue;
            };
            if slot.is_marked() {
                swept.live += 1;
            } else if info.drop.is_some() {
                swept.doomed += 1;
                doomed.push(slot);
            } else {
                swept.freed += 1;
                slot.free(size);
            }
        }
        self.head().doomed.set(swept.doomed as u32);
        self.head().live.set(swept.live as u32);
        swept
    }

    /// Frees a doomed object, which has been dropped. Was it the last one of this block?
    pub fn free_doomed(self, slot: Slot) -> bool {
        slot.free(self.size());
        let left = self.head().doomed.get() - 1;
        self.head().doomed.set(left);
        left == 0
    }

    /// Has the last sweep found nothing alive?
    pub fn is_empty(self) -> bool {
        self.head().live.get() == 0
    }
}
