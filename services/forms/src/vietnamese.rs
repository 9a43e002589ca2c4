//! Dates and money as Vietnamese papers write them (NĐ 30/2020/NĐ-CP, Annex I), and clean text.

use jiff::civil::DateTime;
use unicode_normalization::UnicodeNormalization;

/// `08 giờ 30 phút, ngày 07 tháng 9 năm 2026`.
pub(crate) fn moment(at: DateTime) -> String {
    format!("{:02} giờ {:02} phút, {}", at.hour(), at.minute(), date(at))
}

/// `ngày 07 tháng 9 năm 2026`: days under ten and the months 1 and 2 get a zero, so that nobody
/// can write a digit before them.
pub(crate) fn date(at: DateTime) -> String {
    let month = match at.month() {
        month @ (1 | 2) => format!("0{month}"),
        month => month.to_string(),
    };
    format!("ngày {:02} tháng {month} năm {}", at.day(), at.year())
}

/// `07/09/2026`.
pub(crate) fn short_date(at: DateTime) -> String {
    format!("{:02}/{:02}/{}", at.day(), at.month(), at.year())
}

/// `08:30 07/09/2026`.
pub(crate) fn short_moment(at: DateTime) -> String {
    format!("{:02}:{:02} {}", at.hour(), at.minute(), short_date(at))
}

/// `1.250.000 đồng`.
pub(crate) fn money(dong: i64) -> String {
    let digits = dong.unsigned_abs().to_string();
    let mut grouped = String::from(if dong < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    grouped + " đồng"
}

/// Text as it can be set: NFC, so that one letter is one glyph; lines end in `\n`; what has no
/// shape of its own (controls, direction marks, joiners) leaves no box behind.
pub(crate) fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .nfc()
        .filter_map(|letter| match letter {
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some('\n'),
            '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => None,
            '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => None,
            '\u{e0000}'..='\u{e0fff}' => None,
            letter if letter.is_control() => Some(' '),
            letter => Some(letter),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn a_moment_is_written_the_vietnamese_way() {
        assert_eq!(
            moment(datetime(2026, 9, 7, 8, 30, 0, 0)),
            "08 giờ 30 phút, ngày 07 tháng 9 năm 2026"
        );
        assert_eq!(
            date(datetime(2027, 2, 17, 0, 0, 0, 0)),
            "ngày 17 tháng 02 năm 2027"
        );
        assert_eq!(
            short_moment(datetime(2026, 12, 1, 7, 5, 0, 0)),
            "07:05 01/12/2026"
        );
    }

    #[test]
    fn money_is_grouped_by_dots() {
        assert_eq!(money(0), "0 đồng");
        assert_eq!(money(999), "999 đồng");
        assert_eq!(money(1_250_000), "1.250.000 đồng");
        assert_eq!(money(-75_000), "-75.000 đồng");
        assert_eq!(money(i64::MIN), "-9.223.372.036.854.775.808 đồng");
    }

    #[test]
    fn split_letters_become_one_and_invisible_ones_vanish() {
        assert_eq!(clean("Nguye\u{302}\u{303}n\u{200b}"), "Nguyễn");
        assert_eq!(clean("a\r\nb\tc\u{7}"), "a\nb c ");
    }
}
