//! Methods of the standard library in traced code agree with themselves, in every mode.
//!
//! Each method has a loop of its own, so that one that is not recorded is seen in the statistics.

#[path = "interpreters/methods.rs"]
mod methods;

use jitgen::modes;

macro_rules! agree {
    ($($name:ident)+) => {$(
        #[test]
        fn $name() {
            let run = modes::agree(stringify!($name), methods::$name::run);
            let statistics = &run.statistics;
            assert!(statistics.loops >= u64::from(methods::$name::COUNT), "{statistics:?}");
        }
    )+};
}

agree!(u8s u16s u32s u64s usizes i8s i16s i32s i64s isizes f32s f64s bytes chars);
