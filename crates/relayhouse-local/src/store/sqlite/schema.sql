-- Every row has a checksum over its columns (seal, crc): one that changed by itself is noticed.

-- What this file is, and which moment of the machine is which tick.
CREATE TABLE file (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  identity BLOB NOT NULL,
  kind INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  boot BLOB,
  boot_tick INTEGER NOT NULL,
  seal INTEGER NOT NULL
);

-- The queue or the topic itself (0), and the subscriptions: settings and counts. The row 0 has
-- what counts for the whole file as well: it changes with nearly every group.
CREATE TABLE lane (
  number INTEGER PRIMARY KEY,
  subscription TEXT UNIQUE,
  settings TEXT NOT NULL,
  messages INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  leased INTEGER NOT NULL,
  delayed INTEGER NOT NULL,
  dead_messages INTEGER NOT NULL,
  dead_bytes INTEGER NOT NULL,
  dead_leased INTEGER NOT NULL,
  dead_delayed INTEGER NOT NULL,
  dedups INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  tick INTEGER NOT NULL,
  seal INTEGER NOT NULL
);

-- What was sent, written once.
CREATE TABLE message (
  sequence INTEGER PRIMARY KEY,
  name BLOB NOT NULL,
  enqueued INTEGER NOT NULL,
  details BLOB,
  body BLOB NOT NULL,
  crc INTEGER NOT NULL
);

-- Where each message stands, in each queue that has it: id = sequence * 4096 + number of the lane,
-- lane = number * 2, and one more for the dead letters.
CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  place INTEGER NOT NULL,
  key TEXT,
  due INTEGER,
  expires INTEGER,
  attempt INTEGER NOT NULL,
  previous INTEGER NOT NULL,
  token INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  seal INTEGER NOT NULL
);
CREATE INDEX entry_ready ON entry (lane, rank, place) WHERE state = 0;
CREATE INDEX entry_key ON entry (lane, key, place) WHERE key IS NOT NULL;
CREATE INDEX entry_locked ON entry (lane, key) WHERE key IS NOT NULL AND state = 1;
CREATE INDEX entry_due ON entry (due) WHERE due IS NOT NULL;
CREATE INDEX entry_expires ON entry (expires) WHERE expires IS NOT NULL AND state <> 1;
CREATE INDEX entry_parked ON entry (lane, place) WHERE state = 5;
CREATE INDEX entry_dead ON entry (lane) WHERE lane % 2 = 1;

-- Why a message is a dead letter.
CREATE TABLE envelope (
  id INTEGER PRIMARY KEY,
  data BLOB NOT NULL
);

-- The dedup ids that are known, each until its window is over.
CREATE TABLE dedup (
  id TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL,
  until INTEGER NOT NULL,
  seal INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX dedup_until ON dedup (until);

-- Who holds which session, and the value kept with it.
CREATE TABLE session (
  lane INTEGER NOT NULL,
  key TEXT NOT NULL,
  holder INTEGER NOT NULL,
  until INTEGER NOT NULL,
  offered INTEGER,
  state BLOB,
  seal INTEGER NOT NULL,
  PRIMARY KEY (lane, key)
) WITHOUT ROWID;
CREATE INDEX session_offered ON session (lane, offered) WHERE offered IS NOT NULL;
CREATE INDEX session_until ON session (until) WHERE holder <> 0;

-- Messages that a transaction has settled for here, and that belong into another file.
CREATE TABLE note (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  file TEXT NOT NULL,
  messages BLOB NOT NULL,
  crc INTEGER NOT NULL
);

-- The notes of other files that were taken in.
CREATE TABLE taken (
  identity BLOB NOT NULL,
  number INTEGER NOT NULL,
  sequences TEXT NOT NULL,
  PRIMARY KEY (identity, number)
) WITHOUT ROWID;
