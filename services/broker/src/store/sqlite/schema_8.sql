-- Since when something is owed, however its due date moves. Of what was owed before this version it is
-- known only that it is owed by now.
ALTER TABLE owed ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE owed SET since = unixepoch() * 1000000;
