//! The trace that journal, log and answer name: `traceparent` of W3C Trace Context, version 00.

use crate::text::hex;

/// The caller's `traceparent`, if it is one; else a new one of these random bytes.
pub fn parent(given: Option<&str>, random: impl FnOnce() -> [u8; 24]) -> String {
    given.filter(|text| is_parent(text)).map_or_else(
        || {
            let random = random();
            let (trace, span) = random.split_at(16);
            format!("00-{}-{}-01", hex(trace), hex(span))
        },
        str::to_owned,
    )
}

/// The text, if it is a `traceparent`.
pub fn given(text: &str) -> Option<&str> {
    is_parent(text).then_some(text)
}

/// The part of a `traceparent` to name when asking for help.
pub fn id(parent: &str) -> &str {
    parent.get(3..35).unwrap_or_default()
}

/// `00-<32 hex>-<16 hex>-<2 hex>`.
fn is_parent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [2, 32, 16, 2]
        && parts[0] == "00"
        && parts.iter().all(|part| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_taken_up_only_if_it_is_one() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(parent(Some(given), || [7; 24]), given);
        let fresh = "00-07070707070707070707070707070707-0707070707070707-01";
        for bad in
            ["", "00-xyz-b7ad6b7169203331-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"]
        {
            assert_eq!(parent(Some(bad), || [7; 24]), fresh, "{bad}");
        }
        assert_eq!(parent(None, || [7; 24]), fresh);
        assert_eq!(id(given), "0af7651916cd43dd8448eb211c80319c");
    }
}
