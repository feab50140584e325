//! How many files the system lets this process have open: sockets are files too.

/// Files kept for the store, the admin listener and whatever else must go on when callers take all the rest.
const RESERVE: usize = 256;

/// How many files may be open; `None` where the system does not say.
pub(crate) fn open_at_most() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// A limit on sockets of one kind that leaves the other kind as many, and the process what it needs itself: a caller that
/// opens connections for their own sake then finds the limit before the system's.
pub(crate) fn within(limit: usize) -> usize {
    within_files(limit, open_at_most())
}

fn within_files(limit: usize, files: Option<usize>) -> usize {
    files.map_or(limit, |files| limit.min((files.saturating_sub(RESERVE) / 2).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_never_take_the_files_that_the_server_needs_itself() {
        assert_eq!(within_files(100_000, Some(20_000)), 9_872);
        assert_eq!(within_files(500, Some(20_000)), 500);
        assert_eq!(within_files(500, Some(100)), 1);
        assert_eq!(within_files(500, None), 500);
        assert!(open_at_most().is_none_or(|files| files > 0));
    }
}
