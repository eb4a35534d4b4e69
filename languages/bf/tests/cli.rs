//! The command line: what it prints and how it exits, above all when something is wrong.
//!
//! Each case is one program, given as text, and one expectation on exit code, stdout and stderr.
//! A panic is never an acceptable failure, so every run is checked for it.
//!
//! Not here: whole programs (`programs.rs`).

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const BF: &str = env!("CARGO_BIN_EXE_bf");

/// Starts `bf` on `source`, which is stored in a file named after the test.
fn bf(name: &str, source: &[u8]) -> Command {
    let mut command = Command::new(BF);
    command.arg(stored(name, source)).stdin(Stdio::null());
    command
}

fn stored(name: &str, source: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.b"));
    std::fs::write(&path, source).unwrap();
    path
}

fn with_input(mut command: Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// Checks a run; `stderr` stands for the lines without their `bf: FILE: `.
fn check(output: &Output, code: i32, stdout: &[u8], stderr: &[&str]) {
    let messages = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!messages.contains("panicked at"), "{messages}");
    let found: Vec<&str> = messages
        .lines()
        .map(|line| line.strip_prefix("bf: ").and_then(|line| line.split_once(": ")).unwrap().1)
        .collect();
    assert_eq!(found, stderr);
    assert_eq!(output.status.code(), Some(code), "{messages}");
    assert!(output.stdout == stdout, "{:?}", String::from_utf8_lossy(&output.stdout));
}

/// Checks that the command line is refused, and why.
fn check_refused(args: &[&str], reason: &str) {
    let output = Command::new(BF).args(args).output().unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    assert!(messages.contains(reason), "{messages}");
    assert!(!messages.contains("panicked at"), "{messages}");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn empty_program_does_nothing() {
    check(&bf("empty", b"").output().unwrap(), 0, b"", &[]);
}

#[test]
fn cells_wrap_both_ways() {
    check(&bf("wrap", b"-.+.").output().unwrap(), 0, b"\xff\0", &[]);
}

#[test]
fn missing_file_is_reported() {
    let output = Command::new(BF).arg("/does/not/exist.b").output().unwrap();
    check(&output, 3, b"", &["cannot read the program: No such file or directory (os error 2)"]);
}

#[test]
fn directory_as_file_is_reported() {
    let output = Command::new(BF).arg(env!("CARGO_TARGET_TMPDIR")).output().unwrap();
    check(&output, 3, b"", &["cannot read the program: Is a directory (os error 21)"]);
}

#[test]
fn unmatched_brackets_are_located() {
    let output = bf("open", b"+.\n +[[-]").output().unwrap();
    check(&output, 3, b"", &["2:3: `[` without a matching `]`"]);
    let output = bf("close", b"+.\n[-]]").output().unwrap();
    check(&output, 3, b"", &["2:4: `]` without a matching `[`"]);
}

#[test]
fn deep_nesting_needs_no_stack() {
    let depth = 300_000;
    let mut source = b"[".repeat(depth);
    let output = bf("deep_open", &source).output().unwrap();
    check(&output, 3, b"", &[&format!("1:{depth}: `[` without a matching `]`")]);
    source.extend(b"]".repeat(depth));
    check(&bf("deep", &source).output().unwrap(), 0, b"", &[]);
}

#[test]
fn bytes_that_are_no_utf8_are_comments() {
    let output = bf("bytes", b"\xff\xfe+\xc3.\n\xc3\xa9 \xff<").output().unwrap();
    check(&output, 1, b"\x01", &["2:4: `<` moved left of the first cell"]);
}

#[test]
fn leaving_the_tape_on_the_left_keeps_the_output() {
    let output = bf("left", b"+++.\n>.<\n<.").output().unwrap();
    check(&output, 1, b"\x03\0", &["3:1: `<` moved left of the first cell"]);
}

#[test]
fn much_output_is_complete_before_an_error() {
    let output = bf("much", b"-[>-[>++++++++[.-]<-]<-]<").output().unwrap();
    assert_eq!(output.stdout.len(), 255 * 255 * 8);
    let stdout = output.stdout.clone();
    check(&output, 1, &stdout, &["1:25: `<` moved left of the first cell"]);
}

#[test]
fn tape_limit_is_exact() {
    let source = b"+>++>+++.>++++.";
    let output = bf("limit3", source).args(["--tape-limit", "3"]).output().unwrap();
    check(&output, 1, b"\x03", &["1:10: `>` moved past the tape limit of 3 cells"]);
    let output = bf("limit4", source).args(["--tape-limit", "4"]).output().unwrap();
    check(&output, 0, b"\x03\x04", &[]);
}

#[test]
fn tape_grows_to_a_limit_given_with_a_unit() {
    let output = bf("grow", b"+[>+]").args(["--tape-limit", "100K"]).output().unwrap();
    check(&output, 1, b"", &["1:3: `>` moved past the tape limit of 102400 cells"]);
}

#[test]
fn growing_keeps_the_cells() {
    // A mark in cell 1, then 255 flags 20 cells apart, and back along the flags to cell 0.
    let right = ">".repeat(20);
    let left = "<".repeat(20);
    let source = format!(">+++++++<{right}-[[-{right}+{left}]+{right}-]{left}[{left}]>.");
    check(&bf("keep", source.as_bytes()).output().unwrap(), 0, b"\x07", &[]);
}

#[test]
fn absurd_tape_limits_are_refused() {
    check_refused(&["--tape-limit", "0", "x.b"], "the tape needs at least one cell");
    check_refused(&["--tape-limit", "65G", "x.b"], "more than 64G cells");
    check_refused(&["--tape-limit", "17179869185G", "x.b"], "more than 64G cells");
    check_refused(&["--tape-limit", "18446744073709551616", "x.b"], "number too large");
    check_refused(&["--tape-limit", "many", "x.b"], "invalid digit");
    check_refused(&["--tape-limit", "é", "x.b"], "invalid digit");
    check_refused(&["--tape-limit", "", "x.b"], "--tape-limit");
}

#[test]
fn running_out_of_memory_is_reported() {
    let file = stored("memory", b"+.[>+]");
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 60000; exec \"$0\" --tape-limit 4G \"$1\"", BF])
        .arg(file)
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(messages.contains(": 1:4: no memory for a tape of "), "{messages}");
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b"\x01"[..]));
}

#[test]
fn end_of_input_follows_the_chosen_convention() {
    for (convention, end) in [("0", 0), ("255", 255), ("unchanged", 3)] {
        let mut command = bf(&format!("eof_{convention}"), b"+++>,.<,.,.");
        command.args(["--eof", convention]);
        check(&with_input(command, b"x"), 0, &[b'x', end, end], &[]);
    }
    check(&bf("eof", b"+,.").output().unwrap(), 0, &[0], &[]);
    check_refused(&["--eof", "7", "x.b"], "[possible values: 0, 255, unchanged]");
}

#[test]
fn input_is_read_byte_for_byte() {
    let all: Vec<u8> = (1..=255).chain((1..=255).rev()).collect();
    check(&with_input(bf("bytewise", b",[.,]"), &all), 0, &all, &[]);
}

#[test]
fn output_appears_before_the_program_waits_for_input() {
    let mut child =
        bf("prompt", b"+.,.").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        sender.send(byte[0]).unwrap();
        // Keep the pipe open until the program has written the rest.
        stdout.read_to_end(&mut Vec::new()).unwrap();
    });
    let prompt = receiver.recv_timeout(Duration::from_secs(10));
    child.stdin.take().unwrap().write_all(b"x").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(prompt, Ok(1));
}

#[test]
fn unreadable_input_is_reported() {
    let directory = File::open(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = bf("unreadable", b"+.\n,.").stdin(directory).output().unwrap();
    check(&output, 4, b"\x01", &["2:1: cannot read input: Is a directory (os error 21)"]);
}

#[test]
fn closed_input_is_at_its_end() {
    let file = stored("closed_input", b"+.,.");
    let output = Command::new("sh").args(["-c", "exec \"$0\" \"$1\" <&-", BF]).arg(file).output();
    check(&output.unwrap(), 0, b"\x01\0", &[]);
}

/// The writing end of a pipe that nobody reads.
fn broken_pipe() -> Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    writer.into()
}

#[test]
fn closed_output_is_reported() {
    let run = |name: &str, source| {
        bf(name, source).stdout(broken_pipe()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let output = run("closed_at_end", b"+.").wait_with_output().unwrap();
    check(&output, 4, b"", &["cannot write output: Broken pipe (os error 32)"]);
    let output = run("closed_endless", b"+[\n.]").wait_with_output().unwrap();
    check(&output, 4, b"", &["2:1: cannot write output: Broken pipe (os error 32)"]);
    let output = run("closed_before_input", b"+.,").wait_with_output().unwrap();
    check(&output, 4, b"", &["1:3: cannot write output: Broken pipe (os error 32)"]);
}

#[test]
fn full_disk_is_reported_along_with_the_error_before() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let run = |name: &str, source| {
        bf(name, source).stdout(full()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let no_space = "cannot write output: No space left on device (os error 28)";
    check(&run("full", b"+.").wait_with_output().unwrap(), 4, b"", &[no_space]);
    let left = "1:3: `<` moved left of the first cell";
    check(&run("full_left", b"+.<").wait_with_output().unwrap(), 1, b"", &[no_space, left]);
    // Without a reader for the messages the exit code still tells.
    let status = bf("full_stderr", b"<").stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn jit_options_do_not_change_the_output() {
    let source = b"++++++++[>++++++++<-]>+.";
    for options in [&["--jit", "off"][..], &["--jit", "on"], &["--log"], &["--stats"]] {
        let output =
            bf(&format!("jit{}", options.concat()), source).args(options).output().unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"A"[..]));
    }
    check_refused(&["--jit", "maybe", "x.b"], "[possible values: off, on]");
}

#[test]
fn stats_are_json_on_stderr_even_after_an_error() {
    let output = bf("stats", b"<").arg("--stats").output().unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(messages.starts_with('{') && messages.contains("}\n"), "{messages}");
    assert!(messages.ends_with("1:1: `<` moved left of the first cell\n"), "{messages}");
}

#[test]
fn help_names_every_option_and_exit_code() {
    let output = Command::new(BF).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for word in ["--eof", "--tape-limit", "--jit", "--stats", "--log", "FILE", "Exit codes:"] {
        assert!(help.contains(word), "{word} is missing in\n{help}");
    }
}

#[test]
fn wrong_command_lines_are_refused() {
    check_refused(&[], "<FILE>");
    check_refused(&["a.b", "b.b"], "unexpected argument 'b.b'");
    check_refused(&["--fast", "a.b"], "unexpected argument '--fast'");
}

#[test]
fn the_log_and_the_statistics_show_what_was_compiled() {
    let mut command = bf("log", b"-[->-[->+<]<]");
    let output = command.args(["--log", "--stats"]).env("JITGEN", "background=off").output();
    let messages = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(messages.contains("jitgen: loop bf::interp::vm::run@["), "{messages}");
    let last = messages.lines().last().unwrap();
    assert!(last.starts_with("{\"loops\": ") && last.ends_with('}'), "{last}");
    assert!(!last.starts_with("{\"loops\": 0"), "{last}");
    let quiet = bf("quiet", b"-[->-[->+<]<]").args(["--jit", "off", "--log"]).output().unwrap();
    assert!(quiet.stderr.is_empty(), "{:?}", String::from_utf8_lossy(&quiet.stderr));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (settings, reason) in
        [("speed=11", "there is no key `speed`"), ("threshold=soon", "`threshold` is a number")]
    {
        let output = bf("settings", b"+.").env("JITGEN", settings).output().unwrap();
        let messages = String::from_utf8(output.stderr).unwrap();
        assert!(messages.contains(reason), "{messages}");
        assert!(!messages.contains("panicked at"), "{messages}");
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
    }
}
