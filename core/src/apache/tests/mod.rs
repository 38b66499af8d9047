//! The files of Apache, byte by byte: real ones, made ones and hostile ones.

mod bytes;
mod directories;
mod golden;
mod hostile;
mod records;
mod replaying;
