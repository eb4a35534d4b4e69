//! Interpreters in several files and crates, and what the coverage report says of them.

#[path = "interpreters/files/mod.rs"]
mod files;

use files::Insn;
use jitgen::modes;
use jitgen_core::Treatment;

const ALL: [Insn; 7] =
    [Insn::Mix, Insn::Shape, Insn::Other, Insn::Pick, Insn::Residual, Insn::ByValue, Insn::Order];

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

#[test]
fn the_coverage_report_says_what_becomes_of_each_function() {
    modes::run_with("threshold=1", || files::run(&[ALL.as_slice(), &[Insn::Again]].concat(), 30));
    let report = jitgen_core::coverage();
    let row = |name: &str| {
        let found = report.functions.iter().find(|row| row.name.ends_with(name));
        *found.unwrap_or_else(|| panic!("{name} is not in\n{report}"))
    };
    let run = row("files::Vm::run");
    assert_eq!((run.treatment, run.loops, run.matches, run.indices), (Treatment::Portal, 1, 1, 1));
    assert_eq!((run.branches, run.arithmetic), (1, 2));
    assert_eq!(row("Vm::note").treatment, Treatment::Marked);
    assert_eq!(row("arith::combine").treatment, Treatment::Traced);
    let folded = row("arith::folded");
    assert_eq!((folded.treatment, folded.loops, folded.arithmetic), (Treatment::Traced, 1, 2));
    // It has a loop, two lines below its head.
    let looped = row("Adder::Shape::looped");
    assert_eq!(looped.treatment, Treatment::Looping { line: looped.line + 2 });
    assert_eq!(row("other_crate::halve").arithmetic, 1);
    // A function that has not been recorded is not known.
    assert!(!report.functions.iter().any(|row| row.name.ends_with("Doubler::Shape::looped")));
    let text = report.to_string();
    assert!(text.starts_with("function "), "{text}");
    assert!(text.contains("residual: loop at line"), "{text}");
}

#[test]
fn a_portal_is_called_by_other_items() {
    let code = vec![3, 4, -1, 0];
    let run = modes::agree("nested", || {
        files::nested::sum(&std::rc::Rc::new(code.clone()), 400).to_string()
    });
    assert!(run.statistics.loops > 0, "{:?}", run.statistics);
}
