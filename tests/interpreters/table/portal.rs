//! The portal that runs an example of the guide.

/// A portal for these functions, their names and `run`, which runs one by its number.
macro_rules! examples {
    ($($name:ident)+) => {
        /// The functions' names.
        pub const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// The instructions: one for each function.
        #[allow(non_camel_case_types, reason = "named as the functions are")]
        #[derive(Clone, Copy, Debug, jitgen_core::Traced)]
        pub enum Example { $(#[doc = stringify!($name)] $name),+ }

        /// Runs a function in a loop; gives what the machine is then.
        pub fn run(number: usize) -> String {
            let code = std::rc::Rc::new(vec![[$(Example::$name),+][number]]);
            let mut machine = super::machine();
            portal(&code, &mut machine);
            format!("{machine:?}")
        }

        #[jitgen_core::portal(greens(code), reds(m))]
        fn portal(code: &std::rc::Rc<Vec<Example>>, m: &mut super::Machine) {
            loop {
                merge_point!();
                m.left -= 1;
                if m.left < 0 {
                    return;
                }
                let (a, b) = (m.a, m.b);
                let got = match code[0] {
                    $(Example::$name => $name(m, a, b)),+
                };
                m.digest = m.digest.wrapping_mul(31).wrapping_add(got);
                m.a = (m.a + 3) % 17;
                m.b = (m.b * 5 + 1) % 16;
                can_enter_jit!();
            }
        }
    };
}
