//! Shapes: the words of a Rust type, where they lie, and where its tag is.
//!
//! ```text
//! #[repr(C, u8)] enum Value { Nil, Bool(bool), Int(i64), Float(f64) }
//!     +0 i8    the tag
//!     +8 i64   the payload, whatever it is
//! ```
//!
//! An enum by value is its tag and its payload as raw words, so that it can be copied without
//! asking which variant it is. A derive composes the shape from those of the fields; offsets come
//! from `offset_of!`.
//!
//! Invariants: `fixed` (how many words a type has, and where, does not depend on the value: replay
//! meets as many loads as recording), `same-bytes` (two words of a shape do not overlap).
//!
//! Not here: values (`traced`).

use crate::ir::Ty;
use std::fmt;

/// The name of a type, as `std::any::type_name` gives it.
pub type TypeName = fn() -> &'static str;

/// More words than this, and a type is known only as a whole.
pub const MAX_WORDS: usize = 16;

/// A word of a type.
#[derive(Clone, Copy, Debug)]
pub struct WordAt {
    /// Distance from the beginning, in bytes.
    pub offset: u32,
    /// Its type.
    pub ty: Ty,
    /// What may hold it: a field of a type; `None`: wherever the value lies.
    pub owner: Owner,
}

/// What tells words apart that cannot be the same memory.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    /// The place where the value lies says.
    Place,
    /// The bytes at that distance in that type.
    Field(TypeName, u32),
    /// Nothing is known.
    Any,
    /// What a shared reference leads to that is a red: nobody stores to that.
    Frozen,
}

/// The words of a type.
#[derive(Clone, Copy)]
pub struct Shape {
    words: Words,
    len: usize,
    opaque: bool,
}

/// Room for words. All of it is initialized; that it is a union keeps rustc, which evaluates a
/// shape for each type of an interpreter, from looking at every word of it each time.
#[derive(Clone, Copy)]
union Words {
    all: [WordAt; MAX_WORDS],
}

impl Words {
    const fn all(&self) -> &[WordAt; MAX_WORDS] {
        // SAFETY: the only field, and always initialized.
        unsafe { &self.all }
    }

    const fn set(&mut self, index: usize, word: WordAt) {
        // SAFETY: as above.
        unsafe { self.all[index] = word };
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shape").field("words", &self.words()).field("opaque", &self.opaque).finish()
    }
}

impl Shape {
    /// No words.
    pub const EMPTY: Shape = Shape {
        words: Words { all: [WordAt { offset: 0, ty: Ty::I64, owner: Owner::Any }; MAX_WORDS] },
        len: 0,
        opaque: false,
    };
    /// A type that is known only as a whole.
    pub const OPAQUE: Shape = Shape { opaque: true, ..Shape::EMPTY };

    /// One word.
    pub const fn word(ty: Ty) -> Shape {
        Shape::EMPTY.push(WordAt { offset: 0, ty, owner: Owner::Place })
    }

    const fn push(mut self, word: WordAt) -> Shape {
        if self.len == MAX_WORDS {
            return Shape::OPAQUE;
        }
        self.words.set(self.len, word);
        self.len += 1;
        self
    }

    /// The same and a word that may be accessed as part of anything.
    pub const fn with_any(self, offset: u32, ty: Ty) -> Shape {
        self.push(WordAt { offset, ty, owner: Owner::Any })
    }

    /// The same and the words of a field.
    pub const fn with(mut self, offset: usize, field: &Shape, owner: TypeName) -> Shape {
        if self.opaque || field.opaque {
            return Shape::OPAQUE;
        }
        let mut index = 0;
        while index < field.len {
            let mut word = field.words.all()[index];
            word.offset += offset as u32;
            if let Owner::Place = word.owner {
                word.owner = Owner::Field(owner, offset as u32);
            }
            self = self.push(word);
            index += 1;
        }
        self
    }

    /// The same and the words of a field that is told apart as the whole is.
    pub const fn with_inner(mut self, offset: usize, field: &Shape) -> Shape {
        if self.opaque || field.opaque {
            return Shape::OPAQUE;
        }
        let mut index = 0;
        while index < field.len {
            let mut word = field.words.all()[index];
            word.offset += offset as u32;
            self = self.push(word);
            index += 1;
        }
        self
    }

    /// The words of the only field of a struct: they are told apart as if there were no struct.
    pub const fn only(field: &Shape, field_size: usize, size: usize, other: Shape) -> Shape {
        if field_size == size && !field.opaque { *field } else { other }
    }

    /// `n` elements of a shape of that size, one behind the other.
    pub const fn repeat(element: &Shape, size: usize, n: usize, owner: TypeName) -> Shape {
        let mut shape = Shape::EMPTY;
        let mut index = 0;
        while index < n && !shape.opaque {
            let mut item = *element;
            let mut word = 0;
            while word < item.len {
                let mut at = item.words.all()[word];
                if let Owner::Place = at.owner {
                    at.owner = Owner::Field(owner, 0);
                    item.words.set(word, at);
                }
                word += 1;
            }
            shape = shape.with(index * size, &item, owner);
            index += 1;
        }
        shape
    }

    /// A tag, and raw words for what lies behind it. `plain`: the payloads are words, no structs
    /// or enums whose fields could be reached by a reference of their own.
    pub const fn tagged(tag: Ty, size: usize, align: usize, plain: bool, owner: TypeName) -> Shape {
        let mut shape =
            Shape::EMPTY.push(WordAt { offset: 0, ty: tag, owner: Owner::Field(owner, 0) });
        let (ty, step) = match align {
            1 => (Ty::I8, 1),
            2 => (Ty::I16, 2),
            4 => (Ty::I32, 4),
            _ => (Ty::I64, 8),
        };
        let mut offset = align;
        while offset + step <= size {
            let owner = if plain { Owner::Field(owner, offset as u32) } else { Owner::Any };
            shape = shape.push(WordAt { offset: offset as u32, ty, owner });
            offset += step;
        }
        shape
    }

    /// Itself, unless it is `opaque`.
    pub const fn unless(self, opaque: bool) -> Shape {
        if opaque { Shape::OPAQUE } else { self }
    }

    /// The words, in order.
    pub fn words(&self) -> &[WordAt] {
        &self.words.all()[..self.len]
    }

    /// Is the type known only as a whole?
    pub const fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Is it exactly one word?
    pub const fn is_word(&self) -> bool {
        !self.opaque && self.len == 1 && self.words.all()[0].offset == 0
    }

    /// The type of the first word.
    pub const fn first(&self) -> Ty {
        self.words.all()[0].ty
    }

    /// What the word says to which a byte belongs, if the type is known by its words.
    pub fn owner_of(&self, offset: u32) -> Option<Owner> {
        self.words().iter().rev().find(|word| word.offset <= offset).map(|word| word.owner)
    }

    /// Are all words plain, that is: no part of a struct, enum or `Vec`, which can be reached as
    /// such by a reference?
    pub const fn is_plain(&self) -> bool {
        let mut index = 0;
        while index < self.len {
            if matches!(self.words.all()[index].owner, Owner::Field(..)) {
                return false;
            }
            index += 1;
        }
        !self.opaque
    }
}

/// Where a type says which variant a value is.
#[derive(Clone, Copy, Debug)]
pub enum TagAt {
    /// It has no variants, or they cannot be told apart in memory.
    Nowhere,
    /// A word with a number for each variant; `all`: the numbers as bits, 0 if not known.
    Word {
        /// Its distance.
        offset: u32,
        /// Its type.
        ty: Ty,
        /// The tags.
        all: u64,
    },
    /// `Option`: the first variant (0, `None`) is that the word there has these bits, the other
    /// one (1, `Some`) that it has others.
    Niche {
        /// The word's distance.
        offset: u32,
        /// Its type.
        ty: Ty,
        /// The bits of `None`.
        none: u64,
    },
}

impl TagAt {
    /// The word's place and type, if there is one.
    pub const fn word(self) -> Option<(u32, Ty)> {
        match self {
            TagAt::Nowhere => None,
            TagAt::Word { offset, ty, .. } | TagAt::Niche { offset, ty, .. } => Some((offset, ty)),
        }
    }
}
