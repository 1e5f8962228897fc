-- The keys of the dedup store: those that somebody has claimed, and those that are done, each until
-- its time is over.
CREATE TABLE claim (
  key TEXT PRIMARY KEY,
  owner INTEGER NOT NULL,
  done INTEGER NOT NULL,
  until INTEGER NOT NULL,
  seal INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX claim_until ON claim (until);

-- How many there are: no row while there was none. It stands alone, so that a program that knows
-- the format before, and has the file open, changes nothing that it does not know.
CREATE TABLE claims (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  count INTEGER NOT NULL,
  seal INTEGER NOT NULL
);
