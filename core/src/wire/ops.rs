//! The operation table: number, name, and the label that `cons` prints, one row each.

/// How an operation is carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Path {
    /// Becomes a transaction.
    Write,
    /// Answered from the server's own state.
    Read,
    /// Concerns the connection or the session.
    Special,
}

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $wire:literal, $label:literal, $path:ident;)*) => {
        /// An operation of the protocol.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Op {
            $($(#[$doc])* $name,)*
        }

        impl Op {
            /// The numbers of this project's own operations: nobody else has any there. They are for
            /// clients that said [`super::Hello`]; to everybody else they are unknown.
            pub const PRIVATE: std::ops::RangeInclusive<i32> = 0x7E00..=0x7EFF;

            /// Whether it is one of this project's own.
            pub fn is_private(self) -> bool {
                Op::PRIVATE.contains(&self.number())
            }

            /// Every operation, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$name),*];

            /// The number on the wire.
            pub fn number(self) -> i32 {
                match self { $(Op::$name => $number,)* }
            }

            /// The operation for a number from the wire.
            pub fn from_number(number: i32) -> Option<Op> {
                match number { $($number => Some(Op::$name),)* _ => None }
            }

            /// ZooKeeper's name for it.
            pub fn name(self) -> &'static str {
                match self { $(Op::$name => $wire,)* }
            }

            /// The label of `cons` for the last operation of a connection.
            pub fn label(self) -> &'static str {
                match self { $(Op::$name => $label,)* }
            }

            /// How it is carried out.
            pub fn path(self) -> Path {
                match self { $(Op::$name => Path::$path,)* }
            }
        }
    };
}

ops! {
    /// Creates a znode and answers its path.
    Create = 1, "create", "CREA", Write;
    /// Deletes a znode without children.
    Delete = 2, "delete", "DELE", Write;
    /// Answers the Stat of a znode, if there is one.
    Exists = 3, "exists", "EXIS", Read;
    /// Answers data and Stat.
    GetData = 4, "getData", "GETD", Read;
    /// Sets the data.
    SetData = 5, "setData", "SETD", Write;
    /// Answers ACL and Stat.
    GetAcl = 6, "getACL", "GETA", Read;
    /// Sets the ACL.
    SetAcl = 7, "setACL", "SETA", Write;
    /// Answers the names of the children.
    GetChildren = 8, "getChildren", "GETC", Read;
    /// Waits until this server has applied all that was committed before.
    Sync = 9, "sync", "SYNC", Special;
    /// Says that the client is alive.
    Ping = 11, "ping", "PING", Special;
    /// Answers the names of the children, and the Stat.
    GetChildren2 = 12, "getChildren2", "GETC", Read;
    /// Inside a multi: fails unless a znode has a version.
    Check = 13, "check", "CHEC", Write;
    /// Several writes, all or none.
    Multi = 14, "multi", "MULT", Write;
    /// Creates a znode and answers path and Stat.
    Create2 = 15, "create2", "CREA", Write;
    /// Changes the membership of an ensemble.
    Reconfig = 16, "reconfig", "RECO", Write;
    /// Asks whether this connection has a watch.
    CheckWatches = 17, "checkWatches", "CHKW", Read;
    /// Removes watches of this connection.
    RemoveWatches = 18, "removeWatches", "REMW", Read;
    /// Creates a container.
    CreateContainer = 19, "createContainer", "CREA", Write;
    /// Creates a znode with a time to live.
    CreateTtl = 21, "createTTL", "CREA", Write;
    /// Several reads, each on its own.
    MultiRead = 22, "multiRead", "MLTR", Read;
    /// Proves an identity of this connection.
    Auth = 100, "auth", "NA", Special;
    /// Registers one-shot watches again after a reconnect.
    SetWatches = 101, "setWatches", "SETW", Read;
    /// A step of a SASL exchange.
    Sasl = 102, "sasl", "NA", Special;
    /// Answers the session's ephemerals below a prefix.
    GetEphemerals = 103, "getEphemerals", "GETE", Read;
    /// Answers the number of descendants.
    GetAllChildrenNumber = 104, "getAllChildrenNumber", "GETACN", Read;
    /// Registers watches of all kinds again after a reconnect.
    SetWatches2 = 105, "setWatches2", "STW2", Read;
    /// Adds a persistent watch.
    AddWatch = 106, "addWatch", "ADDW", Read;
    /// Answers the identities of this connection.
    WhoAmI = 107, "whoAmI", "HOMI", Read;
    /// Ends the session.
    CloseSession = -11, "closeSession", "CLOS", Write;
    /// Of this project: a write that is carried out once, however often it is sent.
    Once = 32256, "once", "ONCE", Write;
    /// Of this project: takes over an ephemeral of another session.
    Adopt = 32257, "adopt", "ADOP", Write;
    /// Of this project: takes over all ephemerals of another session, and ends it.
    HandOver = 32258, "handOver", "HAND", Write;
    /// Of this project: ends another session.
    Fence = 32259, "fence", "FENC", Write;
    /// Of this project, inside a multi: fails unless a session is alive.
    CheckSession = 32260, "checkSession", "CHKS", Write;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_back_to_its_row() {
        for &op in Op::ALL {
            assert_eq!(Op::from_number(op.number()), Some(op));
        }
    }
}
