//! What changes the set of segments. Every change is one new segment that gets its name; only then
//! is removed what it makes needless, so that a crash anywhere in between leaves the log as it was or
//! as it becomes.

use super::mark::{MARK, encode_mark, write_all};
use super::room::sync_names;
use super::scan::Found;
use super::segment::{Segment, SegmentHead};
use super::segmented::{Proven, SegmentLog, State};
use super::store::{Failed, LogId};

impl SegmentLog {
    /// Goes on in a new segment with room for `need` bytes. Where the disk is full, it goes on in
    /// the old one.
    pub(super) fn roll(
        &self,
        proven: &mut Proven,
        state: &mut State,
        need: u64,
    ) -> Result<(), Failed> {
        let head = self.head_behind(state, state.last, false);
        let room = self.segment_room(&head, need);
        if !self.may_have(room) {
            return Ok(());
        }
        // The new segment says that everything before it is durable.
        self.sync(&*state.active().file, &state.active().name)?;
        self.advance(proven, state.mark())?;
        let Some(segment) = self.new_segment(head, room)? else { return Ok(()) };
        let sealed = state.active().clone();
        if sealed.name == segment.name {
            state.segments.pop();
        }
        let replaced = sealed.name == segment.name;
        self.take(proven, state, segment, room)?;
        if replaced { Ok(()) } else { self.trim(&sealed) }
    }

    /// Gives back the room that a segment does not need any more.
    fn trim(&self, sealed: &Segment) -> Result<(), Failed> {
        let trimmed = sealed.file.set_len(sealed.end);
        trimmed.map_err(|error| self.fail("cutting", &sealed.name, &error))
    }

    /// Forgets the entries behind `last`.
    pub(super) fn cut_behind(&self, last: u64) -> Result<(), Failed> {
        let _removing = self.removing.lock();
        let mut proven = self.syncing.lock();
        let mut state = self.settled();
        if last >= state.last.index {
            return Ok(());
        }
        let (before, end) = self.locate(&state, last)?;
        self.sync(&*state.active().file, &state.active().name)?;
        self.advance(&mut proven, state.mark())?;
        let head = self.head_behind(&state, before, false);
        let (segment, room) = self.needed_segment(head)?;
        let kept = state.segments.partition_point(|segment| segment.head.first() <= last);
        let gone = state.segments.split_off(kept);
        let cut = state.segments.last_mut().map(|cut| {
            cut.end_behind(last, end);
            cut.clone()
        });
        state.last = before;
        let name = segment.name.clone();
        self.take(&mut proven, &mut state, segment, room)?;
        if let Some(cut) = cut {
            // Nothing but the new segment says that these entries are forgotten, so no repair must
            // come upon them if that is lost.
            self.trim(&cut)?;
            self.sync(&*cut.file, &cut.name)?;
        }
        self.remove(gone.iter().filter(|segment| segment.name != name))
    }

    /// Forgets everything and goes on behind `last`.
    pub(super) fn begin_behind(&self, last: LogId) -> Result<(), Failed> {
        let _removing = self.removing.lock();
        let mut proven = self.syncing.lock();
        let mut state = self.settled();
        let head = self.head_behind(&state, last, true);
        let (segment, room) = self.needed_segment(head)?;
        let gone = std::mem::take(&mut state.segments);
        state.last = last;
        let name = segment.name.clone();
        self.take(&mut proven, &mut state, segment, room)?;
        self.remove(gone.iter().filter(|segment| segment.name != name))
    }

    /// Removes the segments that hold nothing behind `upto`.
    pub(super) fn let_go(&self, upto: u64) -> Result<(), Failed> {
        let _removing = self.removing.lock();
        let (gone, mark) = {
            let mut proven = self.syncing.lock();
            let mut state = self.state.lock();
            let count = (state.segments.windows(2))
                .take_while(|pair| pair[1].head.before.index <= upto)
                .count();
            if count == 0 {
                return Ok(());
            }
            let gone: Vec<Segment> = state.segments.drain(..count).collect();
            proven.mark.first = state.segments[0].head.first();
            write_all(&*proven.file, &encode_mark(&self.identity, &proven.mark), 0)
                .map_err(|error| self.fail("write", MARK, &error))?;
            (gone, proven.file.clone())
        };
        // A first segment that is missing without the mark saying so is damage.
        mark.sync().map_err(|error| self.fail("sync", MARK, &error))?;
        self.remove(gone.iter())
    }

    /// The head of a segment that goes on behind an entry.
    fn head_behind(&self, state: &State, before: LogId, begins: bool) -> SegmentHead {
        // Where the new segment takes the name of one that begins the log, it begins the log too.
        let replaces_begin = state
            .segments
            .iter()
            .any(|segment| segment.head.begins && segment.head.first() == before.index + 1);
        SegmentHead {
            serial: state.serial + 1,
            before,
            begins: begins || replaces_begin,
            note: state.note.clone(),
        }
    }

    /// A new segment that has to be: without room, if there is none.
    fn needed_segment(&self, head: SegmentHead) -> Result<(Segment, u64), Failed> {
        let name = super::segment::segment_name(head.first());
        for room in [self.segment_room(&head, 0), head.space()] {
            if let Some(segment) = self.new_segment(head.clone(), room)? {
                return Ok((segment, room));
            }
        }
        Err(self.fail("creation", &name, &"the disk is full"))
    }

    /// Goes on in a segment that has its name.
    fn take(
        &self,
        proven: &mut Proven,
        state: &mut State,
        segment: Segment,
        room: u64,
    ) -> Result<(), Failed> {
        state.serial = segment.head.serial;
        state.allocated = room;
        state.segments.push(segment);
        self.advance(proven, state.mark())
    }

    /// The entry with an index, which is there or is the one before the first, and where the next
    /// record stands.
    fn locate(&self, state: &State, index: u64) -> Result<(LogId, u64), Failed> {
        let before = state.purged();
        if index == before.index {
            return Ok((before, 0));
        }
        let count = state.segments.partition_point(|segment| segment.head.first() <= index);
        let name = state.segments[0].name.clone();
        let Some(segment) = count.checked_sub(1).map(|number| &state.segments[number]) else {
            return Err(self.fail("truncation", &name, &"what should stay was purged"));
        };
        let range = segment.near(index)..segment.end;
        let mut scan = segment.scan(&self.identity, self.options.faults, range);
        loop {
            match scan.next() {
                Ok(Found::Record(record)) if record.head.id.index == index => {
                    return Ok((record.head.id, scan.at()));
                }
                Ok(Found::Record(_)) => {}
                Ok(Found::Nothing) => {
                    return Err(self.fail("read", &segment.name, &"an entry is missing"));
                }
                Ok(Found::Bad(found)) => return Err(self.fail("read", &segment.name, &found)),
                Err(error) => return Err(self.fail("read", &segment.name, &error)),
            }
        }
    }

    /// Removes segments' files, durably.
    fn remove<'a>(&self, gone: impl Iterator<Item = &'a Segment>) -> Result<(), Failed> {
        let mut any = false;
        for segment in gone {
            let removed = self.disk.remove(&segment.name);
            removed.map_err(|error| self.fail("removal", &segment.name, &error))?;
            any = true;
        }
        if any {
            let synced = sync_names(&*self.disk, self.options.faults);
            synced.map_err(|error| self.fail("sync", "", &error))?;
        }
        Ok(())
    }
}
