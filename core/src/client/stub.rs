impl super::machine::Machine {
    pub(super) fn is_eager(&self) -> bool {
        false
    }
    pub(super) fn send_registrations(&mut self, _now: crate::base::Moment) {}
    pub(super) fn note_over(&mut self, _id: crate::base::SessionId) {}
}
