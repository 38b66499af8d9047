//! The words of watches: what can be asked for, what can be said.

/// What happened to the znode an event is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventKind {
    /// It was created.
    Created,
    /// It was deleted.
    Deleted,
    /// Its data were set.
    DataChanged,
    /// A direct child was created or deleted.
    ChildrenChanged,
}

impl EventKind {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        match self {
            EventKind::Created => 1,
            EventKind::Deleted => 2,
            EventKind::DataChanged => 3,
            EventKind::ChildrenChanged => 4,
        }
    }

    /// The kind for a number from the wire.
    pub fn from_number(number: i32) -> Option<EventKind> {
        match number {
            1 => Some(EventKind::Created),
            2 => Some(EventKind::Deleted),
            3 => Some(EventKind::DataChanged),
            4 => Some(EventKind::ChildrenChanged),
            _ => None,
        }
    }
}

/// A watch that stays after it has fired.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WatchMode {
    /// The znode's creation, deletion and data, and its list of children.
    Persistent,
    /// Creation, deletion and data of the znode and of everything below it; never
    /// [`EventKind::ChildrenChanged`].
    PersistentRecursive,
}

impl WatchMode {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        match self {
            WatchMode::Persistent => 0,
            WatchMode::PersistentRecursive => 1,
        }
    }

    /// The mode for a number from the wire.
    pub fn from_number(number: i32) -> Option<WatchMode> {
        match number {
            0 => Some(WatchMode::Persistent),
            1 => Some(WatchMode::PersistentRecursive),
            _ => None,
        }
    }
}

/// Which watches a check or a removal means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WatcherKind {
    /// One-shot watches on the list of children.
    Children,
    /// One-shot watches on data or existence.
    Data,
    /// Every watch on the path.
    Any,
    /// [`WatchMode::Persistent`].
    Persistent,
    /// [`WatchMode::PersistentRecursive`].
    PersistentRecursive,
}

impl WatcherKind {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        match self {
            WatcherKind::Children => 1,
            WatcherKind::Data => 2,
            WatcherKind::Any => 3,
            WatcherKind::Persistent => 4,
            WatcherKind::PersistentRecursive => 5,
        }
    }

    /// The kind for a number from the wire.
    pub fn from_number(number: i32) -> Option<WatcherKind> {
        match number {
            1 => Some(WatcherKind::Children),
            2 => Some(WatcherKind::Data),
            3 => Some(WatcherKind::Any),
            4 => Some(WatcherKind::Persistent),
            5 => Some(WatcherKind::PersistentRecursive),
            _ => None,
        }
    }
}
