//! What may stand in an envelope's attributes.
//!
//! Their characters are such that JSON never escapes them, so the text between the quotes is the attribute.

use super::{MAX_ATTRIBUTE, RecordError};

/// Accepts 1 to [`MAX_ATTRIBUTE`] visible ASCII characters without quotes and backslashes.
pub(super) fn text(attribute: &'static str, value: &str) -> Result<(), RecordError> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if (1..=MAX_ATTRIBUTE).contains(&value.len()) && value.bytes().all(plain) {
        Ok(())
    } else {
        Err(RecordError::Text { attribute, value: excerpt(value) })
    }
}

/// Accepts `YYYY-MM-DDTHH:MM:SS.ffffffZ` for a day that exists. Leap seconds are refused, as clocks smear them.
pub(super) fn time(value: &str) -> Result<(), RecordError> {
    if exists(value.as_bytes()) { Ok(()) } else { Err(RecordError::Time { value: excerpt(value) }) }
}

fn exists(text: &[u8]) -> bool {
    const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    if text.len() != FORM.len() || !text.iter().zip(FORM).all(fits) {
        return false;
    }
    let number = |first: usize, digits: usize| {
        text.iter().skip(first).take(digits).fold(0_u32, |sum, digit| 10 * sum + u32::from(digit & 0x0f))
    };
    let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day) && number(11, 2) < 24 && number(14, 2) < 60 && number(17, 2) < 60
}

/// Enough of a text to recognise it in an error, however long it was.
fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_with_microseconds() {
        for right in
            ["2026-01-31T23:59:59.000001Z", "2024-02-29T00:00:00.000000Z", "2000-02-29T12:30:01.999999Z"]
        {
            assert_eq!(time(right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "2026-01-31T23:59:59Z",
            "2026-01-31T23:59:59.000Z",
            "2026-01-31t23:59:59.000001z",
            "2026-01-31 23:59:59.000001Z",
            "2026-01-31T23:59:59.000001+00:00",
            "2026-01-31T24:00:00.000000Z",
            "2026-01-31T23:60:00.000000Z",
            "2026-01-31T23:59:60.000000Z",
            "2026-13-01T00:00:00.000000Z",
            "2026-00-01T00:00:00.000000Z",
            "2026-04-31T00:00:00.000000Z",
            "2026-02-29T00:00:00.000000Z",
            "1900-02-29T00:00:00.000000Z",
            "2026-01-00T00:00:00.000000Z",
            "+026-01-31T23:59:59.000001Z",
            "２026-01-31T23:59:59.00001Z",
        ] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
