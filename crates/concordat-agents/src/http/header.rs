//! Headers that carry ids.

use reqwest::header::HeaderValue;

use super::trouble::NotSent;

/// The longest value of a header that carries an id, in bytes.
const LONGEST_ID: usize = 256;

/// The value of the header `name`, if `value` may stand in one.
pub(crate) fn id_value(name: &'static str, value: &str) -> Result<HeaderValue, NotSent> {
    let fits = (1..=LONGEST_ID).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    match HeaderValue::from_str(value) {
        Ok(header) if fits => Ok(header),
        _ => Err(NotSent::Header { name }),
    }
}
