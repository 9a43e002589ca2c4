CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Agencies, steps and procedures, by a number that fits in a narrow index.
CREATE TABLE word (
  word INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- `owed` and `steps` hold what this dossier has in those tables, so that a change finds its own
-- rows without an index by dossier.
CREATE TABLE dossier (
  number        INTEGER PRIMARY KEY,
  partition     INTEGER NOT NULL,
  id            BLOB NOT NULL UNIQUE,
  code          TEXT NOT NULL UNIQUE,
  desk          INTEGER NOT NULL REFERENCES word,
  procedure     INTEGER NOT NULL REFERENCES word,
  state         INTEGER NOT NULL,
  received_at   INTEGER NOT NULL,
  promised_at   INTEGER NOT NULL,
  closed_at     INTEGER,
  sequence      INTEGER NOT NULL,
  last_position INTEGER NOT NULL,
  last_hash     BLOB NOT NULL,
  owed          BLOB NOT NULL,
  steps         BLOB NOT NULL,
  quarantined   TEXT
) STRICT;
CREATE INDEX dossier_by_desk ON dossier (desk);
CREATE INDEX dossier_open ON dossier (desk) WHERE closed_at IS NULL;

-- Each record knows the position of the one before it in its dossier: a dossier is read backwards
-- from its last record, and appending touches no index.
CREATE TABLE record (
  position  INTEGER PRIMARY KEY,
  partition INTEGER NOT NULL,
  dossier   INTEGER NOT NULL REFERENCES dossier,
  sequence  INTEGER NOT NULL,
  previous  INTEGER,
  bytes     BLOB NOT NULL
) STRICT;

-- Personal values beside the record of the same position; they can go without breaking the chain.
CREATE TABLE personal (
  position INTEGER PRIMARY KEY REFERENCES record,
  salt     BLOB NOT NULL,
  bytes    BLOB NOT NULL
) STRICT;

-- Agency 0 is nobody: a timer. Step 0 is none.
CREATE TABLE owed (
  agency  INTEGER NOT NULL,
  due_at  INTEGER NOT NULL,
  dossier INTEGER NOT NULL REFERENCES dossier,
  kind    INTEGER NOT NULL,
  step    INTEGER NOT NULL,
  round   INTEGER NOT NULL,
  PRIMARY KEY (agency, due_at, dossier, kind, step, round)
) STRICT, WITHOUT ROWID;

CREATE TABLE step (
  agency  INTEGER NOT NULL REFERENCES word,
  state   INTEGER NOT NULL,
  dossier INTEGER NOT NULL REFERENCES dossier,
  step    INTEGER NOT NULL REFERENCES word,
  round   INTEGER NOT NULL,
  due_at  INTEGER,
  PRIMARY KEY (agency, state, dossier, step)
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

CREATE TABLE notice (
  position  INTEGER PRIMARY KEY,
  partition INTEGER NOT NULL,
  desk      INTEGER NOT NULL REFERENCES word,
  dossier   INTEGER NOT NULL REFERENCES dossier,
  bytes     BLOB NOT NULL
) STRICT;
CREATE INDEX notice_by_desk ON notice (desk);

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

-- Procedures and directories, by digest.
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
