-- What page one tells, counted as it changes: for each flow its open steps, and the open dossiers in
-- each state. Both are indexes of the tables that they count.
CREATE TABLE flow (
  desk      INTEGER NOT NULL REFERENCES word,
  procedure INTEGER NOT NULL REFERENCES word,
  step      INTEGER NOT NULL REFERENCES word,
  agency    INTEGER NOT NULL REFERENCES word,
  open      INTEGER NOT NULL,
  PRIMARY KEY (desk, procedure, step, agency)
) STRICT, WITHOUT ROWID;
INSERT INTO flow
  SELECT d.desk, d.procedure, o.step, o.agency, count(*)
  FROM step o JOIN dossier d ON d.number = o.dossier GROUP BY 1, 2, 3, 4;
CREATE TABLE open_by_state (
  state INTEGER PRIMARY KEY,
  open  INTEGER NOT NULL
) STRICT;
INSERT INTO open_by_state
  SELECT h.state, count(*)
  FROM dossier d INDEXED BY dossier_open_by_number JOIN head h ON h.dossier = d.number
  WHERE d.closed_at IS NULL GROUP BY 1;
