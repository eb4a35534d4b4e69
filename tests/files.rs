//! Interpreters in several files and crates, and what the coverage report says of them.

#[path = "interpreters/files/mod.rs"]
mod files;

use files::Insn;
use jitgen::modes;

const ALL: [Insn; 8] = [
    Insn::Mix,
    Insn::Shape,
    Insn::Other,
    Insn::Pick,
    Insn::Residual,
    Insn::Inner,
    Insn::ByValue,
    Insn::Order,
];

#[test]
fn items_of_other_files_and_crates_are_traced() {
    for insn in ALL {
        let run = modes::agree(&format!("{insn:?}"), || files::run(&[insn, Insn::Again], 300));
        // At the end of the program the portal returns from a recording.
        let expected = run.statistics.aborts.keys().all(|abort| abort == "portal-returned");
        assert!(expected, "{insn:?}: {:?}", run.statistics);
        assert!(run.statistics.loops > 0, "{insn:?}: {:?}", run.statistics);
    }
    let mut code = ALL.to_vec();
    code.push(Insn::Again);
    modes::agree("all", || files::run(&code, 300));
}
