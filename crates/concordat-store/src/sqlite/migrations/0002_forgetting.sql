-- What the payloads of one owner, such as a run, lie under. When the row is gone, so are they.
CREATE TABLE vault (
    owner TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    subject TEXT,
    secret BLOB NOT NULL CHECK (length(secret) = 32)
) STRICT;

CREATE INDEX vault_of_subject ON vault (tenant, subject) WHERE subject IS NOT NULL;

-- Payloads that can be forgotten, encrypted under their owner's secret. The digest is of what they were before.
CREATE TABLE sealed (
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    owner TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Whose payloads were forgotten, and the record that says so.
CREATE TABLE forgotten (
    owner TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Nothing is forgotten without a record of it, which was appended before in the same transaction.
CREATE TRIGGER forgotten_is_recorded BEFORE INSERT ON forgotten
WHEN NOT EXISTS (
    SELECT 1 FROM record WHERE id = NEW.record AND type IN ('erasure.executed', 'retention.pruned')
) OR EXISTS (SELECT 1 FROM forgotten WHERE owner = NEW.owner) BEGIN
    SELECT RAISE(ABORT, 'payloads are forgotten once, with a record that says so');
END;

CREATE TRIGGER forgotten_is_not_changed BEFORE UPDATE ON forgotten BEGIN
    SELECT RAISE(ABORT, 'what was forgotten stays so');
END;

CREATE TRIGGER forgotten_is_not_deleted BEFORE DELETE ON forgotten BEGIN
    SELECT RAISE(ABORT, 'what was forgotten stays so');
END;

CREATE TRIGGER vault_is_appended BEFORE INSERT ON vault
WHEN EXISTS (SELECT 1 FROM vault WHERE owner = NEW.owner OR rowid = NEW.rowid AND NEW.rowid > 0)
    OR EXISTS (SELECT 1 FROM forgotten WHERE owner = NEW.owner) BEGIN
    SELECT RAISE(ABORT, 'an owner has one secret');
END;

CREATE TRIGGER vault_is_not_changed BEFORE UPDATE ON vault BEGIN
    SELECT RAISE(ABORT, 'secrets are never changed');
END;

CREATE TRIGGER vault_is_not_deleted BEFORE DELETE ON vault
WHEN NOT EXISTS (SELECT 1 FROM forgotten WHERE owner = OLD.owner) BEGIN
    SELECT RAISE(ABORT, 'a secret is destroyed with a record that says so');
END;

-- Content has one address, so what is stored already stays as it is.
CREATE TRIGGER sealed_is_kept BEFORE INSERT ON sealed
WHEN EXISTS (SELECT 1 FROM sealed WHERE digest = NEW.digest) BEGIN
    SELECT RAISE(IGNORE);
END;

-- A row number is of no meaning here, but REPLACE could delete by it.
CREATE TRIGGER sealed_is_appended BEFORE INSERT ON sealed
WHEN NEW.rowid > 0 AND EXISTS (SELECT 1 FROM sealed WHERE rowid = NEW.rowid) BEGIN
    SELECT RAISE(ABORT, 'payloads are never replaced');
END;

CREATE TRIGGER sealed_is_not_changed BEFORE UPDATE ON sealed BEGIN
    SELECT RAISE(ABORT, 'payloads are never changed');
END;

CREATE TRIGGER sealed_is_not_deleted BEFORE DELETE ON sealed
WHEN EXISTS (SELECT 1 FROM vault WHERE owner = OLD.owner) BEGIN
    SELECT RAISE(ABORT, 'payloads are deleted when their secret is');
END;
