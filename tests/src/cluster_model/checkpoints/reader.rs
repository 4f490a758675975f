//! A reader pins the newest manifest, and reads its pages at its leisure.

use super::{CheckpointsModel, Choice, Event, Guard, Manifest, Packer, State, Steps};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reader {
    pub(super) phase: ReaderPhase,
    pub(super) number: u8,
    pub(super) manifest: Manifest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ReaderPhase {
    #[default]
    Idle,
    HasChosen,
    HasPinned,
    /// Has pinned, and has seen that it was not too late.
    Reads,
}

impl Choice for ReaderPhase {
    const ALL: &'static [Self] = &[Self::Idle, Self::HasChosen, Self::HasPinned, Self::Reads];
}

impl Reader {
    pub(super) fn fields(&mut self, packer: &mut Packer) {
        packer.choice(&mut self.phase);
        packer.number(&mut self.number, 3);
        self.manifest.fields(packer);
    }
}

impl CheckpointsModel {
    pub(super) fn reader_steps(self, state: &State, steps: &mut Steps<State>) {
        let reader = state.reader;
        let number = reader.number;
        let mut becomes = |does, number, reader| {
            steps.to(Event::at("reader", 0, does, number), State { reader, ..*state });
        };
        match reader.phase {
            ReaderPhase::Idle => {
                let number = state.newest();
                let manifest = state.manifest(number).unwrap_or_default();
                let phase = ReaderPhase::HasChosen;
                becomes("chooses manifest", number, Reader { phase, number, manifest });
            }
            ReaderPhase::HasChosen => {
                let phase = ReaderPhase::HasPinned;
                becomes("pins manifest", number, Reader { phase, ..reader });
            }
            ReaderPhase::HasPinned
                if state.newest() > number && self.rules.has(Guard::PinThenLook) =>
            {
                becomes("is too late for manifest", number, Reader::default());
            }
            ReaderPhase::HasPinned => {
                let phase = ReaderPhase::Reads;
                becomes(
                    "sees that in time is its pin of manifest",
                    number,
                    Reader { phase, ..reader },
                );
            }
            ReaderPhase::Reads => {
                becomes("lets go of manifest", number, Reader::default());
                let missing = reader.manifest.pages() & !state.pages;
                if missing != 0 {
                    let event = Event::at("reader", 0, "reads the pages of manifest", number);
                    steps.wrong(event, "a pin did not hold what it was on");
                }
            }
        }
    }
}
