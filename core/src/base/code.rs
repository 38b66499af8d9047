//! What the protocol can say went wrong.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        /// An error code of the ZooKeeper protocol, unchanged from the wire.
        ///
        /// Codes below -100 say that the operation is wrong and the connection is fine. A code this
        /// release does not know is kept as [`Code::Other`].
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// A code without a name in this release; treat it as an error of the operation.
            Other(i32),
        }

        impl Code {
            /// Every code that has a name, in the order of the protocol.
            pub const NAMED: &'static [Code] = &[$(Code::$name),*];

            /// The number on the wire.
            pub fn number(self) -> i32 {
                match self {
                    $(Code::$name => $value,)*
                    Code::Other(number) => number,
                }
            }

            /// The code for a number from the wire; `None` for 0, which is success.
            pub fn from_number(number: i32) -> Option<Code> {
                match number {
                    0 => None,
                    $($value => Some(Code::$name),)*
                    other => Some(Code::Other(other)),
                }
            }

            /// The name, as it stands in this type.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$name => stringify!($name),)*
                    Code::Other(_) => "Other",
                }
            }

            fn text(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                    Code::Other(_) => "unknown error code",
                }
            }
        }
    };
}

codes! {
    /// The server met an error it has no better code for.
    SystemError = -1, "system error";
    /// In a failed multi: this operation comes after the one that failed.
    RuntimeInconsistency = -2, "not tried, an earlier operation of the multi failed";
    /// Stored data contradict each other.
    DataInconsistency = -3, "data inconsistency";
    /// The connection was lost before the answer came.
    ConnectionLoss = -4, "connection lost";
    /// The request could not be decoded.
    MarshallingError = -5, "request could not be decoded";
    /// The server does not have this operation.
    Unimplemented = -6, "operation not implemented";
    /// The answer did not come in time.
    OperationTimeout = -7, "operation timed out";
    /// A path, flag or number is outside what the operation accepts.
    BadArguments = -8, "bad arguments";
    /// The session is not known here.
    UnknownSession = -12, "unknown session";
    /// No quorum of the new configuration is in step.
    NewConfigNoQuorum = -13, "no quorum of the new configuration is in step";
    /// Another reconfiguration is going on.
    ReconfigInProgress = -14, "another reconfiguration is in progress";
    /// The znode does not exist.
    NoNode = -101, "no such znode";
    /// The ACL forbids it.
    NoAuth = -102, "not allowed by the ACL";
    /// The expected version is not the current one.
    BadVersion = -103, "version does not match";
    /// An ephemeral znode cannot have children.
    NoChildrenForEphemerals = -108, "an ephemeral znode cannot have children";
    /// The znode exists already.
    NodeExists = -110, "znode exists already";
    /// The znode has children.
    NotEmpty = -111, "znode has children";
    /// The session has expired.
    SessionExpired = -112, "session expired";
    /// A callback is not valid.
    InvalidCallback = -113, "invalid callback";
    /// The ACL is empty or has an entry that no scheme accepts.
    InvalidAcl = -114, "invalid ACL";
    /// The identity was refused.
    AuthFailed = -115, "authentication failed";
    /// The session has moved to another server.
    SessionMoved = -118, "session moved to another server";
    /// The server serves reads only.
    NotReadOnly = -119, "server is read-only";
    /// A session local to one server cannot own ephemerals.
    EphemeralOnLocalSession = -120, "a local session cannot create ephemeral znodes";
    /// There is no such watch.
    NoWatcher = -121, "no such watch";
    /// The answer did not come within the client's limit.
    RequestTimeout = -122, "request timed out";
    /// Reconfiguration is switched off.
    ReconfigDisabled = -123, "reconfiguration is disabled";
    /// The server demands authentication first.
    AuthRequired = -124, "the server requires authentication";
    /// A hard quota would be passed.
    QuotaExceeded = -125, "quota exceeded";
    /// The request waited too long in the server's throttle.
    ThrottledOp = -127, "request throttled for too long";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for &code in Code::NAMED {
            assert_eq!(Code::from_number(code.number()), Some(code));
        }
        assert_eq!(Code::from_number(0), None);
        assert_eq!(Code::from_number(-4711), Some(Code::Other(-4711)));
        assert_eq!(Code::NoNode.to_string(), "no such znode (-101)");
    }
}
