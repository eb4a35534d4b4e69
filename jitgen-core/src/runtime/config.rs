//! The configuration: every threshold and switch of the runtime, and the environment variable that
//! sets them.
//!
//! ```text
//! JITGEN=threshold=50,check=on,opt=fold+cse,log=events+trace,stats
//! ```
//!
//! Keys are separated by commas, parts of a value by `+`. This is the one place that reads the
//! environment; everything else is given a [`Config`].
//!
//! Not here: what the values mean for a location (`location`) or a region (`region`).

use crate::gc::{self, HeapConfig};
use crate::opt::Passes;
use std::fmt;

/// The name of the environment variable.
pub const VARIABLE: &str = "JITGEN";

/// What the event log shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Log {
    /// One line for each thing that happens.
    pub events: bool,
    /// The traces, as recorded and as optimized.
    pub trace: bool,
    /// Cranelift's IR.
    pub clif: bool,
    /// The machine code.
    pub asm: bool,
    /// The coverage report, when the thread ends.
    pub coverage: bool,
}

/// Where the event log goes. It must not run portals.
pub type EventSink = Box<dyn FnMut(&str)>;

/// The configuration of a thread's JIT.
pub struct Config {
    /// `jit=on|off`: is anything compiled at all?
    pub jit: bool,
    /// `threshold`: the number of times a loop header is passed before it is recorded.
    pub threshold: u32,
    /// `call_threshold`: the number of times that a portal which traced code calls begins somewhere
    /// before that is recorded; 0 for half as much again as `threshold`, so that loops come first.
    pub call_threshold: u32,
    /// `inline_depth`: how many portals are recorded inside of each other, besides the outermost.
    pub inline_depth: usize,
    /// `bridge_threshold`: the number of times an exit is taken before a bridge is recorded.
    pub bridge_threshold: u32,
    /// `trace_limit`: a recording with more operations is given up.
    pub trace_limit: usize,
    /// `region_limit`: the most operations compiled as one function.
    pub region_limit: usize,
    /// `region_min`: the fewest transitions between pieces after which they are compiled together.
    pub region_min: u64,
    /// `region_per_op`: how many transitions must have been paid for each operation of the region.
    pub region_per_op: u64,
    /// `code_budget`: bytes of machine code after which nothing more is compiled.
    pub code_budget: usize,
    /// `background=on|off|auto`: does another thread compile? `auto` says yes unless `check` or
    /// `fail_guards` is on. Where another thread compiles, clocks decide what is recorded when; where
    /// none does, the same program gives the same traces.
    pub background: Option<bool>,
    /// `check=on|off`: does the evaluator check every recorded trace?
    pub check: bool,
    /// `check_effects=on|off`: is what is declared of residual functions compared with what they do,
    /// while recording?
    pub check_effects: bool,
    /// `fail_guards=on|off`: does every guard fail once?
    pub fail_guards: bool,
    /// `opt`: the passes of the optimizer, such as `fold+cse`, `all`, `none`.
    pub opt: Passes,
    /// `log`: what the event log shows, such as `events+trace`.
    pub log: Log,
    /// `stats=on|off`: are the statistics printed when the thread ends?
    pub stats: bool,
    /// What is changed in the configuration of the thread's collected heap.
    pub heap: HeapSettings,
    /// Where the event log goes; to stderr if nowhere else.
    pub event_sink: Option<EventSink>,
}

/// What is changed in the configuration of the thread's collected heap, when the thread enters its
/// first portal. It is for looking for mistakes; an interpreter says `gc::configure`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeapSettings {
    /// `gc_stress=on|off`: collect at every allocation?
    pub stress: Option<bool>,
    /// `gc_limit`: the most bytes that the heap may hold.
    pub limit: Option<usize>,
    /// `gc_threshold`: bytes in objects below which there is no collection.
    pub threshold: Option<usize>,
}

impl HeapSettings {
    /// Changes them. A thread whose settings say nothing gets no heap by that.
    pub(super) fn apply(self) {
        if self == HeapSettings::default() {
            return;
        }
        let now = gc::configuration();
        gc::configure(HeapConfig {
            stress: self.stress.unwrap_or(now.stress),
            limit: self.limit.unwrap_or(now.limit),
            initial_threshold: self.threshold.unwrap_or(now.initial_threshold),
            ..now
        });
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            jit: true,
            // A prime: after a round number of passes a guest's loop of a round number of rounds is
            // always in the same round, often the last one.
            threshold: 1039,
            call_threshold: 0,
            inline_depth: 5,
            bridge_threshold: 100,
            trace_limit: 6000,
            // Larger functions cost more than they save: Cranelift is not linear in them.
            region_limit: 2000,
            region_min: 200,
            // A transition costs about 10 ns (spills, frame slots, two indirect jumps), and what is
            // known of memory is lost at it; compiling an operation costs 3 µs, mostly of another
            // core. Waiting costs a third of compiling.
            region_per_op: 100,
            code_budget: 64 << 20,
            background: None,
            check: cfg!(debug_assertions),
            check_effects: cfg!(debug_assertions),
            fail_guards: false,
            opt: Passes::ALL,
            log: Log::default(),
            stats: false,
            heap: HeapSettings::default(),
            event_sink: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("jit", &self.jit)
            .field("threshold", &self.threshold)
            .field("call_threshold", &self.call_threshold)
            .field("inline_depth", &self.inline_depth)
            .field("bridge_threshold", &self.bridge_threshold)
            .field("trace_limit", &self.trace_limit)
            .field("region_limit", &self.region_limit)
            .field("code_budget", &self.code_budget)
            .field("background", &self.background)
            .field("check", &self.check)
            .field("check_effects", &self.check_effects)
            .field("fail_guards", &self.fail_guards)
            .field("opt", &self.opt.to_string())
            .field("log", &self.log)
            .field("stats", &self.stats)
            .field("heap", &self.heap)
            .finish_non_exhaustive()
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// There is no such key.
    UnknownKey(String),
    /// The key cannot have this value.
    BadValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it could have been.
        expected: String,
    },
    /// This thread has already entered a portal.
    TooLate,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::UnknownKey(key) => {
                write!(f, "{VARIABLE}: there is no key `{key}`; there are {}", KEYS.join(", "))
            }
            ConfigError::BadValue { key, value, expected } => {
                write!(f, "{VARIABLE}: `{key}` is {expected}, not `{value}`")
            }
            ConfigError::TooLate => {
                f.write_str("the JIT is configured before the thread enters its first portal")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

const KEYS: [&str; 20] = [
    "jit",
    "threshold",
    "call_threshold",
    "inline_depth",
    "bridge_threshold",
    "trace_limit",
    "region_limit",
    "region_min",
    "region_per_op",
    "code_budget",
    "check",
    "check_effects",
    "fail_guards",
    "opt",
    "log",
    "stats",
    "background",
    "gc_stress",
    "gc_limit",
    "gc_threshold",
];

impl Config {
    /// The default, changed as the environment says.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn from_env() -> Result<Config, ConfigError> {
        let mut config = Config::default();
        match std::env::var(VARIABLE) {
            Ok(text) => config.apply(&text)?,
            Err(std::env::VarError::NotPresent) => (),
            Err(std::env::VarError::NotUnicode(text)) => {
                return Err(ConfigError::UnknownKey(text.to_string_lossy().into_owned()));
            }
        }
        Ok(config)
    }

    /// Changes what a text such as `threshold=1,check=on` names.
    ///
    /// # Errors
    /// The first setting that makes no sense; those before it are applied.
    pub fn apply(&mut self, text: &str) -> Result<(), ConfigError> {
        for setting in text.split(',').map(str::trim).filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, "on"));
            self.set(key.trim(), value.trim())?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "jit" => self.jit = switch(key, value)?,
            "threshold" => self.threshold = number(key, value)?,
            "call_threshold" => self.call_threshold = number(key, value)?,
            "inline_depth" => self.inline_depth = number(key, value)?,
            "bridge_threshold" => self.bridge_threshold = number(key, value)?,
            "trace_limit" => self.trace_limit = number(key, value)?,
            "region_limit" => self.region_limit = number(key, value)?,
            "region_min" => self.region_min = number(key, value)?,
            "region_per_op" => self.region_per_op = number(key, value)?,
            "code_budget" => self.code_budget = number(key, value)?,
            "check" => self.check = switch(key, value)?,
            "check_effects" => self.check_effects = switch(key, value)?,
            "fail_guards" => self.fail_guards = switch(key, value)?,
            "opt" => {
                self.opt = Passes::parse(&value.replace('+', ","))
                    .map_err(|expected| bad(key, value, &expected))?;
            }
            "log" => self.log = log(value)?,
            "stats" => self.stats = switch(key, value)?,
            "background" => self.background = automatic(key, value)?,
            "gc_stress" => self.heap.stress = Some(switch(key, value)?),
            "gc_limit" => self.heap.limit = Some(number(key, value)?),
            "gc_threshold" => self.heap.threshold = Some(number(key, value)?),
            _ => return Err(ConfigError::UnknownKey(key.to_owned())),
        }
        Ok(())
    }
}

impl Config {
    /// Does another thread compile?
    pub(super) fn is_background(&self) -> bool {
        self.background.unwrap_or(!self.check && !self.fail_guards)
    }

    /// How often a portal begins somewhere before that is recorded.
    pub(super) fn call_threshold(&self) -> u32 {
        match self.call_threshold {
            0 => self.threshold.saturating_add(self.threshold / 2),
            own => own,
        }
    }

    /// For how many passes of a place the runtime waits before it looks again whether something has
    /// been compiled or may be recorded.
    pub(super) fn patience(&self) -> u32 {
        // Looking costs about as much as 50 passes.
        self.threshold.max(1).saturating_mul(4)
    }
}

fn bad(key: &str, value: &str, expected: &str) -> ConfigError {
    ConfigError::BadValue {
        key: key.to_owned(),
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}

fn switch(key: &str, value: &str) -> Result<bool, ConfigError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(bad(key, value, "`on` or `off`")),
    }
}

fn automatic(key: &str, value: &str) -> Result<Option<bool>, ConfigError> {
    match value {
        "auto" => Ok(None),
        "on" => Ok(Some(true)),
        "off" => Ok(Some(false)),
        _ => Err(bad(key, value, "`on`, `off` or `auto`")),
    }
}

fn number<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, ConfigError> {
    value.parse().map_err(|_| bad(key, value, "a number"))
}

fn log(value: &str) -> Result<Log, ConfigError> {
    let mut log = Log::default();
    for word in value.split('+') {
        match word.trim() {
            "events" | "on" => log.events = true,
            "trace" => log.trace = true,
            "clif" => log.clif = true,
            "asm" => log.asm = true,
            "coverage" => log.coverage = true,
            "off" => log = Log::default(),
            _ => {
                return Err(bad(
                    "log",
                    word,
                    "made of `events`, `trace`, `clif`, `asm`, `coverage`",
                ));
            }
        }
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_applied_in_order() {
        let mut config = Config::default();
        config.apply("threshold=1, check=on,opt=fold+cse,log=events+trace,stats").unwrap();
        assert_eq!((config.threshold, config.check, config.stats), (1, true, true));
        assert_eq!(config.opt.to_string(), "fold,cse");
        assert!(config.log.events && config.log.trace && !config.log.asm);
        config.apply("threshold=2,threshold=3,jit=off").unwrap();
        assert_eq!((config.threshold, config.jit), (3, false));
    }

    #[test]
    fn errors_say_what_could_be_written() {
        let error = |text: &str| Config::default().apply(text).unwrap_err().to_string();
        assert!(error("treshold=1").contains("no key `treshold`; there are jit, threshold,"));
        assert_eq!(error("jit=maybe"), "JITGEN: `jit` is `on` or `off`, not `maybe`");
        assert_eq!(error("threshold=many"), "JITGEN: `threshold` is a number, not `many`");
        assert!(error("opt=magic").contains("there is no pass `magic`"));
        assert!(error("log=all").contains("made of `events`"));
    }
}
