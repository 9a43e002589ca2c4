-- The desk that hands out, where it is another one than the one that received; the territory, and the
-- calendar that the clocks follow, so that a changed calendar finds its open dossiers.
ALTER TABLE dossier ADD COLUMN hand_out_desk INTEGER REFERENCES word;
ALTER TABLE dossier ADD COLUMN territory INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dossier ADD COLUMN calendar BLOB NOT NULL DEFAULT x'';
CREATE INDEX dossier_by_hand_out_desk ON dossier (hand_out_desk)
  WHERE hand_out_desk IS NOT NULL;
CREATE INDEX dossier_open_by_calendar ON dossier (territory, calendar) WHERE closed_at IS NULL;

-- What was recorded before this version cannot go on: its clocks follow no calendar.
INSERT OR IGNORE INTO word (text) SELECT 'UNKNOWN' WHERE EXISTS (SELECT 1 FROM dossier);
UPDATE dossier SET quarantined = coalesce(quarantined,
    'recorded before there were calendars; receive it anew'),
  territory = (SELECT word FROM word WHERE text = 'UNKNOWN'), calendar = zeroblob(32);

-- From here on the step of a row that is owed to nobody is its alarm: a word, too.

-- Results that may be used again. Nothing in these two tables is personal, and nothing in them is
-- ever changed.
CREATE TABLE vault (
  number      INTEGER PRIMARY KEY,
  code        TEXT NOT NULL UNIQUE,
  dossier     INTEGER NOT NULL REFERENCES dossier,
  evidence    INTEGER NOT NULL REFERENCES word,
  agency      INTEGER NOT NULL REFERENCES word,
  version     INTEGER NOT NULL,
  valid_until TEXT,
  supersedes  TEXT
) STRICT;
CREATE INDEX vault_superseded ON vault (supersedes) WHERE supersedes IS NOT NULL;

CREATE TABLE vault_use (
  number    INTEGER PRIMARY KEY,
  code      TEXT NOT NULL,
  dossier   INTEGER NOT NULL REFERENCES dossier,
  procedure INTEGER NOT NULL REFERENCES word,
  evidence  INTEGER NOT NULL REFERENCES word,
  at        INTEGER NOT NULL
) STRICT;
CREATE INDEX vault_use_by_code ON vault_use (code);

-- What is personal of it: by which numbers the owner is known, and what was given. Rows of these two
-- can go when the law says so; what was erased is not found any more. The numbers lie plainly: there
-- are few enough of them to try every one against a hash, whose key would lie in this file, too.
CREATE TABLE vault_owner (
  scheme TEXT NOT NULL,
  value  TEXT NOT NULL,
  vault  INTEGER NOT NULL REFERENCES vault,
  PRIMARY KEY (scheme, value, vault)
) STRICT, WITHOUT ROWID;

CREATE TABLE vault_content (
  vault INTEGER PRIMARY KEY REFERENCES vault,
  bytes BLOB NOT NULL
) STRICT;

-- How often an agency wanted to ask the citizen for what is already held.
CREATE TABLE denial (
  agency INTEGER NOT NULL REFERENCES word,
  day    TEXT NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (agency, day)
) STRICT, WITHOUT ROWID;

-- Which numbers were leased: `first` and those before `until`.
CREATE TABLE code_block (
  desk  INTEGER NOT NULL REFERENCES word,
  date  TEXT NOT NULL,
  first INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (desk, date, first)
) STRICT, WITHOUT ROWID;
