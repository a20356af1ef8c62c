-- The log. `body` holds the canonical bytes that are hashed; every other column is an index of them.
-- What fits into a page stays in its row: compressing it and storing it elsewhere costs more than it saves.
-- Texts are compared byte by byte: their order is part of what is asked for, and must be the same everywhere.
CREATE TABLE record (
    idx bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    type text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    subject_seq bigint NOT NULL,
    time text COLLATE "C" NOT NULL,
    leaf bytea NOT NULL,
    body bytea NOT NULL,
    UNIQUE (subject, subject_seq),
    CONSTRAINT record_has_its_hash CHECK (leaf = sha256('\x00'::bytea || body))
) WITH (toast_tuple_target = 8160);

-- Most records are of a few types, which a walk along the log finds soon. This is the same walk past all the others,
-- in the order of the log, so that it needs no sorting and grows at one end only.
CREATE INDEX record_of_rare_type ON record (idx, type)
WHERE type NOT LIKE 'step.%' AND type NOT LIKE 'contract.%' AND type <> 'gate.decided';

-- What records name by digest: contracts, parameters, outputs, inputs of decisions.
CREATE TABLE payload (
    digest bytea PRIMARY KEY,
    body bytea NOT NULL,
    CONSTRAINT payload_has_its_digest CHECK (digest = sha256(body))
) WITH (toast_tuple_target = 8160);

-- The signed heads of the log: one for each transaction.
CREATE TABLE checkpoint (
    size bigint PRIMARY KEY,
    note text COLLATE "C" NOT NULL
);

-- A projection of the records: what lists of runs show.
CREATE TABLE run (
    id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    submission text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    contract text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    submitter text COLLATE "C" NOT NULL,
    domain text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    settled bigint NOT NULL,
    steps bigint NOT NULL,
    received text COLLATE "C" NOT NULL,
    ended text COLLATE "C"
);

CREATE INDEX run_open ON run (id) WHERE ended IS NULL;
CREATE INDEX run_of_tenant ON run (tenant, id);
CREATE INDEX run_of_submission ON run (submission, id);

-- The answers that repeated requests get. What a caller chose is bytes: a text here cannot hold every character.
CREATE TABLE reply (
    caller bytea NOT NULL,
    key bytea NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (caller, key)
);

-- INVARIANT: `idx`, and `subject_seq` within a subject, have no gaps; `verify` relies on it to notice what is gone.
-- That nothing is there twice is for the keys; so it is enough that what is added is dense and that something
-- stands right before it. (Looked for by counting: for EXISTS the server may choose to read the whole log instead.)
CREATE FUNCTION record_is_appended() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT min(idx) AS first, max(idx) AS last, count(*) AS rows FROM added) AS span
        WHERE rows > 0 AND (
            last - first + 1 <> rows
            OR first <> 0 AND (SELECT count(*) FROM record WHERE idx = first - 1) = 0
        )
    ) THEN
        RAISE EXCEPTION 'a record is appended at the end of the log and nowhere else' USING ERRCODE = 'LG002';
    END IF;
    IF EXISTS (
        SELECT FROM (
            SELECT subject, subject_seq - row_number() OVER (PARTITION BY subject ORDER BY idx) AS before FROM added
        ) AS numbered
        GROUP BY subject
        HAVING min(before) <> max(before)
            OR min(before) <> -1
            AND (
                SELECT count(*) FROM record
                WHERE record.subject = numbered.subject AND record.subject_seq = min(numbered.before)
            ) = 0
    ) THEN
        RAISE EXCEPTION 'the subject has other records than the change was made for' USING ERRCODE = 'LG001';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION checkpoint_is_appended() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE size IS DISTINCT FROM (SELECT max(idx) + 1 FROM record)) THEN
        RAISE EXCEPTION 'a checkpoint is of the whole log and follows the one before' USING ERRCODE = 'LG002';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION is_never_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '%s are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'LG003';
END $$;

CREATE TRIGGER record_is_appended AFTER INSERT ON record
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION record_is_appended();

CREATE TRIGGER checkpoint_is_appended AFTER INSERT ON checkpoint
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION checkpoint_is_appended();

CREATE TRIGGER record_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON record
FOR EACH STATEMENT EXECUTE FUNCTION is_never_changed();

CREATE TRIGGER payload_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON payload
FOR EACH STATEMENT EXECUTE FUNCTION is_never_changed();

CREATE TRIGGER checkpoint_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint
FOR EACH STATEMENT EXECUTE FUNCTION is_never_changed();
