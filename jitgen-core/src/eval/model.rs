//! A model memory for tests: regions of bytes, and functions that are pure fiction.
//!
//! A fake function's result is a hash of all that it may depend on, so that a wrong argument, a
//! call too many and a store that comes too late show up in a value: `call_pure` hashes symbol and
//! arguments, `call_read` the regions as well (but for the scratch area, which is the caller's),
//! `call` also how many calls there have been. A `call` writes to the cells that [`Model::share`]
//! names, and is noted in [`Model::calls`]; `call_code` also writes all of the scratch area from
//! its place on; the others are not, because the optimizer may drop or merge them. Functions with
//! declared effects do what they declare (`declared`).
//!
//! A `new` maps a region for the object, with bytes that mean nothing, and `free` takes it away.
//! Addresses of objects tell nothing: what functions see, and what is noted of calls, are names of
//! objects instead (`objects`). A `call` writes to the objects that it is given, too.
//!
//! Outside of the regions nothing can be accessed, unless the model is [`Model::wild`]: then every
//! byte exists, and has a value given by its address and the seed.
//!
//! Not here: raw memory. The regions may stand for real buffers at the same addresses; copying is
//! the test's business.

use super::declared::Declared;
use super::objects::{FRESH, Names, Objects};
use super::{Fault, Memory};
use crate::ir::{Class, Const, Effects, Ty};
use std::collections::BTreeMap;
use std::fmt;

/// A `call` that has been made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallRecord {
    /// The symbol.
    pub symbol: String,
    /// The arguments.
    pub args: Vec<Const>,
    /// The result, if it has one.
    pub result: Option<Const>,
}

impl fmt::Display for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}(", self.symbol)?;
        for (index, arg) in self.args.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{} {arg}", arg.ty)?;
        }
        f.write_str(")")?;
        match self.result {
            Some(result) => write!(f, " -> {} {result}", result.ty),
            None => Ok(()),
        }
    }
}

/// The model memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Model {
    /// Bytes by the address of their region's first one; regions do not overlap.
    regions: BTreeMap<u64, Vec<u8>>,
    /// Bytes outside of the regions that have been written.
    written: BTreeMap<u64, u8>,
    wild: Option<u64>,
    shared: Vec<(u64, Ty)>,
    scratch: u64,
    declared: Declared,
    objects: Objects,
    /// The effectful calls, in order.
    pub calls: Vec<CallRecord>,
    /// What the next call leaves alone.
    kept: Vec<(u64, Option<u32>)>,
    /// Has anything outside of the regions been accessed?
    pub strayed: bool,
}

impl Model {
    /// Nothing is mapped.
    pub fn new() -> Model {
        Model::default()
    }

    /// Every byte outside of the regions exists, with contents that depend on `seed`.
    #[must_use]
    pub fn wild(mut self, seed: u64) -> Model {
        self.wild = Some(seed);
        self
    }

    /// Maps `bytes` at `address`.
    pub fn map(&mut self, address: u64, bytes: Vec<u8>) {
        self.regions.insert(address, bytes);
    }

    /// Objects are made between these addresses.
    pub fn set_objects(&mut self, start: u64, end: u64) {
        self.objects = Objects::between(start, end);
    }

    /// Is that where objects are made?
    pub fn is_object(&self, address: u64) -> bool {
        self.objects.has(address)
    }

    /// All that can be seen from outside, when `args` are known there: they, the regions, but for
    /// the scratch area, and objects that these lead to, in which names stand for addresses of
    /// objects.
    pub fn seen_from(&self, args: &[Const]) -> (Vec<Const>, Vec<(u64, Vec<u8>)>) {
        let mut names = Names::new(&self.objects);
        let args = args.iter().map(|arg| Const::new(arg.ty, names.word(arg.bits))).collect();
        let regions = self.regions.iter().filter(|(at, _)| !self.is_object(**at));
        let regions = regions.filter(|(at, _)| **at != self.scratch);
        let mut memory: Vec<_> = regions.map(|(at, bytes)| (*at, names.bytes(bytes))).collect();
        let mut next = 0;
        while let Some(object) = names.seen.get(next).copied() {
            let bytes = self.regions.get(&object).expect("it has not been freed");
            memory.push((next as u64, names.bytes(bytes)));
            next += 1;
        }
        (args, memory)
    }

    /// Puts the scratch area at `address`, which must be mapped.
    pub fn set_scratch(&mut self, address: u64) {
        self.scratch = address;
    }

    /// Declares that a `call` writes a value of type `ty` at `address`.
    pub fn share(&mut self, address: u64, ty: Ty) {
        self.shared.push((address, ty));
    }

    /// Says that the word of type `ty` at `address` is of this class.
    pub fn classify(&mut self, address: u64, ty: Ty, class: Class) {
        self.declared.words.insert((address, ty), class);
    }

    /// Declares the effects of a function.
    pub fn declare(&mut self, symbol: &str, effects: &Effects) {
        self.declared.effects.insert(symbol.to_owned(), effects.clone());
    }

    /// The regions: address and bytes.
    pub fn regions(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.regions.iter().map(|(at, bytes)| (*at, &bytes[..]))
    }

    /// The bytes of the region that begins at `address`.
    pub fn region_mut(&mut self, address: u64) -> Option<&mut [u8]> {
        self.regions.get_mut(&address).map(|bytes| &mut bytes[..])
    }

    /// The bytes outside of the regions that have been written.
    pub fn written(&self) -> &BTreeMap<u64, u8> {
        &self.written
    }

    /// The value of type `ty` at `address`.
    ///
    /// # Errors
    /// If nothing is there.
    pub fn read(&mut self, address: u64, ty: Ty) -> Result<Const, Fault> {
        Ok(Const::new(ty, self.load(address, ty.size())?))
    }

    /// Writes a value at `address`.
    ///
    /// # Errors
    /// If nothing is there.
    pub fn write(&mut self, address: u64, value: Const) -> Result<(), Fault> {
        self.store(address, value.ty.size(), value.bits)
    }

    /// The bytes from `address` on, if all of them are in one region.
    fn slice(&mut self, address: u64, size: u32) -> Option<&mut [u8]> {
        let (start, bytes) = self.regions.range_mut(..=address).next_back()?;
        let offset = (address - start) as usize;
        bytes.get_mut(offset..offset + size as usize)
    }

    fn byte(&mut self, address: u64) -> Option<&mut u8> {
        let (start, bytes) = self.regions.range_mut(..=address).next_back()?;
        bytes.get_mut((address - start) as usize)
    }

    fn hash_call(&self, symbol: &str, args: &[Const]) -> Hash {
        let mut hash = Hash(0x9e37_79b9_7f4a_7c15);
        symbol.bytes().for_each(|byte| hash.add(u64::from(byte)));
        let mut names = Names::new(&self.objects);
        args.iter().for_each(|arg| hash.add(names.word(arg.bits)));
        hash
    }

    /// Hashes what the function reads: what it has declared, else all.
    fn hash_memory(&mut self, symbol: &str, args: &[Const], hash: &mut Hash) {
        if let Some(words) = self.declared.reads(symbol) {
            let mut found = vec![];
            for (address, ty) in words {
                found.push(self.load(address, ty.size()).unwrap_or(0));
            }
            let mut names = Names::new(&self.objects);
            return found.into_iter().for_each(|word| hash.add(names.word(word)));
        }
        for (_, bytes) in self.seen_from(args).1 {
            for chunk in bytes.chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                hash.add(u64::from_le_bytes(word));
            }
        }
        for (address, byte) in &self.written {
            hash.add(*address);
            hash.add(u64::from(*byte));
        }
    }

    /// A `call` that declares nothing changes the first word of the objects that it is given.
    fn write_objects(&mut self, args: &[Const], hash: &mut Hash) -> Result<(), Fault> {
        for (place, arg) in args.iter().enumerate() {
            if self.is_object(arg.bits) && self.slice(arg.bits, 8).is_some() {
                hash.add(place as u64);
                self.write(arg.bits, hash.value(Ty::I64))?;
            }
        }
        Ok(())
    }
}

impl Memory for Model {
    fn load(&mut self, address: u64, size: u32) -> Result<u64, Fault> {
        if let Some(bytes) = self.slice(address, size) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            return Ok(u64::from_le_bytes(word));
        }
        let mut bits = 0;
        for place in 0..size {
            let at = address.wrapping_add(u64::from(place));
            let wild = self.wild;
            let byte = match (self.byte(at), wild) {
                (Some(byte), _) => *byte,
                (None, None) => return Err(Fault::Address { address, size }),
                (None, Some(seed)) => {
                    self.strayed = true;
                    let mut hash = Hash(seed);
                    hash.add(at);
                    *self.written.get(&at).unwrap_or(&(hash.0 as u8))
                }
            };
            bits |= u64::from(byte) << (8 * place);
        }
        Ok(bits)
    }

    fn store(&mut self, address: u64, size: u32, bits: u64) -> Result<(), Fault> {
        if let Some(bytes) = self.slice(address, size) {
            bytes.copy_from_slice(&bits.to_le_bytes()[..size as usize]);
            return Ok(());
        }
        for place in 0..size {
            let at = address.wrapping_add(u64::from(place));
            let new = (bits >> (8 * place)) as u8;
            let wild = self.wild;
            match (self.byte(at), wild) {
                (Some(byte), _) => *byte = new,
                (None, None) => return Err(Fault::Address { address, size }),
                (None, Some(_)) => {
                    self.strayed = true;
                    self.written.insert(at, new);
                }
            }
        }
        Ok(())
    }

    fn is_result(&mut self, symbol: &str, args: &[Const], result: Const) -> Result<bool, Fault> {
        let bits = self.call_pure(symbol, args, Some(result.ty))?;
        Ok(Const::new(result.ty, bits) == result)
    }

    fn keep(&mut self, kept: &[(u64, Option<u32>)]) {
        self.kept = kept.to_vec();
    }

    fn call(&mut self, symbol: &str, args: &[Const], result: Option<Ty>) -> Result<u64, Fault> {
        // What is kept is hidden from the function, and put back behind it.
        let kept = self.hide();
        let outcome = self.call_visible(symbol, args, result);
        for (address, bytes) in kept {
            if let Some(hidden) = self.slice(address, bytes.len() as u32) {
                hidden.copy_from_slice(&bytes);
            }
        }
        outcome
    }

    fn call_code(&mut self, symbol: &str, args: &[Const]) -> Result<(), Fault> {
        self.call(symbol, args, None)?;
        // The callee's frame was there, and its result is.
        let Some(place) = args.get(2) else { return Ok(()) };
        let mut hash = self.hash_call(symbol, args);
        hash.add(self.calls.len() as u64);
        let mut address = place.bits;
        while let Some(word) = self.slice(address, 8) {
            hash.add(address);
            word.copy_from_slice(&hash.value(Ty::I64).bits.to_le_bytes());
            address = address.wrapping_add(8);
        }
        Ok(())
    }

    fn call_read(
        &mut self,
        symbol: &str,
        args: &[Const],
        result: Option<Ty>,
    ) -> Result<u64, Fault> {
        let mut hash = self.hash_call(symbol, args);
        self.hash_memory(symbol, args, &mut hash);
        Ok(result.map_or(0, |ty| hash.value(ty).bits))
    }

    fn call_pure(
        &mut self,
        symbol: &str,
        args: &[Const],
        result: Option<Ty>,
    ) -> Result<u64, Fault> {
        let hash = self.hash_call(symbol, args);
        Ok(result.map_or(0, |ty| hash.value(ty).bits))
    }

    fn allocate(&mut self, _: u32, _: &str, args: &[Const]) -> Result<u64, Fault> {
        let size = args.first().map_or(0, |size| size.bits);
        let full = Fault::Address { address: 0, size: size as u32 };
        let address = self.objects.make(size).ok_or(full)?;
        self.map(address, vec![FRESH; size as usize]);
        Ok(address)
    }

    fn free(&mut self, _: &str, args: &[Const]) -> Result<(), Fault> {
        let address = args.first().map_or(0, |object| object.bits);
        let fault = Fault::Address { address, size: 0 };
        match self.objects.find(address) {
            Some((_, 0)) => {
                self.objects.free(address);
                self.regions.remove(&address).map(|_| ()).ok_or(fault)
            }
            _ => Err(fault),
        }
    }

    fn scratch(&self) -> u64 {
        self.scratch
    }
}

impl Model {
    /// Zeroes what the next call keeps; gives what was there.
    fn hide(&mut self) -> Vec<(u64, Vec<u8>)> {
        let mut hidden = vec![];
        for (address, size) in std::mem::take(&mut self.kept) {
            let (start, size) = match size {
                Some(size) => (address, size),
                None => match self.regions.range(..=address).next_back() {
                    Some((start, bytes)) => (*start, bytes.len() as u32),
                    None => continue,
                },
            };
            if let Some(bytes) = self.slice(start, size) {
                hidden.push((start, bytes.to_vec()));
                bytes.fill(0);
            }
        }
        // Of bytes that are named twice the first is what was there.
        hidden.reverse();
        hidden
    }

    fn call_visible(
        &mut self,
        symbol: &str,
        args: &[Const],
        result: Option<Ty>,
    ) -> Result<u64, Fault> {
        let mut hash = self.hash_call(symbol, args);
        hash.add(self.calls.len() as u64);
        self.hash_memory(symbol, args, &mut hash);
        let written = self.declared.writes(symbol);
        if written.is_none() {
            self.write_objects(args, &mut hash)?;
        }
        for (address, ty) in written.unwrap_or_else(|| self.shared.clone()) {
            hash.add(address);
            self.write(address, hash.value(ty))?;
        }
        let result = result.map(|ty| hash.value(ty));
        let mut names = Names::new(&self.objects);
        let named = args.iter().map(|arg| Const::new(arg.ty, names.word(arg.bits))).collect();
        self.calls.push(CallRecord { symbol: symbol.to_owned(), args: named, result });
        Ok(result.map_or(0, |c| c.bits))
    }
}

/// A hash that is the same on every machine and in every release.
struct Hash(u64);

impl Hash {
    fn add(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        self.0 = (mixed ^ (mixed >> 32)).wrapping_add(1);
    }

    /// A value of type `ty`: of floats a small number, not just any bits.
    fn value(&self, ty: Ty) -> Const {
        match ty {
            Ty::F64 => Const::f64((self.0 % 4096) as f64 / 16.0 - 128.0),
            Ty::F32 => {
                let value = (self.0 % 4096) as f32 / 16.0 - 128.0;
                Const::new(ty, u64::from(value.to_bits()))
            }
            _ => Const::new(ty, self.0),
        }
    }
}
