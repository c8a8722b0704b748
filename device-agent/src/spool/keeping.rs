//! What the store is told of the spool.

use super::{Spool, Waiting, key};
use crate::store::kept::{Sending, encode, encode_report};
use crate::store::{Kept, Key, Kind};

/// Names the note that reports may have been sent.
pub(crate) const SENDING: Key = Key::new(Kind::Sending, 0, 0);

impl<T: Copy + PartialEq> Spool<T> {
    pub(super) fn note_sending(&mut self, sending: Sending) {
        if self.sending.is_none_or(|(_, noted)| noted != sending) {
            self.renew_sending(sending);
        }
    }

    pub(super) fn renew_sending(&mut self, sending: Sending) {
        if self.ledger.is_kept() {
            let serial = self.ledger.put(SENDING, || encode(&sending));
            self.sending = Some((serial, sending));
        }
    }

    /// Everything that is to be kept of this spool.
    pub fn for_each_kept(&self, visit: &mut dyn FnMut(&Kept<'_>)) {
        let reports = self.under_way.iter().map(|(.., waiting)| waiting).chain(&self.waiting);
        for waiting in reports {
            let encode = || encode_report(waiting.run, waiting.history, &waiting.report);
            visit(&Kept { key: key(&waiting.report), serial: waiting.serial, encode: &encode });
        }
        if let Some((serial, sending)) = self.sending {
            visit(&Kept { key: SENDING, serial, encode: &|| encode(&sending) });
        }
    }

    /// Serial number of the note that there is a connection, while there is one.
    #[must_use]
    pub fn sending_since(&self) -> Option<u64> {
        self.sending.filter(|(_, sending)| *sending == Sending::Goes).map(|(serial, _)| serial)
    }

    /// The oldest window that waits or is under way: its run, and its number there.
    #[must_use]
    pub fn oldest_window(&self) -> Option<(u64, u64)> {
        let reports = self.under_way.iter().map(|(.., waiting)| waiting).chain(self.waiting.front());
        let window = |it: &Waiting| (it.run, it.report.seq.saturating_sub(u64::from(it.report.merged)) + 1);
        reports.map(window).min()
    }
}
