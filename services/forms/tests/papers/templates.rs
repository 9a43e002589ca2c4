//! A template that cannot be set is refused when it is loaded, with the mend.

use forms::Forms;

fn refusal(template: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("receipt-slip.form"), template).unwrap();
    Forms::load(folder.path())
        .map(drop)
        .unwrap_err()
        .to_string()
}

#[test]
fn whatever_is_wrong_is_named_with_its_line_and_its_mend() {
    for (template, said) in [
        ("page A3", "line 1: there is no page A3; write A4 or A5"),
        (
            "margins 1 2 3",
            "line 1: margins 1 is out of bounds; write a number from 5 to 60",
        ),
        (
            "margins 10 10 10",
            "line 1: margins are four numbers; write top, right, bottom and left",
        ),
        (
            "page A5\nmargins 60 60 60 60\ntext a",
            "the margins leave less than 60 mm for text",
        ),
        (
            "font big",
            "line 1: font is not a number; write a number from 6 to 24",
        ),
        (
            "text a\npage A5",
            "line 2: page stands after the first block; write it at the head",
        ),
        (
            "txt a",
            "line 1: there is no block txt; write one of text, left",
        ),
        (
            "text[size=99] a",
            "line 1: size 99 is out of bounds; write a number from 6 to 24",
        ),
        (
            "text[colour=red] a",
            "line 1: text has no option colour; write one of size",
        ),
        (
            "text[size=9",
            "line 1: the options are not closed; write ] after them",
        ),
        (
            "text[size] a",
            "line 1: an option has no value; write options as key=value",
        ),
        (
            "text **a",
            "line 1: bold text is not closed; write ** after it",
        ),
        (
            "text _a",
            r"line 1: italic text is not closed; write _ after it, or \_ for the sign",
        ),
        (
            "text {sets",
            r"line 1: a field is opened and not closed; write } after its name",
        ),
        (
            r"text \a",
            r"line 1: a backslash stands before a sign that needs none; write \\",
        ),
        (
            "text {name}",
            "line 1: there is no field name; write one of head.parent_agency",
        ),
        (
            "text {components}",
            "line 1: components is a list and no text; write `each components`",
        ),
        (
            "text {applicant}",
            "line 1: applicant is a group of fields and no text; write one of applicant.name",
        ),
        (
            "text {sets:upper}",
            "line 1: the field sets cannot be written as upper; leave it out",
        ),
        (
            "text {received_at:upper}",
            "cannot be written as upper; write one of date, short, short-date",
        ),
        ("text {row}", "line 1: there is no field row"),
        (
            "if fees\ntext a",
            "a block is opened and not closed; write end after it",
        ),
        ("if nothing\nend", "line 1: there is no field nothing"),
        ("end", "line 1: end belongs to no block"),
        (
            "each request\nend",
            "line 1: request is no list; write the name of a list",
        ),
        (
            "columns 50 50\ntext a\nend",
            "line 3: 2 widths for 1 columns; write next between columns",
        ),
        ("columns\nend", "line 1: columns without widths"),
        (
            "columns 1\ntable fees\ncolumn A | b\nend\nend",
            "a table or columns stand within columns",
        ),
        (
            "table fees\nend",
            "line 2: a table has 0 columns; write from 1 to 20 of them",
        ),
        (
            "table fees\ntext a\nend",
            "line 2: text stands within a table; write column or end",
        ),
        (
            "table fees\ncolumn A\nend",
            "line 2: a column has a head and no cell; write column Head | cell",
        ),
        (
            "table fees\ncolumn A | {amont}\nend",
            "line 2: there is no field amont",
        ),
        (
            "qr[align=top] {dossier_code}",
            "line 1: there is no alignment top; write left, center",
        ),
        (
            "gap 99",
            "line 1: gap 99 is out of bounds; write a number from 0 to 50",
        ),
        (
            "keep\nkeep\nkeep\nkeep\nkeep\nkeep\nkeep\nkeep\nkeep\nkeep",
            "more than 8 blocks stand within",
        ),
    ] {
        let told = refusal(template);
        assert!(
            told.starts_with("receipt-slip.form, line "),
            "{template}: {told}"
        );
        assert!(told.contains(said), "{template}: {told}");
    }
}
