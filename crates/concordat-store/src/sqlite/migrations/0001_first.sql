-- The log. `body` holds the canonical bytes that are hashed; every other column is an index of them.
CREATE TABLE record (
    idx INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_seq INTEGER NOT NULL,
    time TEXT NOT NULL,
    leaf BLOB NOT NULL CHECK (length(leaf) = 32),
    body BLOB NOT NULL,
    UNIQUE (subject, subject_seq)
) STRICT;

-- Most records are of a few types, which a walk along the log finds soon. This is the same walk past all the others,
-- in the order of the log, so that it needs no sorting and grows at one end only.
CREATE INDEX record_of_rare_type ON record (idx, type)
WHERE type NOT GLOB 'step.*' AND type NOT GLOB 'contract.*' AND type <> 'gate.decided';

-- What records name by digest: contracts, parameters, outputs, inputs of decisions.
CREATE TABLE payload (
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    body BLOB NOT NULL
) STRICT;

-- The signed heads of the log: one for each transaction.
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL
) STRICT;

-- A projection of the records: what lists of runs show.
CREATE TABLE run (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    submission TEXT NOT NULL,
    label TEXT NOT NULL,
    contract TEXT NOT NULL,
    digest TEXT NOT NULL,
    submitter TEXT NOT NULL,
    domain TEXT,
    status TEXT NOT NULL,
    settled INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    received TEXT NOT NULL,
    ended TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX run_open ON run (id) WHERE ended IS NULL;
CREATE INDEX run_of_tenant ON run (tenant, id);
CREATE INDEX run_of_submission ON run (submission, id);

-- The answers that repeated requests get.
CREATE TABLE reply (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;

-- INVARIANT: `idx`, and `subject_seq` within a subject, have no gaps; `verify` relies on it to notice what is gone.
-- The same test refuses REPLACE, which would otherwise delete the old row without asking the delete trigger.
CREATE TRIGGER record_is_appended BEFORE INSERT ON record BEGIN
    SELECT CASE
        WHEN NEW.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM record)
            THEN RAISE(ABORT, 'a record is appended at the end of the log and nowhere else')
        WHEN NEW.subject_seq IS NOT
            (SELECT coalesce(max(subject_seq) + 1, 0) FROM record WHERE subject = NEW.subject)
            THEN RAISE(ABORT, 'the subject has other records than the change was made for')
        WHEN EXISTS (SELECT 1 FROM record WHERE id = NEW.id)
            THEN RAISE(ABORT, 'a record with this id is stored already')
    END;
END;

CREATE TRIGGER record_is_not_changed BEFORE UPDATE ON record BEGIN
    SELECT RAISE(ABORT, 'records are never changed');
END;

CREATE TRIGGER record_is_not_deleted BEFORE DELETE ON record BEGIN
    SELECT RAISE(ABORT, 'records are never deleted');
END;

-- Content has one address, so what is stored already stays as it is.
CREATE TRIGGER payload_is_kept BEFORE INSERT ON payload
WHEN EXISTS (SELECT 1 FROM payload WHERE digest = NEW.digest) BEGIN
    SELECT RAISE(IGNORE);
END;

-- A row number is of no meaning here, but REPLACE could delete by it.
CREATE TRIGGER payload_is_appended BEFORE INSERT ON payload
WHEN NEW.rowid > 0 AND EXISTS (SELECT 1 FROM payload WHERE rowid = NEW.rowid) BEGIN
    SELECT RAISE(ABORT, 'payloads are never replaced');
END;

CREATE TRIGGER payload_is_not_changed BEFORE UPDATE ON payload BEGIN
    SELECT RAISE(ABORT, 'payloads are never changed');
END;

CREATE TRIGGER payload_is_not_deleted BEFORE DELETE ON payload BEGIN
    SELECT RAISE(ABORT, 'payloads are never deleted');
END;

CREATE TRIGGER checkpoint_is_appended BEFORE INSERT ON checkpoint
WHEN NEW.size IS NOT (SELECT max(idx) + 1 FROM record)
    OR NEW.size <= (SELECT coalesce(max(size), 0) FROM checkpoint) BEGIN
    SELECT RAISE(ABORT, 'a checkpoint is of the whole log and follows the one before');
END;

CREATE TRIGGER checkpoint_is_not_changed BEFORE UPDATE ON checkpoint BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never changed');
END;

CREATE TRIGGER checkpoint_is_not_deleted BEFORE DELETE ON checkpoint BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never deleted');
END;
