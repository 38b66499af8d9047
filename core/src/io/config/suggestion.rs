//! "Did you mean …?": the known name that is nearest to one that is not known.

use strsim::osa_distance;

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
    let ranked = names.into_iter().filter_map(|name| {
        let most = unknown.len().max(name.len()) / 4;
        // Each letter of difference in length is one to be added, which is known without a search.
        if unknown.len().abs_diff(name.len()) > most {
            return None;
        }
        let distance = osa_distance(&unknown, &name.to_ascii_lowercase());
        (distance <= most).then_some((distance, name))
    });
    ranked.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
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
