//! "Did you mean …?": the known name that is nearest to one that is not known.

/// How many unknown names of one file are worth a guess each: to find one takes a while.
pub(super) const MOST_GUESSES: usize = 32;

/// The nearest of the names, if it is near enough to be what was meant.
pub(super) fn nearest<'a>(
    unknown: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // The work is bounded: nobody means a name by one that is much longer.
    let unknown = unknown.strip_prefix("zookeeper.").unwrap_or(unknown).to_ascii_lowercase();
    if unknown.len() > 64 {
        return None;
    }
    let ranked =
        names.into_iter().map(|name| (distance(&unknown, &name.to_ascii_lowercase()), name));
    let (distance, name) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance <= unknown.len().max(name.len()) / 4).then_some(name)
}

/// How many letters have to be added, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let names = ["snapCount", "tickTime", "clientPort", "maxClientCnxns"];
        let near = [
            ("snapcount", "snapCount"),
            ("snapConut", "snapCount"),
            ("tickTmie", "tickTime"),
            ("maxClientCnxn", "maxClientCnxns"),
            ("zookeeper.snapCount", "snapCount"),
        ];
        for (slip, meant) in near {
            assert_eq!(nearest(slip, names), Some(meant), "{slip}");
        }
        assert_eq!(nearest("hostname", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest(&"x".repeat(100_000), names), None);
    }
}
