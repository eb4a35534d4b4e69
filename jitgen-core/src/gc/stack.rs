//! The native stack: where it ends, and all its words, those in registers included.
//!
//! ```text
//! high  | main ... | the author's frames, compiled code | the collector | saved registers |  <- sp
//!        <----------------------- scanned ------------------------------------------------>
//! ```
//!
//! A function in assembly saves the registers that a callee must preserve and hands out the stack
//! pointer; the others have been saved by whoever called and still needs them. Words of other
//! functions' frames mean nothing in Rust's terms: they may be uninitialized, or belong to somebody
//! who has the only reference to them. So they are copied by assembly too, into a buffer of ours,
//! which is then ordinary memory: the machine, which has no such notions, does the reading.
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

    /// Reports all words on the stack and in registers. False if the thread is on another stack.
    pub fn scan(&self, tracer: &mut Tracer<'_>) -> bool {
        let mut scan = Scan { stack: self, tracer, found: false };
        // SAFETY: `scan_from` is given what it expects, and does not unwind: nothing in it panics.
        unsafe { with_registers(&raw mut scan, scan_from) };
        scan.found
    }
}

struct Scan<'a, 'b, 'c> {
    stack: &'a Stack,
    tracer: &'b mut Tracer<'c>,
    found: bool,
}

type Callback = extern "C" fn(*mut Scan<'_, '_, '_>, usize);

extern "C" fn scan_from(scan: *mut Scan<'_, '_, '_>, pointer: usize) {
    // SAFETY: `Stack::scan` has passed a pointer to what it owns and does not use meanwhile.
    let scan = unsafe { &mut *scan };
    let mut low = scan.stack.low;
    if pointer < low {
        // A main thread's stack grows on some systems.
        (low, _) = bounds();
    }
    scan.found = (low..scan.stack.high).contains(&pointer);
    if !scan.found {
        return;
    }
    let mut words = [0; CHUNK];
    let mut address = pointer;
    while address < scan.stack.high {
        let count = ((scan.stack.high - address) / size_of::<usize>()).min(CHUNK);
        if count == 0 {
            break;
        }
        // SAFETY: from the stack pointer to the stack's end all words are mapped; the buffer is
        // below the stack pointer that was handed out, so the two do not overlap.
        unsafe { copy_words(address, &raw mut words, count) };
        words[..count].iter().for_each(|word| scan.tracer.word(*word));
        address += count * size_of::<usize>();
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

/// Calls the callback with the argument and the address of the last word of the stack, after the
/// preserved registers have been stored on it. The callback preserves them in turn, so they need
/// not be loaded again.
///
/// # Safety
/// The callback does not unwind and may be called with the argument.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn with_registers(scan: *mut Scan<'_, '_, '_>, callback: Callback) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "mov rax, rsi",
        "mov rsi, rsp",
        "call rax",
        "add rsp, 56",
        "ret",
    )
}

/// As above.
///
/// # Safety
/// As above.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn with_registers(scan: *mut Scan<'_, '_, '_>, callback: Callback) {
    naked_asm!(
        "stp x29, x30, [sp, #-160]!",
        "mov x29, sp",
        "stp x19, x20, [sp, #16]",
        "stp x21, x22, [sp, #32]",
        "stp x23, x24, [sp, #48]",
        "stp x25, x26, [sp, #64]",
        "stp x27, x28, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "mov x2, x1",
        "mov x1, sp",
        "blr x2",
        "ldp x29, x30, [sp], #160",
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
