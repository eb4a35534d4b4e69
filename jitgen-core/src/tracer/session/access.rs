//! Loads and stores, as a session has them: from the log, or performed and recorded.
//!
//! ```text
//! begin_load    replay: the word, from the log       record, direct: none, so the caller loads it
//! end_load      what it has loaded: the operand
//! ```
//!
//! Not here: memory itself (`macro_support`, which calls both halves around its access).

use super::Session;
use crate::ir::{Const, Ty};
use crate::tracer::{Address, Opnd, Replayed, Word};

impl Session {
    /// A load begins: its result, if the log has it.
    pub fn begin_load(&mut self, address: Address, ty: Ty) -> Option<Word> {
        match self.replay.pop_front()? {
            Replayed::Load(word) => {
                let (had, now) = (word.now.ty, Const::new(ty, word.now.bits));
                assert_eq!(had.size(), ty.size(), "replay is out of step: a load of another size");
                // The log does not say what may be taken for constant, but its address does.
                let frozen = address.frozen && ty == Ty::Ptr && word.opnd.is_const();
                let opnd = if frozen { Opnd::Frozen } else { self.part(word.opnd, 0, now) };
                if let (Opnd::Ssa(from), Opnd::Ssa(to)) = (word.opnd, opnd) {
                    self.retyped.insert(to, (from, had));
                }
                Some(Word { now, opnd })
            }
            other => panic!("replay is out of step: a load met {other:?}"),
        }
    }

    /// A load has given `now`: its operand.
    pub fn end_load(&mut self, address: Address, now: Const) -> Opnd {
        self.flush();
        let opnd = self.emit(|r| {
            if address.frozen {
                r.log_known(Word { now, opnd: Opnd::Const });
                let pointer = now.ty == Ty::Ptr;
                return if pointer { Opnd::Frozen } else { Opnd::Const };
            }
            match r.known(address) {
                Some(word) if word.now == now => {
                    r.log_known(word);
                    word.opnd
                }
                _ => r.load(address, now),
            }
        });
        self.resolve(opnd, now)
    }

    /// What the next thing is that replay takes from the log.
    pub fn next_replayed(&self) -> Option<&Replayed> {
        self.replay.front()
    }

    /// Like [`end_load`](Self::end_load), of a word that no log has: in replay nobody asks for it.
    pub fn end_peek(&mut self, address: Address, now: Const) -> Opnd {
        self.flush();
        let opnd = self.emit(|r| r.peek(address, now));
        self.resolve(opnd, now)
    }

    /// Memory at `address` holds `word` in all that follows, until it is written.
    pub fn learn(&mut self, address: Address, word: Word) {
        if let Some(recording) = &mut self.recording {
            recording.recorder.learn(address, word);
        }
    }

    /// A store begins: is it to be performed?
    pub fn begin_store(&mut self) -> bool {
        match self.replay.pop_front() {
            None => true,
            Some(Replayed::Store) => false,
            Some(other) => panic!("replay is out of step: a store met {other:?}"),
        }
    }

    /// A store of a value that consists of these words has been performed.
    pub fn end_store(&mut self, words: &[(Address, Word)]) {
        self.flush();
        self.emit(|r| {
            for (index, (address, word)) in words.iter().enumerate() {
                r.store(*address, *word, index == 0);
            }
            if words.is_empty() {
                r.log_nothing_stored();
            }
            Opnd::Const
        });
    }
}
