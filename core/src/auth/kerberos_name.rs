//! Names as Kerberos writes them, `primary[/instance][@REALM]`, which is the form of `sasl` ids.

/// Whether the text is such a name: each part that is announced is there, and none holds what
/// separates parts.
pub fn is_valid(text: &str) -> bool {
    let (name, realm) = match text.split_once('@') {
        Some((name, realm)) => (name, Some(realm)),
        None => (text, None),
    };
    let (primary, instance) = match name.split_once('/') {
        Some((primary, instance)) => (primary, Some(instance)),
        None => (name, None),
    };
    let is_part = |part: &str| {
        !part.is_empty() && !part.chars().any(|c| matches!(c, '/' | '@') || c.is_control())
    };
    is_part(primary) && instance.is_none_or(is_part) && realm.is_none_or(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_primary_and_maybe_an_instance_and_a_realm() {
        for name in ["bob", "bob@EXAMPLE.COM", "zk/host.example.com", "zk/host@REALM", "a b", "ü"]
        {
            assert!(is_valid(name), "{name:?}");
        }
    }

    #[test]
    fn what_is_announced_has_to_be_there() {
        for name in ["", "/", "@", "bob/", "bob@", "/host", "@REALM", "a/b/c", "a@b@c", "a@b/c"] {
            assert!(!is_valid(name), "{name:?}");
        }
        assert!(!is_valid("bob\0"));
        assert!(!is_valid("bob\n"));
    }
}
