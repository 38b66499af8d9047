//! The items of an image that are about sessions: those that exist, and how others ended.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{ENDED, Item, Missing, Rest, SESSION, put_bytes, put_entries, put_length};
use crate::base::{Identity, Millis, Password, SessionId, WallMillis, Zxid};
use crate::session::data::Value;
use crate::session::window::Kept;
use crate::session::{Cause, Ended, Registered, SessionData, Window};

const WINDOW: u8 = 1;
const DATA: u8 = 2;

pub(in crate::engine) fn put_session(out: &mut Vec<u8>, id: SessionId, registered: &Registered) {
    out.push(SESSION);
    out.extend_from_slice(&id.0.to_le_bytes());
    out.extend_from_slice(&registered.timeout.0.to_le_bytes());
    out.extend_from_slice(&registered.password.0);
    out.extend_from_slice(&registered.since.0.to_le_bytes());
    out.extend_from_slice(&registered.begun.0.to_le_bytes());
    put_length(out, registered.identities.len());
    for identity in registered.identities.iter() {
        put_bytes(out, identity.scheme.as_bytes());
        put_bytes(out, identity.id.as_bytes());
    }
    let has_window = if registered.window.is_some() { WINDOW } else { 0 };
    let has_data = if registered.data.is_some() { DATA } else { 0 };
    out.push(has_window | has_data);
    if let Some(window) = &registered.window {
        put_window(out, window);
    }
    if let Some(data) = &registered.data {
        put_data(out, data);
    }
}

fn put_window(out: &mut Vec<u8>, window: &Window) {
    out.extend_from_slice(&window.highest().to_le_bytes());
    put_length(out, window.iter().len());
    for kept in window.iter() {
        out.extend_from_slice(&kept.number.to_le_bytes());
        out.extend_from_slice(&kept.op.to_le_bytes());
        out.extend_from_slice(&kept.zxid.0.to_le_bytes());
        out.extend_from_slice(&kept.code.to_le_bytes());
        put_bytes(out, &kept.body);
    }
}

fn put_data(out: &mut Vec<u8>, data: &SessionData) {
    let (changes, changed) = data.changes();
    out.extend_from_slice(&changes.to_le_bytes());
    out.extend_from_slice(&changed.0.to_le_bytes());
    put_length(out, data.len());
    for (name, value) in data.iter() {
        put_bytes(out, name.as_bytes());
        for long in [value.czxid.0, value.mzxid.0, value.ctime.0, value.mtime.0] {
            out.extend_from_slice(&long.to_le_bytes());
        }
        out.extend_from_slice(&value.version.to_le_bytes());
        put_entries(out, &value.acl);
        out.push(u8::from(value.data.is_some()));
        if let Some(data) = &value.data {
            put_bytes(out, data);
        }
    }
}

pub(in crate::engine) fn put_ended(out: &mut Vec<u8>, ended: &Ended) {
    out.push(ENDED);
    out.extend_from_slice(&ended.id.0.to_le_bytes());
    let (cause, detail, late) = match ended.cause {
        Cause::Closed => (0, 0, 0),
        Cause::Expired { silence, late } => (1, i64::from(silence.0), late.0),
        Cause::Administrator => (2, 0, 0),
        Cause::Crashed { after } => (3, i64::from(after.0), 0),
        Cause::HandedOver { to } => (4, to.0, 0),
        Cause::Fenced { by } => (5, by.0, 0),
    };
    out.push(cause);
    out.extend_from_slice(&detail.to_le_bytes());
    out.extend_from_slice(&late.to_le_bytes());
    for long in [ended.zxid.0, ended.at.0, ended.since.0] {
        out.extend_from_slice(&long.to_le_bytes());
    }
    out.extend_from_slice(&ended.timeout.0.to_le_bytes());
    out.extend_from_slice(&ended.ephemerals.to_le_bytes());
}

impl<'a> Rest<'a> {
    /// A session as images of version 1 have it.
    pub(super) fn session_of_version_1(&mut self) -> Result<Item<'a>, Missing> {
        let id = SessionId(self.long()?);
        let timeout = Millis(self.int()? as u32);
        Ok(Item::Session(id, Registered::new(timeout, Password(self.array()?))))
    }

    pub(super) fn session(&mut self) -> Result<Item<'a>, Missing> {
        let id = SessionId(self.long()?);
        let timeout = Millis(self.int()? as u32);
        let mut registered = Registered::new(timeout, Password(self.array()?));
        registered.since = WallMillis(self.long()?);
        registered.begun = Zxid(self.long()?);
        let mut identities = Vec::new();
        for _ in 0..self.int()? as u32 {
            let (scheme, id) = (self.text()?, self.text()?);
            identities.push(Identity::new(scheme, id));
        }
        registered.identities = identities.into();
        let flags = self.byte()?;
        if flags & !(WINDOW | DATA) != 0 {
            return Err(Missing::Malformed);
        }
        if flags & WINDOW != 0 {
            registered.window = Some(self.window()?.into());
        }
        if flags & DATA != 0 {
            registered.data = Some(self.session_data()?.into());
        }
        Ok(Item::Session(id, registered))
    }

    fn window(&mut self) -> Result<Window, Missing> {
        let highest = self.long()?;
        let mut window = Vec::new();
        for _ in 0..self.int()? as u32 {
            window.push(Kept {
                number: self.long()?,
                op: self.int()?,
                zxid: Zxid(self.long()?),
                code: self.int()?,
                body: Bytes::copy_from_slice(self.bytes()?),
            });
        }
        Window::restore(highest, window).ok_or(Missing::Malformed)
    }

    fn session_data(&mut self) -> Result<SessionData, Missing> {
        let changes = (self.int()?, Zxid(self.long()?));
        let mut values = BTreeMap::new();
        for _ in 0..self.int()? as u32 {
            let name = self.text()?.to_owned();
            let (czxid, mzxid) = (Zxid(self.long()?), Zxid(self.long()?));
            let (ctime, mtime) = (WallMillis(self.long()?), WallMillis(self.long()?));
            let version = self.int()?;
            let acl = self.acl()?.into();
            let data = match self.byte()? {
                0 => None,
                1 => Some(Bytes::copy_from_slice(self.bytes()?)),
                _ => return Err(Missing::Malformed),
            };
            let value = Value { data, acl, czxid, mzxid, ctime, mtime, version };
            if values.insert(name, value).is_some() {
                return Err(Missing::Malformed);
            }
        }
        Ok(SessionData::restore(values, changes))
    }

    pub(super) fn ended(&mut self) -> Result<Item<'a>, Missing> {
        let id = SessionId(self.long()?);
        let (cause, detail, late) = (self.byte()?, self.long()?, Millis(self.int()? as u32));
        let length = || u32::try_from(detail).map(Millis).map_err(|_| Missing::Malformed);
        let cause = match cause {
            0 => Cause::Closed,
            1 => Cause::Expired { silence: length()?, late },
            2 => Cause::Administrator,
            3 => Cause::Crashed { after: length()? },
            4 => Cause::HandedOver { to: SessionId(detail) },
            5 => Cause::Fenced { by: SessionId(detail) },
            _ => return Err(Missing::Malformed),
        };
        Ok(Item::Ended(Ended {
            id,
            cause,
            zxid: Zxid(self.long()?),
            at: WallMillis(self.long()?),
            since: WallMillis(self.long()?),
            timeout: Millis(self.int()? as u32),
            ephemerals: self.int()? as u32,
        }))
    }
}
