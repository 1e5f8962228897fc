//! What a record remembers of the types that were decoded from it, so that names are compared
//! once for each type and not for each value.
//!
//! The first value of a type is taken by names. If that goes well, the next ones are taken by
//! number or in order, first on trial: a type whose fields have several names, or which does not
//! take values so, is found out and taken by names from then on.

use std::{
    any::type_name,
    ops::Range,
    sync::{
        OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use super::plan::{Action, Node, Record, Step};

/// How many types one record remembers; more than these are always taken by names.
const TYPES_MAX: usize = 2;

const ON_TRIAL: u8 = 0;
const PROVED: u8 = 1;
/// As proved, and in order: what is looked for most often.
const PROVED_IN_ORDER: u8 = 2;
const REFUTED: u8 = 3;

/// The types that a record remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    places: [OnceLock<Learned>; TYPES_MAX],
}

/// Names a type by the addresses of its static table of fields and of its name. They are compared
/// and nothing else: a type with two addresses is remembered twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    fields: usize,
    field_count: usize,
    pub(super) visitor: usize,
}

/// What is remembered of one type.
#[derive(Debug)]
pub(super) struct Learned {
    key: Key,
    way: Way,
    moves: Vec<Move>,
    state: AtomicU8,
}

/// How values of a type are given their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With their names.
    Names,
    /// With their numbers in the table of the type.
    Numbers,
    /// In the order of that table.
    Order,
}

/// A step of a record, as one type takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) what: Take,
    /// The place of the step in the record.
    pub(super) step: u32,
    /// The number of the field in the table of the type.
    pub(super) number: u32,
}

/// What a type takes in one step. It is as small as a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Value(Node),
    /// The reader's default.
    Default(u32),
    /// What is written is passed over.
    Nothing,
}

const _: () = assert!(size_of::<Take>() == size_of::<Node>());

impl From<Action> for Take {
    fn from(action: Action) -> Self {
        match action {
            Action::Take(node) | Action::Null(node) => Self::Value(node),
            Action::Skip(_) => Self::Nothing,
            Action::Constant(constant) => Self::Default(constant),
        }
    }
}

impl Key {
    #[inline]
    pub(super) fn of<V>(fields: &'static [&'static str]) -> Self {
        Self::new(fields, type_name::<V>().as_ptr().addr())
    }

    /// Makes the key again. The name of a type is at several places, if it is compiled into
    /// several: whoever asks for it once more may get another address.
    #[inline]
    pub(super) fn new(fields: &'static [&'static str], visitor: usize) -> Self {
        Self {
            fields: fields.as_ptr().addr(),
            field_count: fields.len(),
            visitor,
        }
    }
}

impl Memory {
    #[inline]
    pub(super) fn find(&self, key: Key) -> Option<(usize, &Learned)> {
        for (place, learned) in self.places.iter().enumerate() {
            let learned = learned.get()?;
            if learned.key == key {
                return Some((place, learned));
            }
        }
        None
    }

    /// Returns the moves of a type that is proved to take its fields in order.
    #[inline]
    pub(super) fn proved_order(&self, key: Key) -> Option<&[Move]> {
        for learned in &self.places {
            let learned = learned.get()?;
            if learned.key == key {
                let is_it = learned.state.load(Ordering::Relaxed) == PROVED_IN_ORDER;
                return is_it.then_some(&*learned.moves);
            }
        }
        None
    }

    /// Returns whether one more type can be remembered.
    pub(super) fn has_room(&self) -> bool {
        self.places.iter().any(|place| place.get().is_none())
    }

    /// Remembers a type, if there is room.
    #[cold]
    pub(super) fn learn(&self, mut learned: Learned) {
        for place in &self.places {
            let key = learned.key;
            match place.set(learned) {
                Ok(()) => return,
                Err(back) => learned = back,
            }
            // Another thread may have been faster.
            if place.get().is_some_and(|known| known.key == key) {
                return;
            }
        }
    }

    /// Lets a type be taken by names from now on.
    pub(super) fn refute(&self, place: usize) {
        if let Some(learned) = self.places[place].get() {
            learned.state.store(REFUTED, Ordering::Relaxed);
        }
    }
}

impl Learned {
    /// Works out how a type with this table of fields, which has taken a value of `record` by
    /// names, can be given the next one.
    ///
    /// Fields of the record that the table does not name have been ignored, so they are skipped.
    /// Names that the record does not have may be second names of fields: the numbers are not
    /// sure then.
    pub(super) fn new(key: Key, fields: &'static [&'static str], record: &Record) -> Self {
        let of_record = fields.iter().map(|field| {
            let is_it = |step: &Step| !step.is_skipped() && *step.name == **field;
            record.steps.iter().position(is_it)
        });
        let (way, moves) = match of_record.collect::<Option<Vec<_>>>() {
            Some(steps) => match in_order(&steps, &record.steps) {
                Some(moves) => (Way::Order, moves),
                None => (Way::Numbers, numbered(&steps, &record.steps)),
            },
            None => (Way::Names, Vec::new()),
        };
        Self {
            key,
            way,
            moves,
            state: AtomicU8::new(ON_TRIAL),
        }
    }

    /// Returns how the type is given its fields, and whether that is proved.
    #[inline]
    pub(super) fn way(&self) -> (Way, bool) {
        match self.state.load(Ordering::Relaxed) {
            PROVED | PROVED_IN_ORDER => (self.way, true),
            ON_TRIAL => (self.way, false),
            _ => (Way::Names, true),
        }
    }

    #[inline]
    pub(super) fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Ends the trial well, unless it has ended badly elsewhere.
    pub(super) fn prove(&self) {
        let to = match self.way {
            Way::Order => PROVED_IN_ORDER,
            Way::Numbers | Way::Names => PROVED,
        };
        let (from, order) = (ON_TRIAL, Ordering::Relaxed);
        // Whatever else it is, it is no longer on trial.
        let _ = self.state.compare_exchange(from, to, order, order);
    }
}

/// Makes the moves of a type that takes its fields in order. `taken` has the place of each among
/// the steps. There are no such moves if the fields are written in another order.
pub(super) fn in_order(taken: &[usize], steps: &[Step]) -> Option<Vec<Move>> {
    let mut moves = Vec::with_capacity(steps.len());
    let mut next = 0;
    for (number, &step) in taken.iter().enumerate() {
        let action = steps[step].action;
        if steps[step].is_written() {
            if step < next {
                return None;
            }
            skip(steps, next..step, &mut moves);
            next = step + 1;
        }
        moves.push(Move::new(action.into(), step, number));
    }
    skip(steps, next..steps.len(), &mut moves);
    Some(moves)
}

/// Makes the moves of a type that is given the numbers of its fields.
fn numbered(taken: &[usize], steps: &[Step]) -> Vec<Move> {
    let mut moves = Vec::with_capacity(steps.len());
    for (step, Step { action, .. }) in steps.iter().enumerate() {
        match taken.iter().position(|&taken| taken == step) {
            Some(number) => moves.push(Move::new((*action).into(), step, number)),
            None => skip(steps, step..step + 1, &mut moves),
        }
    }
    moves
}

/// Skips what is written for some of the steps.
fn skip(steps: &[Step], range: Range<usize>, moves: &mut Vec<Move>) {
    for step in range {
        if steps[step].is_written() {
            moves.push(Move::new(Take::Nothing, step, 0));
        }
    }
}

impl Move {
    fn new(what: Take, step: usize, number: usize) -> Self {
        // Both count what stands in a schema, whose steps have a bound, and in a type.
        let short = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            what,
            step: short(step),
            number: short(number),
        }
    }
}
