//! Twelve months as bars of block characters.

/// How the lowest bar stands to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Bars begin at zero: sums of a month.
    Zero,
    /// The lowest is a sliver, so that small changes of something large can be seen: what there is at the end of a month.
    Lowest,
}

const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Lines of characters, the highest first, `height` of them; each value is `width` characters wide.
pub(crate) fn bars(values: &[i64], base: Base, height: usize, width: usize) -> Vec<String> {
    let full = 8 * height as i64;
    let eighths: Vec<i64> = values.iter().map(|value| eighths(*value, values, base, full)).collect();
    let line = |from_below: usize| {
        let below = 8 * from_below as i64;
        let bar = |eighths: &i64| {
            let here = usize::try_from((eighths - below).clamp(0, 8)).unwrap_or(0);
            EIGHTHS[here].to_string().repeat(width)
        };
        eighths.iter().map(bar).collect()
    };
    (0..height).rev().map(line).collect()
}

/// How high a bar is, in eighths of a line.
fn eighths(value: i64, values: &[i64], base: Base, full: i64) -> i64 {
    let highest = values.iter().copied().max().unwrap_or(0);
    let lowest = match base {
        Base::Zero => 0,
        Base::Lowest => values.iter().copied().min().unwrap_or(0),
    };
    let (above, range) = (i128::from(value) - i128::from(lowest), i128::from(highest) - i128::from(lowest));
    let scaled = |above: i128, steps: i128| i64::try_from((above * steps + range / 2) / range).unwrap_or(0);
    match base {
        // Something is never drawn as nothing.
        Base::Zero if above <= 0 || range <= 0 => 0,
        Base::Zero => scaled(above, i128::from(full)).max(1),
        Base::Lowest if range <= 0 => full / 2,
        Base::Lowest => 1 + scaled(above, i128::from(full) - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stand_on_zero_and_the_smallest_sum_can_be_seen() {
        assert_eq!(bars(&[0, 1, 400, 800], Base::Zero, 1, 1), [" ▁▄█"]);
        assert_eq!(bars(&[0, 0], Base::Zero, 1, 2), ["    "]);
        assert_eq!(bars(&[4, 8, 2], Base::Zero, 2, 2), ["  ██  ", "████▄▄"]);
    }

    #[test]
    fn what_there_is_stands_on_the_lowest_and_stays_in_the_middle_where_nothing_changed() {
        assert_eq!(bars(&[380, 390, 400], Base::Lowest, 1, 1), ["▁▅█"]);
        assert_eq!(bars(&[-5, -5], Base::Lowest, 1, 1), ["▄▄"]);
        assert_eq!(bars(&[i64::MIN, i64::MAX], Base::Lowest, 1, 1), ["▁█"]);
        assert_eq!(bars(&[], Base::Lowest, 1, 1), [""]);
    }
}
