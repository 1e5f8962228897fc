//! What a file is: its identity, its kind, and its lanes as they come and go.

use relayhouse_core::{Error, ErrorKind, SubscriptionName};
use rusqlite::{Connection, params};

use super::{
    MARK_BYTES, SqliteStore,
    entry::{self, LANES_MAX, columns, lane_code},
    fault::{Fault, Result},
    lanes::LaneRow,
    live,
    seal::Seal,
};
use crate::store::{Kind, Lane, Settings};

/// Is the row that says what the file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileRow {
    pub(super) identity: u128,
    pub(super) kind: Kind,
    pub(super) is_deleted: bool,
    /// Which boot of the machine `boot_tick` is of.
    pub(super) boot: Option<[u8; 16]>,
    /// The tick at which the machine was started.
    pub(super) boot_tick: i64,
}

impl FileRow {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut select = connection.prepare_cached(
            "SELECT identity, kind, deleted, boot, boot_tick, seal FROM file WHERE only = 1",
        )?;
        let row = select.query_row([], |row| {
            Ok((
                row.get::<_, [u8; 16]>(0)?,
                row.get::<_, u8>(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get::<_, u32>(5)?,
            ))
        })?;
        let (identity, kind, is_deleted, boot, boot_tick, seal) = row;
        let file = Self {
            identity: u128::from_be_bytes(identity),
            kind: match kind {
                0 => Kind::Undecided,
                1 => Kind::Queue,
                2 => Kind::Topic,
                other => return Err(Fault::damaged(format!("it is of unknown kind {other}"))),
            },
            is_deleted,
            boot,
            boot_tick,
        };
        match file.seal() == seal {
            true => Ok(file),
            false => Err(Fault::damaged("what it is is not what was written")),
        }
    }

    const fn kind_code(&self) -> u8 {
        match self.kind {
            Kind::Undecided => 0,
            Kind::Queue => 1,
            Kind::Topic => 2,
        }
    }

    fn seal(&self) -> u32 {
        Seal::default()
            .bytes(Some(&self.identity.to_be_bytes()))
            .number(i64::from(self.kind_code()))
            .number(i64::from(self.is_deleted))
            .bytes(self.boot.as_ref().map(|boot| &boot[..]))
            .number(self.boot_tick)
            .sum()
    }

    pub(super) fn write(&self, connection: &Connection) -> Result<()> {
        connection.execute(
            "INSERT INTO file VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE \
             SET kind = ?2, deleted = ?3, boot = ?4, boot_tick = ?5, seal = ?6",
            params![
                self.identity.to_be_bytes(),
                self.kind_code(),
                self.is_deleted,
                self.boot,
                self.boot_tick,
                self.seal()
            ],
        )?;
        Ok(())
    }
}

/// Returns what the bell says of a file after its flushed commit number `commits`.
pub(super) fn mark_of(identity: u128, commits: i64) -> [u8; MARK_BYTES] {
    let mut mark = [0; MARK_BYTES];
    mark[..16].copy_from_slice(&identity.to_be_bytes());
    mark[16..24].copy_from_slice(&commits.to_be_bytes());
    let sum = crc32fast::hash(&mark[..24]);
    mark[24..28].copy_from_slice(&sum.to_be_bytes());
    mark
}

/// Returns which file a mark is of, and the number of the flushed commit that it names.
pub(super) fn read_mark(mark: &[u8; MARK_BYTES]) -> Option<(u128, i64)> {
    let identity = u128::from_be_bytes(mark[..16].try_into().ok()?);
    let commits = i64::from_be_bytes(mark[16..24].try_into().ok()?);
    (*mark == mark_of(identity, commits)).then_some((identity, commits))
}

impl SqliteStore {
    pub(super) fn decide_as(&mut self, kind: Kind) -> Result<()> {
        if self.file.kind == kind {
            return Ok(());
        }
        if self.file.kind != Kind::Undecided {
            let what = match self.file.kind {
                Kind::Topic => "it is a topic",
                Kind::Queue | Kind::Undecided => "it is a queue, not a topic",
            };
            return Err(Fault::Failed(Error::new(ErrorKind::QueueConflict, what)));
        }
        self.file.kind = kind;
        self.file.write(&self.connection)
    }

    pub(super) fn create_lane(
        &mut self,
        subscription: Option<&SubscriptionName>,
        settings: &Settings,
    ) -> Result<Lane> {
        if self.lanes.find(None).is_none() {
            let own = LaneRow::new(None, settings.clone())?;
            self.lanes.insert(&self.connection, 0, own)?;
        }
        let Some(name) = subscription else {
            return Ok(live(0));
        };
        self.decide_as(Kind::Topic)?;
        if let Some((number, _)) = self.lanes.find(Some(name)) {
            return Ok(live(number));
        }
        let number = self.lanes.next_number();
        if LANES_MAX <= number {
            return Err(Fault::Failed(Error::new(
                ErrorKind::Full,
                format!("a topic has at most {} subscriptions", LANES_MAX - 1),
            )));
        }
        let lane = LaneRow::new(Some(name.clone()), settings.clone())?;
        self.lanes.insert(&self.connection, number, lane)?;
        Ok(live(number))
    }

    /// Deletes a subscription with all its messages.
    pub(super) fn delete_lane(&mut self, lane: Lane) -> Result<()> {
        self.lane(lane)?;
        for lane in [lane.live(), lane.dead_letters()] {
            let sql = concat!("SELECT ", columns!(), " FROM entry e WHERE e.lane = ?1");
            for entry in entry::all(&self.connection, sql, [lane_code(lane)])? {
                self.discard(&entry)?;
            }
        }
        let code = lane_code(lane.live());
        self.connection
            .execute("DELETE FROM session WHERE lane = ?1", [code])?;
        self.lanes.remove(&self.connection, lane.number)?;
        self.news.deleted = true;
        self.has_freed = true;
        Ok(())
    }
}
