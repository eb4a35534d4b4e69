//! Random guest programs: all modes of the runtime give what the plain interpreter gives.
//!
//! `PROGRAMS` in the environment sets how many are tried, `FIRST` the first seed.

#[path = "support/machine.rs"]
mod machine;
#[path = "support/modes.rs"]
mod modes;
#[path = "support/random.rs"]
mod random;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn random_programs_run_the_same_in_all_modes() {
    let first = number("FIRST", 0);
    for seed in first..first + number("PROGRAMS", 30) {
        let (code, callee) = (random::program(seed, true), random::program(seed, false));
        eprintln!("seed {seed}, {} words", code.len());
        modes::check(&code, Some(&callee));
    }
}
