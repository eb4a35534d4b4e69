//! What conditional calls take.

#[jitgen_core::interpreter]
mod vm {
    use jitgen_core::prelude::*;
    use std::rc::Rc;

    #[portal(greens(code, pc), reds(count))]
    pub fn run(code: &Rc<Vec<u8>>, mut count: u64) -> u64 {
        let mut pc = 0;
        loop {
            merge_point!();
            if pc == code.len() {
                return count;
            }
            let insn = code[pc];
            conditional_call!(count > 9, note(count + 1));
            count = conditional_call!(count > 9, next(count), count * 2);
            count += conditional_call!(count > 9, looked_into(count), 0);
            conditional_call!(count > 9, count.count_ones());
            conditional_call!(count > 9);
            record_known!(next(count), count);
            pc += 1;
        }
    }

    #[residual]
    fn note(_: u64) {}

    #[residual]
    fn next(count: u64) -> u64 {
        count + 1
    }

    fn looked_into(count: u64) -> u64 {
        count + 1
    }
}

fn main() {}
