-- What happened in a month: the sums of its days in `tally`, by which a year is read in a thirtieth of the time.
CREATE TABLE tally_month (
  month  TEXT NOT NULL,
  name   INTEGER NOT NULL REFERENCES word,
  agency INTEGER NOT NULL REFERENCES word,
  bucket INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (month, name, agency, bucket)
) STRICT, WITHOUT ROWID;
INSERT INTO tally_month
  SELECT substr(day, 1, 7), name, agency, bucket, sum(count) FROM tally GROUP BY 1, 2, 3, 4;
