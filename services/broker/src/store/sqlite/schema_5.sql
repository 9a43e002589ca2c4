-- What operators search by, what they did, and what is counted.

-- Where a closed dossier came to rest, so that the rare endings are found among many.
ALTER TABLE dossier ADD COLUMN closed_state INTEGER;
UPDATE dossier SET closed_state = (SELECT state FROM head WHERE dossier = number)
  WHERE closed_at IS NOT NULL;
CREATE INDEX dossier_by_procedure ON dossier (procedure);
CREATE INDEX dossier_by_territory ON dossier (territory);
CREATE INDEX dossier_open_by_number ON dossier (number) WHERE closed_at IS NULL;
CREATE INDEX dossier_by_closed_state ON dossier (closed_state) WHERE closed_state IS NOT NULL;
CREATE INDEX dossier_open_by_procedure ON dossier (procedure) WHERE closed_at IS NULL;
CREATE INDEX dossier_quarantined ON dossier (number) WHERE quarantined IS NOT NULL;

-- The number of its dossier, if it is about one.
ALTER TABLE incident ADD COLUMN dossier INTEGER REFERENCES dossier;
UPDATE incident SET dossier = (SELECT number FROM dossier WHERE id = incident.dossier_id);
CREATE INDEX incident_by_dossier ON incident (dossier) WHERE dossier IS NOT NULL;
CREATE INDEX incident_open_by_dossier ON incident (dossier)
  WHERE dossier IS NOT NULL AND closed_at IS NULL;
CREATE INDEX incident_open_by_number ON incident (number) WHERE closed_at IS NULL;
CREATE INDEX incident_by_cause ON incident (cause, number);
CREATE INDEX incident_open_by_cause ON incident (cause, number) WHERE closed_at IS NULL;

-- Whose dossier it is: a keyed hash of a folded name, or of a number. The key is not in this file.
CREATE TABLE person (
  key     BLOB NOT NULL,
  dossier INTEGER NOT NULL REFERENCES dossier,
  PRIMARY KEY (key, dossier)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_by_dossier ON person (dossier);

-- What operators did. Nothing in it is ever changed. `hash` is over the row and the hash before it.
CREATE TABLE audit (
  number   INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  operator TEXT NOT NULL,
  via      TEXT NOT NULL,
  call     TEXT NOT NULL,
  dossier  BLOB NOT NULL,
  subject  TEXT NOT NULL,
  reason   TEXT NOT NULL,
  before   TEXT NOT NULL,
  after    TEXT NOT NULL,
  hash     BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_operator ON audit (operator);
CREATE INDEX audit_by_dossier ON audit (dossier) WHERE length(dossier) > 0;

-- What is suspended: 1 is a department, 2 a procedure.
CREATE TABLE suspension (
  kind     INTEGER NOT NULL,
  name     TEXT NOT NULL,
  since    INTEGER NOT NULL,
  operator TEXT NOT NULL,
  reason   TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- How often something happened on a day; `bucket` is the bucket of a histogram, else 0.
CREATE TABLE tally (
  day    TEXT NOT NULL,
  name   INTEGER NOT NULL REFERENCES word,
  agency INTEGER NOT NULL REFERENCES word,
  bucket INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (day, name, agency, bucket)
) STRICT, WITHOUT ROWID;
