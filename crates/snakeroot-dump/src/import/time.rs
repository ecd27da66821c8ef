//! Moments as other tools write them.

use chrono::DateTime;

/// Milliseconds since 1970-01-01 UTC of a moment in ISO 8601 with a zone; 0,
/// which stands for unknown, where the text is none or the moment before.
pub(super) fn milliseconds(text: &str) -> u64 {
    let moment = DateTime::parse_from_rfc3339(text);
    moment.ok().and_then(|moment| u64::try_from(moment.timestamp_millis()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn a_moment_is_counted_in_utc() {
        assert_eq!(milliseconds("1970-01-01T01:00:01.5+01:00"), 1500);
        assert_eq!(milliseconds("2026-07-01T00:00:01Z"), 1_782_864_001_000);
        assert_eq!(milliseconds("yesterday"), 0);
    }
}
