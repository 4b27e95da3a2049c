use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = &[];
