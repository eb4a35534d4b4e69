//! The native stack: where it ends, and all its words, those in registers included.
//!
//! ```text
//! high  | main ... | the author's frames, compiled code | `collect` | the rest of the collector
//!        <------------------- scanned ---------------------------->
//!                                                                  ^ noted
//! ```
//!
//! When a collection begins, a function in assembly notes the stack pointer and the registers that a
//! callee must preserve; the others have been saved by whoever called and still needs them. So the
//! collector's own frames, which are full of addresses of objects, are not scanned.
//!
//! Words of other functions' frames mean nothing in Rust's terms: they may be uninitialized, or
//! belong to somebody who has the only reference to them. So they are copied by assembly too, into
//! a buffer of ours, which is then ordinary memory: the machine, which has no such notions, does
//! the reading.
//!
//! Not here: stacks other than the one that the thread was started with.

use super::trace::Tracer;
use std::arch::{asm, naked_asm};

/// Words that are copied at a time.
const CHUNK: usize = 512;

/// The end of this thread's stack.
pub struct Stack {
    low: usize,
    high: usize,
}

impl Stack {
    /// This thread's.
    pub fn current() -> Stack {
        let (low, high) = bounds();
        Stack { low, high }
    }

    /// Reports the registers that were noted and all words on the stack from there on. False if the
    /// thread is on another stack.
    pub fn scan(&self, noted: &Noted, tracer: &mut Tracer<'_>) -> bool {
        let mut low = self.low;
        if noted.pointer < low {
            // A main thread's stack grows on some systems.
            (low, _) = bounds();
        }
        if !(low..self.high).contains(&noted.pointer) {
            return false;
        }
        noted.registers.iter().for_each(|word| self.report(*word, tracer));
        let mut words = [0; CHUNK];
        let mut address = noted.pointer;
        while address < self.high {
            let count = ((self.high - address) / size_of::<usize>()).min(CHUNK);
            if count == 0 {
                break;
            }
            // SAFETY: from the stack pointer to the stack's end all words are mapped: the function
            // that noted it has not returned. The buffer is below, so the two do not overlap.
            unsafe { copy_words(address, &raw mut words, count) };
            words[..count].iter().for_each(|word| self.report(*word, tracer));
            address += count * size_of::<usize>();
        }
        true
    }

    fn report(&self, word: usize, tracer: &mut Tracer<'_>) {
        tracer.word(word);
        if !(self.low..self.high).contains(&word) {
            tracer.stranger(word);
        }
    }
}

/// Preserved registers.
#[cfg(target_arch = "x86_64")]
const REGISTERS: usize = 6;
#[cfg(target_arch = "aarch64")]
const REGISTERS: usize = 19;

/// The state of a function from which the collector has been called.
#[repr(C)]
#[derive(Default)]
pub struct Noted {
    pointer: usize,
    registers: [usize; REGISTERS],
}

impl Noted {
    /// Notes the state of the caller, for as long as that does not return.
    #[inline(always)]
    pub fn here() -> Noted {
        let mut noted = Noted::default();
        // SAFETY: it writes what a `Noted` has.
        unsafe { note(&raw mut noted) };
        noted
    }
}

/// Copies words that may be anybody's. The machine does it: to the compiler the buffer is filled
/// with words from nowhere, and no frame has been looked at.
///
/// # Safety
/// So many words are mapped there, and fit into the buffer, which is elsewhere.
unsafe fn copy_words(from: usize, to: *mut [usize; CHUNK], count: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction reads what is mapped and writes into the buffer (the caller's
    // promise); the direction flag is clear at the start of assembly.
    unsafe {
        asm!(
            "rep movsq",
            inout("rsi") from => _,
            inout("rdi") to => _,
            inout("rcx") count => _,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the loop reads what is mapped and writes into the buffer (the caller's promise);
    // `count` is not zero.
    unsafe {
        asm!(
            "2:",
            "ldr {word}, [{from}], #8",
            "str {word}, [{to}], #8",
            "subs {count}, {count}, #1",
            "b.ne 2b",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            count = inout(reg) count => _,
            word = out(reg) _,
            options(nostack),
        );
    }
}

/// Notes the caller's stack pointer and the preserved registers.
///
/// # Safety
/// There is room for what is noted.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn note(to: *mut Noted) {
    naked_asm!(
        // Behind the return address.
        "lea rax, [rsp + 8]",
        "mov [rdi], rax",
        "mov [rdi + 8], rbx",
        "mov [rdi + 16], rbp",
        "mov [rdi + 24], r12",
        "mov [rdi + 32], r13",
        "mov [rdi + 40], r14",
        "mov [rdi + 48], r15",
        "ret",
    )
}

/// Notes the caller's stack pointer and the preserved registers.
///
/// # Safety
/// There is room for what is noted.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn note(to: *mut Noted) {
    naked_asm!(
        "mov x1, sp",
        "stp x1, x19, [x0]",
        "stp x20, x21, [x0, #16]",
        "stp x22, x23, [x0, #32]",
        "stp x24, x25, [x0, #48]",
        "stp x26, x27, [x0, #64]",
        "stp x28, x29, [x0, #80]",
        "stp d8, d9, [x0, #96]",
        "stp d10, d11, [x0, #112]",
        "stp d12, d13, [x0, #128]",
        "stp d14, d15, [x0, #144]",
        "ret",
    )
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the collector can save the registers of x86-64 and aarch64 only");

/// The lowest address and the end of this thread's stack.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn bounds() -> (usize, usize) {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut start = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: the attributes are initialized by the first call that is given them, read by the
    // next one, and released if they were initialized.
    let failed = unsafe {
        #[cfg(target_os = "freebsd")]
        let failed = libc::pthread_attr_init(attributes.as_mut_ptr()) != 0
            || libc::pthread_attr_get_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0;
        #[cfg(not(target_os = "freebsd"))]
        let failed = libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0;
        failed || {
            let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &mut start, &mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            failed != 0
        }
    };
    assert!(!failed, "the system does not say where the stack of this thread is");
    (start.addr(), start.addr() + size)
}

/// The lowest address and the end of this thread's stack.
#[cfg(target_vendor = "apple")]
fn bounds() -> (usize, usize) {
    // SAFETY: these functions may be asked about the current thread at any time.
    let (high, size) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread), libc::pthread_get_stacksize_np(thread))
    };
    (high.addr() - size, high.addr())
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
)))]
compile_error!("the collector can find the stack on Linux, Android, FreeBSD and macOS only");

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::super::{Gc, heap};
    use super::*;

    #[test]
    fn preserved_registers_are_noted_and_scanned() {
        let object = Gc::new(1u8);
        let mut noted = Noted::default();
        // SAFETY: the function writes the `Noted` and clobbers what its convention lets it.
        unsafe {
            asm!(
                "mov r14, {value}",
                "call {note}",
                value = in(reg) object.address(),
                note = sym note,
                in("rdi") &raw mut noted,
                out("r14") _,
                clobber_abi("C"),
            );
        }
        heap::with(|heap| {
            let memory = heap.space.memory.borrow();
            let stack = Stack::current();
            assert!((stack.low..stack.high).contains(&noted.pointer));
            // Nothing of the stack itself.
            noted.pointer = stack.high - 1;
            assert!(!object.slot().is_marked());
            assert!(stack.scan(&noted, &mut Tracer::new(&memory)));
            assert!(object.slot().is_marked());
        });
    }
}
