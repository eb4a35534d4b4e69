//! Effects that cannot be read.

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
            count += 1;
            next(count);
            more(count);
            twice(count);
            pc += 1;
        }
    }

    #[residual(writes(Vm))]
    fn next(_: u64) {}

    #[residual(changes(Vm.count))]
    fn more(_: u64) {}

    #[residual(writes(), writes())]
    fn twice(_: u64) {}
}

fn main() {}
