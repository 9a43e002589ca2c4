//! The bench's own procedure: a long chain of steps, so that one submit gives many hand-offs.

use std::fmt::Write as _;

/// What the procedure is called.
pub(crate) const CODE: &str = "bench_chain";
/// The same with two steps, for dossiers that only fill a store.
pub(crate) const SHORT: &str = "bench_short";
/// Steps of it.
pub(crate) const SHORT_STEPS: usize = 2;
/// The role of the departments that do the first, third, … step.
pub(crate) const ROLE_ODD: &str = "BENCH_ODD";
/// The role of those that do the second, fourth, … step.
pub(crate) const ROLE_EVEN: &str = "BENCH_EVEN";

/// The step of this number, from 1 on.
pub(crate) fn step(number: usize) -> String {
    format!("step_{number:03}")
}

/// What the step of this number gives; 0 is what the citizen gives.
pub(crate) fn paper(number: usize) -> String {
    format!("paper_{number:03}")
}

/// The procedure of this code with so many steps: each needs what the one before it gave.
pub(crate) fn procedure(code: &str, steps: usize) -> String {
    let mut text = format!(
        "# Made by `lienthong bench`: each step needs what the one before it gave.\n\
         code = \"{code}\"\n\
         title = {{ vi = \"Chuỗi bước đo tải\", en = \"A chain of steps for measuring\" }}\n\
         legal_basis = \"none: a measurement\"\nvalid_from = \"2020-01-01\"\nlead = \"{ROLE_ODD}\"\n\
         supplement_window = \"7 working days\"\nreturns_max = 3\n\n\
         [part.chain]\ntitle = {{ vi = \"Chuỗi\", en = \"The chain\" }}\n\
         limit = \"{} working hours\"\n",
        steps.max(1) * 8
    );
    for number in 0..=steps {
        let source = if number == 0 { "citizen" } else { "step" };
        let name = paper(number);
        // Infallible: it is a string.
        let _ = write!(
            text,
            "\n[evidence.{name}]\ntitle = {{ vi = \"Giấy {number}\", en = \"Paper {number}\" }}\n\
             source = \"{source}\"\n"
        );
    }
    for number in 1..=steps {
        let role = if number % 2 == 1 { ROLE_ODD } else { ROLE_EVEN };
        let (id, need, give) = (step(number), paper(number - 1), paper(number));
        let _ = write!(
            text,
            "\n[step.{id}]\ntitle = {{ vi = \"Bước {number}\", en = \"Step {number}\" }}\n\
             part = \"chain\"\nrole = \"{role}\"\nneeds = [\"{need}\"]\ngives = [\"{give}\"]\n\
             limit = \"8 working hours\"\n"
        );
    }
    text
}
