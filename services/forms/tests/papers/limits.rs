//! What no paper carries is refused, and nothing that comes from outside makes it panic.

use crate::content::assert_well_set;
use crate::reader::Paper;
use crate::samples;
use forms::{Component, FormError, Forms};
use proptest::prelude::*;

#[test]
fn a_text_a_list_and_a_code_have_limits() {
    let forms = Forms::builtin();
    let mut slip = samples::receipt();
    slip.applicant.address = "a".repeat(20_001);
    let refusal = forms.typeset(&slip.into()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "field address has more than 20000 characters; shorten it"
    );

    let mut slip = samples::receipt();
    slip.components = vec![Component::default(); 10_001];
    let refusal = forms.typeset(&slip.into()).unwrap_err();
    assert!(matches!(refusal, FormError::TooManyRows { field } if field == "components"));

    let mut slip = samples::receipt();
    slip.dossier_code = "H".repeat(201);
    assert!(matches!(
        forms.typeset(&slip.into()),
        Err(FormError::CodeTooLong)
    ));
}

#[test]
fn a_paper_that_would_never_end_is_refused() {
    let forms = Forms::builtin();
    let mut slip = samples::control(2_500);
    for row in &mut slip.rows {
        row.note = "chậm ".repeat(80);
    }
    assert!(matches!(
        forms.typeset(&slip.into()),
        Err(FormError::TooManyPages)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_text_whatever_is_set_without_a_panic(
        letters in prop::collection::vec(any::<char>(), 0..120),
        code in "\\PC{0,40}",
        rows in 0usize..3,
    ) {
        let forms = Forms::builtin();
        let text: String = letters.into_iter().collect();
        for form in samples::filled(&text, &code, rows) {
            let paper = Paper::read(&forms.typeset(&form).unwrap());
            assert_well_set(form.kind().word(), &paper);
        }
    }
}
