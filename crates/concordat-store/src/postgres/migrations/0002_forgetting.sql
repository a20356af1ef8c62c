-- What the payloads of one owner, such as a run, lie under. When the row is gone, so are they.
CREATE TABLE vault (
    owner text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    subject bytea,
    secret bytea NOT NULL
);

CREATE INDEX vault_of_subject ON vault (tenant, subject) WHERE subject IS NOT NULL;

-- Payloads that can be forgotten, encrypted under their owner's secret. The digest is of what they were before.
CREATE TABLE sealed (
    digest bytea PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    body bytea NOT NULL
) WITH (toast_tuple_target = 8160);

-- What is encrypted cannot be compressed.
ALTER TABLE sealed ALTER COLUMN body SET STORAGE EXTERNAL;

-- Whose payloads were forgotten, and the record that says so.
CREATE TABLE forgotten (
    owner text COLLATE "C" PRIMARY KEY,
    record text COLLATE "C" NOT NULL
);

-- Nothing is forgotten without a record of it in the same transaction.
CREATE FUNCTION forgotten_is_recorded() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added
        WHERE NOT EXISTS (
            SELECT FROM record
            WHERE record.id = added.record AND record.type IN ('erasure.executed', 'retention.pruned')
        )
    ) THEN
        RAISE EXCEPTION 'payloads are forgotten once, with a record that says so' USING ERRCODE = 'LG001';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION vault_is_appended() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN forgotten USING (owner)) THEN
        RAISE EXCEPTION 'an owner has one secret' USING ERRCODE = 'LG001';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION vault_is_not_deleted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM removed WHERE NOT EXISTS (SELECT FROM forgotten WHERE forgotten.owner = removed.owner)) THEN
        RAISE EXCEPTION 'a secret is destroyed with a record that says so' USING ERRCODE = 'LG001';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION sealed_is_not_deleted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM removed JOIN vault USING (owner)) THEN
        RAISE EXCEPTION 'payloads are deleted when their secret is' USING ERRCODE = 'LG001';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER forgotten_is_recorded AFTER INSERT ON forgotten
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION forgotten_is_recorded();

CREATE TRIGGER forgotten_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON forgotten
FOR EACH STATEMENT EXECUTE FUNCTION is_never_changed();

CREATE TRIGGER vault_is_appended AFTER INSERT ON vault
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION vault_is_appended();

CREATE TRIGGER vault_is_not_changed BEFORE UPDATE OR TRUNCATE ON vault
FOR EACH STATEMENT EXECUTE FUNCTION is_never_changed();

CREATE TRIGGER vault_is_not_deleted AFTER DELETE ON vault
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION vault_is_not_deleted();

CREATE TRIGGER sealed_is_not_changed BEFORE UPDATE OR TRUNCATE ON sealed
FOR EACH STATEMENT EXECUTE FUNCTION is_never_changed();

CREATE TRIGGER sealed_is_not_deleted AFTER DELETE ON sealed
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION sealed_is_not_deleted();
