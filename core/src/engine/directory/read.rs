//! Reads of the session directory.

use bytes::BytesMut;

use super::super::access;
use super::super::read::Reader;
use super::{NAME, Place};
use crate::base::{Acl, Code, Perms, SessionId, Stat};
use crate::wire::{Request, jute};

/// A znode of the directory that the asker may read.
struct Shown {
    /// Its data, unless they are those of a value.
    text: Option<String>,
    stat: Stat,
}

impl Reader<'_> {
    /// Appends the body of the answer to a read that is about this place.
    pub(in crate::engine) fn answer_about(
        &self,
        place: Place<'_>,
        request: &Request,
        out: &mut BytesMut,
    ) -> Result<(), Code> {
        match request {
            Request::Exists { path, .. } => {
                if path.contains('\0') {
                    return Err(Code::BadArguments);
                }
                jute::put_stat(out, &self.shown(place)?.stat);
            }
            Request::GetData { .. } => self.put_data_of(place, out)?,
            Request::GetChildren { .. } => self.put_children_of(place, out)?,
            Request::GetChildren2 { .. } => {
                let shown = self.shown(place)?;
                self.put_children_of(place, out)?;
                jute::put_stat(out, &shown.stat);
            }
            Request::GetAcl { .. } => self.put_acl_of(place, out)?,
            Request::GetAllChildrenNumber { .. } => {
                self.expect(place)?;
                jute::put_length(out, self.engine.directory_descendants(place));
            }
            _ => return Err(Code::Unimplemented),
        }
        Ok(())
    }

    /// Appends data and Stat.
    pub(in crate::engine) fn put_data_of(
        &self,
        place: Place<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Code> {
        let Shown { text, stat } = self.shown(place)?;
        match place {
            Place::Value(id, name) => {
                let value = self.engine.value(id, name).ok_or(Code::NoNode)?;
                jute::put_buffer(out, value.data.as_deref());
            }
            _ => jute::put_buffer(out, Some(text.unwrap_or_default().as_bytes())),
        }
        jute::put_stat(out, &stat);
        Ok(())
    }

    /// Appends the list of what is below.
    pub(in crate::engine) fn put_children_of(
        &self,
        place: Place<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Code> {
        let stat = self.expect(place)?;
        let engine = self.engine;
        jute::put_length(out, stat.num_children as usize);
        match place {
            Place::Top => {
                jute::put_string(out, "ended");
                self.put_ids(engine.registry.iter().map(|(id, _)| id), out)?;
            }
            Place::AllEnded => self.put_ids(engine.ended_ids().into_iter(), out)?,
            Place::Session(_) if stat.num_children > 0 => jute::put_string(out, "data"),
            Place::Data(id) => {
                let registered = engine.registry.get(id).ok_or(Code::NoNode)?;
                for (name, _) in registered.data.iter().flat_map(|data| data.iter()) {
                    jute::put_string(out, name);
                    self.within_ceiling(out)?;
                }
            }
            Place::Session(_) | Place::Value(..) | Place::Ended(_) | Place::Nowhere => {}
        }
        Ok(())
    }

    /// Appends the name of the directory to the list of the znode above it.
    pub(in crate::engine) fn put_directory_name(out: &mut BytesMut) {
        jute::put_string(out, NAME);
    }

    fn put_ids(
        &self,
        ids: impl Iterator<Item = SessionId>,
        out: &mut BytesMut,
    ) -> Result<(), Code> {
        for id in ids {
            jute::put_string(out, hex(id, &mut [0; 18]));
            self.within_ceiling(out)?;
        }
        Ok(())
    }

    /// READ shows the list, without what is behind the names of digests. The owner of a value is shown
    /// all of it, and so is whoever has ADMIN there.
    fn put_acl_of(&self, place: Place<'_>, out: &mut BytesMut) -> Result<(), Code> {
        // As for any znode: READ or ADMIN shows the list.
        let shown = self.shown_to(Perms(Perms::READ.0 | Perms::ADMIN.0), place)?;
        let acl = self.acl_of(place);
        let is_shown_all = place.is_value_of(self.session) || self.may(acl, Perms::ADMIN);
        if is_shown_all {
            jute::put_acl(out, acl);
        } else {
            jute::put_acl(out, &access::masked(acl));
        }
        jute::put_stat(out, &shown.stat);
        Ok(())
    }

    /// What there is at a place, if the asker may read it.
    fn shown(&self, place: Place<'_>) -> Result<Shown, Code> {
        self.shown_to(Perms::READ, place)
    }

    /// The same for whoever has one of these permissions.
    fn shown_to(&self, perms: Perms, place: Place<'_>) -> Result<Shown, Code> {
        let stat = self.expect_for(perms, place)?;
        let engine = self.engine;
        let text = match place {
            Place::Session(id) => engine.registry.get(id).map(|registered| {
                self.texts.living(id, registered, engine.ephemerals.holding(id).count)
            }),
            Place::Ended(id) => engine.registry.ended().get(id).map(|it| self.texts.ended(it)),
            _ => None,
        };
        let data_length = text.as_ref().map_or(stat.data_length, |text| text.len() as i32);
        Ok(Shown { text, stat: Stat { data_length, ..stat } })
    }

    /// The Stat of what there is at a place, without the length of a text, if the asker may read it.
    fn expect(&self, place: Place<'_>) -> Result<Stat, Code> {
        self.expect_for(Perms::READ, place)
    }

    fn expect_for(&self, perms: Perms, place: Place<'_>) -> Result<Stat, Code> {
        let stat = self.engine.directory_stat(place).ok_or(Code::NoNode)?;
        let allowed = place.is_value_of(self.session) || self.may(self.acl_of(place), perms);
        if allowed { Ok(stat) } else { Err(Code::NoAuth) }
    }

    /// Who may read a place: its own list where it is a value, else that of the directory.
    fn acl_of(&self, place: Place<'_>) -> &std::sync::Arc<[Acl]> {
        let value = match place {
            Place::Value(id, name) => self.engine.value(id, name),
            _ => None,
        };
        value.map_or(self.texts.acl(), |value| &value.acl)
    }

    fn may(&self, acl: &std::sync::Arc<[Acl]>, perms: Perms) -> bool {
        self.judged.allows(self.engine, acl, perms, self.identities)
    }
}

/// An id as it is printed, without an allocation: a list may have a hundred thousand.
fn hex(id: SessionId, room: &mut [u8; 18]) -> &str {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut rest = id.0 as u64;
    let mut at = room.len();
    loop {
        at -= 1;
        room[at] = DIGITS[(rest & 15) as usize];
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    at -= 2;
    room[at..at + 2].copy_from_slice(b"0x");
    std::str::from_utf8(&room[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_listed_as_they_are_printed() {
        for id in [1, 0xff, 0x0100_0000_0000_0001, i64::MAX, i64::MIN, -1] {
            let id = SessionId(id);
            assert_eq!(hex(id, &mut [0; 18]), id.to_string());
        }
    }
}
