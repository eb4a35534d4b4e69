//! Conditions that `unroll` cannot have.

#[jitgen_core::interpreter]
mod vm {
    use std::rc::Rc;

    #[portal(greens(code, pc), reds(count))]
    pub fn run(code: &Rc<Vec<u8>>, mut count: u64) -> u64 {
        let mut pc = 0;
        loop {
            merge_point!();
            if pc == code.len() {
                return count;
            }
            count = next(count) + more(count) + of(count);
            pc += 1;
        }
    }

    #[unroll(if_small(count))]
    fn next(count: u64) -> u64 {
        count
    }

    #[unroll(if_constant(other))]
    fn more(count: u64) -> u64 {
        count
    }

    #[unroll(if_constant(count))]
    fn of<T: Copy>(count: T) -> T {
        count
    }
}

fn main() {}
