//! How the handle of a client opens views.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::handle::Client;
use super::values::{Children, Value};
use super::view::{Shown, Shows, Slot, View};
use crate::client::{NewView, News, WatchId, chroot};

impl Client {
    /// The data of a znode and their Stat, kept up to date; `None` while there is no such znode. See
    /// [`View`].
    ///
    /// The Stat is the one that came with the data. What else it tells, such as the number of
    /// children or the version of the ACL, may have changed since.
    ///
    /// A path that is not valid ends the view with `Invalid`, as everything that keeps it from being
    /// one.
    pub fn data_view(&self, path: &str) -> View<Option<Value>> {
        self.open(path)
    }

    /// The names of the children of a znode, sorted; `None` while there is no such znode. See
    /// [`View`] and, for how it can fail, [`Client::data_view`].
    ///
    /// The Stat is the one of the parent that came with the names. Data that are set on the parent do
    /// not change the view.
    pub fn children_view(&self, path: &str) -> View<Option<Children>> {
        self.open(path)
    }

    /// The data of a znode and of all below it, by their paths as the program names them; empty while
    /// there is no such znode. See [`View`] and, for how it can fail, [`Client::data_view`].
    ///
    /// The first value is there when everything was read once. From then on each value replaces the
    /// one before as a whole, but it is no snapshot: every znode was read by itself, and at different
    /// times. While the program holds the tree it got, the next change copies it.
    ///
    /// Znodes that may not be read are left out with everything below them, and come in when they may
    /// and something happens to them, or after the next gap. The view of a server's root leaves out
    /// `/zookeeper`. After a gap everything is read again, with no more than
    /// [`VIEW_READS`](crate::base::limits::VIEW_READS) reads on the way at a time.
    pub fn tree_view(&self, path: &str) -> View<Arc<BTreeMap<String, Value>>> {
        self.open(path)
    }

    fn open<T: Shown>(&self, path: &str) -> View<T> {
        self.open_below(path, self.place().1)
    }

    /// A view of a path on the server.
    pub(super) fn open_from_root<T: Shown>(&self, path: &str) -> View<T> {
        self.open_below(path, &Arc::from(""))
    }

    fn open_below<T: Shown>(&self, path: &str, chroot: &Arc<str>) -> View<T> {
        let (shared, _) = self.place();
        let watch = WatchId(shared.take_id());
        let slot = Slot::<T>::new();
        let mut path = path.to_owned();
        match chroot::enter_path(&mut path, chroot) {
            Ok(()) => {
                let (path, chroot) = (path.into(), Arc::clone(chroot));
                let shows: Arc<dyn Shows> = Arc::clone(&slot) as _;
                shared.open_view(NewView { watch, kind: T::KIND, path, chroot }, shows);
            }
            Err(error) => slot.show(News::Ended(error), false),
        }
        View::new(Arc::clone(shared), slot, watch)
    }
}
