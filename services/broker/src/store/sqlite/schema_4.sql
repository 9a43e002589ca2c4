CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Agencies, steps and procedures, by a number that fits in a narrow index.
CREATE TABLE word (
  word INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- What of a dossier changes seldom, if at all. `hand_out_desk` is the desk that hands out, where it is
-- another one than the one that received. `calendar` is the one that the clocks follow, so that a
-- changed calendar finds its open dossiers.
CREATE TABLE dossier (
  number        INTEGER PRIMARY KEY,
  partition     INTEGER NOT NULL,
  id            BLOB NOT NULL UNIQUE,
  code          TEXT NOT NULL UNIQUE,
  desk          INTEGER NOT NULL REFERENCES word,
  hand_out_desk INTEGER REFERENCES word,
  procedure     INTEGER NOT NULL REFERENCES word,
  territory     INTEGER NOT NULL REFERENCES word,
  calendar      BLOB NOT NULL,
  received_at   INTEGER NOT NULL,
  promised_at   INTEGER NOT NULL,
  closed_at     INTEGER,
  erased_at     INTEGER,
  quarantined   TEXT
) STRICT;
CREATE INDEX dossier_by_desk ON dossier (desk);
CREATE INDEX dossier_by_reception ON dossier (desk, received_at);
CREATE INDEX dossier_by_hand_out_desk ON dossier (hand_out_desk)
  WHERE hand_out_desk IS NOT NULL;
CREATE INDEX dossier_open ON dossier (desk) WHERE closed_at IS NULL;
CREATE INDEX dossier_open_by_calendar ON dossier (territory, calendar) WHERE closed_at IS NULL;
CREATE INDEX dossier_to_erase ON dossier (closed_at)
  WHERE closed_at IS NOT NULL AND erased_at IS NULL;

-- What of a dossier changes with every commit, so narrow that many share a page. `owed` and `steps`
-- are all that is owed and all steps: the tables of that name are indexes of them, and a change finds
-- its own rows there by what stands here. `rings_at` is where the dossier stands in `timer`.
CREATE TABLE head (
  dossier       INTEGER PRIMARY KEY REFERENCES dossier,
  state         INTEGER NOT NULL,
  sequence      INTEGER NOT NULL,
  last_position INTEGER NOT NULL,
  rings_at      INTEGER,
  last_hash     BLOB NOT NULL,
  owed          BLOB NOT NULL,
  steps         BLOB NOT NULL
) STRICT;

-- A row holds the records of one change, in order, and stands at the position of the last; those before
-- it have the positions before that. `sequence` is of the last, too. Each row knows the position of the
-- one before it in its dossier: a dossier is read backwards from its last one, and appending touches no
-- index. `bytes` is a Protobuf message: field 1, repeated, is a record, verbatim.
CREATE TABLE record (
  position  INTEGER PRIMARY KEY,
  partition INTEGER NOT NULL,
  dossier   INTEGER NOT NULL REFERENCES dossier,
  sequence  INTEGER NOT NULL,
  previous  INTEGER,
  bytes     BLOB NOT NULL
) STRICT;

-- What is personal of the change at the same position; it can go without breaking the chain. `bytes` is a
-- Protobuf message. Field 1, repeated, is the personal values of a record: 1 which one of the row, from 0;
-- 2 its salt; 3 the values. Field 2, repeated, is what desks are told: 1, repeated, the words of the
-- desks; 2 the notice.
CREATE TABLE personal (
  position INTEGER PRIMARY KEY REFERENCES record,
  bytes    BLOB NOT NULL
) STRICT;

-- Which changes told a desk something.
CREATE TABLE notice (
  desk     INTEGER NOT NULL REFERENCES word,
  position INTEGER NOT NULL REFERENCES personal,
  dossier  INTEGER NOT NULL REFERENCES dossier,
  PRIMARY KEY (desk, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE owed (
  agency  INTEGER NOT NULL REFERENCES word,
  due_at  INTEGER NOT NULL,
  dossier INTEGER NOT NULL REFERENCES dossier,
  kind    INTEGER NOT NULL,
  step    INTEGER NOT NULL REFERENCES word,
  round   INTEGER NOT NULL,
  PRIMARY KEY (agency, due_at, dossier, kind, step, round)
) STRICT, WITHOUT ROWID;

-- When to look at a dossier again: at its next timer, or before. A timer that moves to later leaves its
-- row until its time has come, since hardly any lasts as long.
CREATE TABLE timer (
  at      INTEGER NOT NULL,
  dossier INTEGER NOT NULL REFERENCES dossier,
  PRIMARY KEY (at, dossier)
) STRICT, WITHOUT ROWID;

-- The steps that are with their agency, or that it sent back: what is open with whom, the oldest first.
CREATE TABLE step (
  agency  INTEGER NOT NULL REFERENCES word,
  dossier INTEGER NOT NULL REFERENCES dossier,
  step    INTEGER NOT NULL REFERENCES word,
  PRIMARY KEY (agency, dossier, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
  dossier    INTEGER NOT NULL REFERENCES dossier,
  step       INTEGER NOT NULL REFERENCES word,
  round      INTEGER NOT NULL,
  attempts   INTEGER NOT NULL,
  next_at    INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  PRIMARY KEY (dossier, step, round)
) STRICT, WITHOUT ROWID;

-- Who may have which document, and because of which dossier.
CREATE TABLE document_grant (
  digest  BLOB NOT NULL,
  agency  INTEGER NOT NULL REFERENCES word,
  dossier INTEGER NOT NULL REFERENCES dossier,
  PRIMARY KEY (digest, agency, dossier)
) STRICT, WITHOUT ROWID;

-- Empty is none, so that an open incident is unique also where something is not said.
CREATE TABLE incident (
  number     INTEGER PRIMARY KEY,
  cause      TEXT NOT NULL,
  dossier_id BLOB NOT NULL,
  step       TEXT NOT NULL,
  agency     TEXT NOT NULL,
  vi         TEXT NOT NULL,
  en         TEXT NOT NULL,
  opened_at  INTEGER NOT NULL,
  last_at    INTEGER NOT NULL,
  count      INTEGER NOT NULL,
  closed_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX incident_open ON incident (cause, dossier_id, step, agency)
  WHERE closed_at IS NULL;

-- Procedures, calendars, schemas and directories, by digest.
CREATE TABLE kept_blob (
  number INTEGER PRIMARY KEY,
  kind   INTEGER NOT NULL,
  digest BLOB NOT NULL,
  bytes  BLOB NOT NULL,
  UNIQUE (kind, digest)
) STRICT;

CREATE TABLE code_sequence (
  desk INTEGER NOT NULL REFERENCES word,
  date TEXT NOT NULL,
  next INTEGER NOT NULL,
  PRIMARY KEY (desk, date)
) STRICT, WITHOUT ROWID;

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

-- Which numbers were leased: `first` and those before `until`. `request` is SHA-256 of who asked and
-- its id, so that whoever asks again gets the same block.
CREATE TABLE code_block (
  desk    INTEGER NOT NULL REFERENCES word,
  date    TEXT NOT NULL,
  first   INTEGER NOT NULL,
  until   INTEGER NOT NULL,
  request BLOB,
  PRIMARY KEY (desk, date, first)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX code_block_by_request ON code_block (request) WHERE request IS NOT NULL;
