//! The list of statements and the table made of it.
