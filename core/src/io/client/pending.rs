//! An operation that has been queued.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::client::Result;

/// The answer to an operation that is already on its way: operations reach the server in the order in
/// which their methods were called, awaited or not.
///
/// Dropping it does not undo the operation. It can be awaited on any runtime.
#[must_use = "the request is sent, but nothing waits for the answer"]
pub struct Pending<T> {
    answer: Pin<Box<dyn Future<Output = Result<T>> + Send + 'static>>,
}

impl<T> Pending<T> {
    pub(super) fn new(answer: impl Future<Output = Result<T>> + Send + 'static) -> Pending<T> {
        Pending { answer: Box::pin(answer) }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        self.answer.as_mut().poll(context)
    }
}
