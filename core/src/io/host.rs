//! What a server runs on, as it tells who asks for it.

use crate::service::words::{Descriptors, Host};

/// This machine and this process.
pub(super) fn host() -> Host {
    let text = |path: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.trim().to_owned()
    };
    Host {
        name: text("/proc/sys/kernel/hostname"),
        os_name: text("/proc/sys/kernel/ostype"),
        os_version: text("/proc/sys/kernel/osrelease"),
        arch: std::env::consts::ARCH.to_owned(),
        user: user().unwrap_or_default(),
        descriptors,
    }
}

/// The name of whoever runs the process; the number, if the system has no name for it.
fn user() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let id = line.split_whitespace().nth(1)?;
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(id)).then(|| name.to_owned())
    });
    Some(name.unwrap_or_else(|| id.to_owned()))
}

fn descriptors() -> Option<Descriptors> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let most = line.split_whitespace().next()?.parse().unwrap_or(u64::MAX);
    // The directory that is read has one of its own.
    Some(Descriptors { open: open.saturating_sub(1), most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_and_the_process_are_known() {
        let host = host();
        for known in [&host.name, &host.os_name, &host.os_version, &host.arch, &host.user] {
            assert!(!known.is_empty() && !known.contains('\n'), "{host:?}");
        }
        let before = descriptors().expect("the process can be looked at");
        let held = std::fs::File::open("/dev/null").expect("a file");
        let after = descriptors().expect("the process can be looked at");
        assert!(after.open > 0 && after.most >= after.open, "{before:?} {after:?}");
        drop(held);
    }
}
