//! What an elidable function cannot be told, and cannot take.

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
            count = next(count) + other(&mut count);
            pc += 1;
        }
    }

    #[elidable(demote)]
    fn next(count: u64) -> u64 {
        count + 1
    }

    #[elidable]
    fn other(count: &mut u64) -> u64 {
        *count
    }

    #[not_in_trace(ever)]
    fn quiet() {}
}

fn main() {}
