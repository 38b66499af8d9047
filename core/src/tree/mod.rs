//! Floor 2: the tree of znodes.
