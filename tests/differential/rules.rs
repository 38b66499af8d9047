//! What may differ between tenure and Apache ZooKeeper 3.8, one named rule each.
//!
//! A rule either reconciles two records, or tells the script what not to ask. `docs/differences.md`
//! gives the reason for each; a test compares the two lists.

use tenure_tests::op;

use crate::action::{Action, Request};
use crate::side::Record;

/// An allowed difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    SessionIds,
    WallTimes,
    NameOrder,
    IdentityOrder,
    TextEncoding,
    CloseOrder,
    EventZxid,
    UndecodableWrite,
    NullPath,
    MultiFlag,
    MultiCreate2,
    ExistsNeedsRead,
    WatcherKinds,
    CheckOthersWatches,
    CheckRelativePath,
    WatchModes,
    InternalOperations,
    PrivateOperations,
    OpcodeAndFlag,
    ContainerByCreate,
    QuotaNesting,
    QuotaStats,
    QuotaMalformed,
    QuotaReserved,
    SessionDirectory,
}

impl Rule {
    /// All rules.
    pub const ALL: [Rule; 25] = [
        Rule::SessionIds,
        Rule::WallTimes,
        Rule::NameOrder,
        Rule::IdentityOrder,
        Rule::TextEncoding,
        Rule::CloseOrder,
        Rule::EventZxid,
        Rule::UndecodableWrite,
        Rule::NullPath,
        Rule::MultiFlag,
        Rule::MultiCreate2,
        Rule::ExistsNeedsRead,
        Rule::WatcherKinds,
        Rule::CheckOthersWatches,
        Rule::CheckRelativePath,
        Rule::WatchModes,
        Rule::InternalOperations,
        Rule::PrivateOperations,
        Rule::OpcodeAndFlag,
        Rule::ContainerByCreate,
        Rule::QuotaNesting,
        Rule::QuotaStats,
        Rule::QuotaMalformed,
        Rule::QuotaReserved,
        Rule::SessionDirectory,
    ];

    /// The rule's name in the docs.
    pub fn name(self) -> &'static str {
        match self {
            Rule::SessionIds => "session-ids",
            Rule::WallTimes => "wall-times",
            Rule::NameOrder => "name-order",
            Rule::IdentityOrder => "identity-order",
            Rule::TextEncoding => "text-encoding",
            Rule::CloseOrder => "close-order",
            Rule::EventZxid => "event-zxid",
            Rule::UndecodableWrite => "undecodable-write",
            Rule::NullPath => "null-path",
            Rule::MultiFlag => "multi-flag",
            Rule::MultiCreate2 => "multi-create2",
            Rule::ExistsNeedsRead => "exists-needs-read",
            Rule::WatcherKinds => "watcher-kinds",
            Rule::CheckOthersWatches => "check-others-watches",
            Rule::CheckRelativePath => "check-relative-path",
            Rule::WatchModes => "watch-modes",
            Rule::InternalOperations => "internal-operations",
            Rule::PrivateOperations => "private-operations",
            Rule::OpcodeAndFlag => "opcode-and-flag",
            Rule::ContainerByCreate => "container-by-create",
            Rule::QuotaNesting => "quota-nesting",
            Rule::QuotaStats => "quota-stats",
            Rule::QuotaMalformed => "quota-malformed",
            Rule::QuotaReserved => "quota-reserved",
            Rule::SessionDirectory => "session-directory",
        }
    }
}

/// Makes the two records of one step equal where a rule allows the difference. Returns the rules
/// that were needed. `watched` tells whether some session has left a watch on the action's path.
pub fn reconcile(
    action: &Action,
    watched: bool,
    ours: &mut Record,
    theirs: &mut Record,
) -> Vec<Rule> {
    let mut applied = Vec::new();
    let mut apply = |rule, needed: bool| {
        if needed {
            applied.push(rule);
        }
    };
    apply(Rule::CloseOrder, close_order(action, ours, theirs));
    apply(Rule::EventZxid, event_zxid(action, ours, theirs));
    apply(Rule::NullPath, null_path(action, ours, theirs));
    apply(Rule::MultiFlag, multi_flag(action, ours, theirs));
    apply(Rule::MultiCreate2, multi_create2(action, ours, theirs));
    apply(Rule::ExistsNeedsRead, exists_needs_read(action, ours, theirs));
    apply(Rule::WatcherKinds, watcher_kinds(action, ours, theirs));
    let others = watched && check_others_watches(action, ours, theirs);
    apply(Rule::CheckOthersWatches, others);
    apply(Rule::CheckRelativePath, check_relative_path(action, ours, theirs));
    apply(Rule::IdentityOrder, identity_order(action, ours, theirs));
    applied
}

/// Whether Apache spent a zxid on this step that tenure did not: a write that does not decode.
pub fn spends_surplus_zxid(action: &Action, ours: &Record) -> bool {
    let is_write = match action {
        Action::Call(request) | Action::Truncated(request, _) => request.is_write(),
        _ => false,
    };
    is_write && ours.code == op::MARSHALLING
}

/// Takes our reply for theirs too; always true, for the end of a rule.
fn accept(ours: &Record, theirs: &mut Record) -> bool {
    theirs.reply.clone_from(&ours.reply);
    theirs.code = ours.code;
    true
}

/// The ephemerals of a closed session go in no defined order there.
fn close_order(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    if !matches!(action, Action::Close) || ours.events == theirs.events {
        return false;
    }
    ours.events.sort();
    theirs.events.sort();
    true
}

/// Events carry the zxid of their transaction here and -1 there. Those made up for setWatches carry
/// -1 in both.
fn event_zxid(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    let own = if action.is_rewatch() { -1 } else { ours.zxid };
    let as_promised = ours.event_zxids.iter().all(|zxid| *zxid == own)
        && theirs.event_zxids.iter().all(|zxid| *zxid == -1);
    if as_promised {
        ours.event_zxids.clear();
        theirs.event_zxids.clear();
    }
    as_promised && own != -1 && !ours.events.is_empty()
}

/// A null path does not decode here; there a create looks at its flag and its TTL first.
fn null_path(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    let allowed = matches!(action, Action::Call(Request::Create { path: None, .. }))
        && ours.code == op::MARSHALLING
        && theirs.code == op::BAD_ARGUMENTS;
    allowed && accept(ours, theirs)
}

/// A multi with an unknown create flag does not decode here; there the operation fails with -8.
fn multi_flag(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    let Action::Call(Request::Multi(parts)) = action else { return false };
    let has_unknown_flag = parts
        .iter()
        .any(|part| matches!(part, Request::Create { flags, .. } if !(0..=6).contains(flags)));
    let allowed = has_unknown_flag
        && ours.code == op::MARSHALLING
        && theirs.reply.iter().any(|line| line.starts_with("result "));
    allowed && accept(ours, theirs)
}

/// The result of a create2 inside a multi has type 15 and a Stat here, type 1 and no Stat there.
fn multi_create2(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    let Action::Call(Request::Multi(parts)) = action else { return false };
    let mut needed = false;
    for (index, part) in parts.iter().enumerate() {
        // The first line tells the error of the header.
        let (Some(mine), Some(other)) =
            (ours.reply.get_mut(index + 1), theirs.reply.get(index + 1))
        else {
            continue;
        };
        if !matches!(part, Request::Create { kind: op::CREATE2, .. }) || *mine == *other {
            continue;
        }
        if let Some(rest) = mine.strip_prefix("created 15 ") {
            let path = rest.split(" stat ").next().unwrap_or(rest);
            *mine = format!("created 1 {path}");
            needed = true;
        }
    }
    needed
}

/// exists needs READ here, as from 3.8.4; the build compared with does not ask for it.
fn exists_needs_read(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    let allowed =
        matches!(action, Action::Call(Request::Read { kind: op::EXISTS, watch: false, .. }))
            && ours.code == op::NO_AUTH
            && theirs.code == 0;
    allowed && accept(ours, theirs)
}

/// The watcher kinds persistent and recursive are known from 3.9 on.
fn watcher_kinds(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    let allowed = matches!(action, Action::Call(Request::Watches { watcher: 4 | 5, .. }))
        && ours.code == op::NO_WATCHER
        && theirs.code == op::MARSHALLING;
    allowed && accept(ours, theirs)
}

/// checkWatches finds anybody's watch of the path there; here it looks at the connection's own, as
/// from 3.9 on.
fn check_others_watches(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    let allowed = matches!(action, Action::Call(Request::Watches { kind: op::CHECK_WATCHES, .. }))
        && ours.code == op::NO_WATCHER
        && theirs.code == 0;
    allowed && accept(ours, theirs)
}

/// A path without a slash at its start cannot be walked up there, which shows once there is a
/// recursive watch; here nothing is walked.
fn check_relative_path(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    let Action::Call(Request::Watches { kind: op::CHECK_WATCHES, path, .. }) = action else {
        return false;
    };
    let allowed =
        !path.starts_with('/') && ours.code == op::NO_WATCHER && theirs.code == op::MARSHALLING;
    allowed && accept(ours, theirs)
}

/// An `auth` entry is replaced by the identities of the connection, in no defined order there.
fn identity_order(action: &Action, ours: &mut Record, theirs: &mut Record) -> bool {
    if !matches!(action, Action::Call(Request::Path { kind: op::GET_ACL, .. }))
        || ours.reply == theirs.reply
    {
        return false;
    }
    let digests = ours.reply.iter().filter(|line| line.contains("digest")).count();
    if digests > 1 {
        ours.reply.sort();
        theirs.reply.sort();
    }
    digests > 1
}
