-- One insert into this view stores a whole batch, so a batch is one statement and one transaction.
-- Text and blobs lie end to end in a few large values; the JSON says where each begins (from 1) and how long it is.
CREATE TEMP VIEW batch (
    first, records, leaves, bodies, payloads, digests, contents, secrets, sealed, sealed_digests, sealed_contents,
    runs, replies, size, note
) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;

CREATE TEMP TRIGGER batch_is_stored INSTEAD OF INSERT ON batch BEGIN
    INSERT INTO record (idx, id, type, subject, subject_seq, time, leaf, body)
    SELECT
        NEW.first + item.key,
        item.value ->> 0,
        item.value ->> 1,
        item.value ->> 2,
        item.value ->> 3,
        item.value ->> 4,
        substr(NEW.leaves, 1 + 32 * item.key, 32),
        substr(NEW.bodies, item.value ->> 5, item.value ->> 6)
    FROM json_each(NEW.records) AS item;

    INSERT INTO payload (digest, body)
    SELECT
        substr(NEW.digests, 1 + 32 * item.key, 32),
        substr(NEW.contents, item.value ->> 0, item.value ->> 1)
    FROM json_each(NEW.payloads) AS item;

    INSERT INTO vault (owner, tenant, subject, secret)
    SELECT
        item.value ->> 0,
        item.value ->> 1,
        item.value ->> 2,
        unhex(item.value ->> 3)
    FROM json_each(NEW.secrets) AS item;

    INSERT INTO sealed (digest, owner, body)
    SELECT
        substr(NEW.sealed_digests, 1 + 32 * item.key, 32),
        item.value ->> 0,
        substr(NEW.sealed_contents, item.value ->> 1, item.value ->> 2)
    FROM json_each(NEW.sealed) AS item;

    INSERT INTO run (
        id, tenant, submission, label, contract, digest, submitter, domain, status, settled, steps, received, ended
    )
    SELECT
        item.value ->> 0,
        item.value ->> 1,
        item.value ->> 2,
        item.value ->> 3,
        item.value ->> 4,
        item.value ->> 5,
        item.value ->> 6,
        item.value ->> 7,
        item.value ->> 8,
        item.value ->> 9,
        item.value ->> 10,
        item.value ->> 11,
        item.value ->> 12
    FROM json_each(NEW.runs) AS item
    WHERE true
    ON CONFLICT (id) DO UPDATE SET
        domain = excluded.domain,
        status = excluded.status,
        settled = excluded.settled,
        steps = excluded.steps,
        ended = excluded.ended;

    INSERT INTO reply (caller, key, fingerprint, body)
    SELECT
        item.value ->> 0,
        item.value ->> 1,
        item.value ->> 2,
        item.value ->> 3
    FROM json_each(NEW.replies) AS item;

    INSERT INTO checkpoint (size, note)
    SELECT NEW.size, NEW.note
    WHERE NEW.note IS NOT NULL;
END;

-- What a batch forgets comes after it in the same transaction. Hardly any does, and each statement costs every batch.
CREATE TEMP VIEW forgetting (forgotten) AS SELECT NULL;

CREATE TEMP TRIGGER forgetting_is_done INSTEAD OF INSERT ON forgetting BEGIN
    INSERT INTO forgotten (owner, record)
    SELECT
        item.value ->> 0,
        item.value ->> 1
    FROM json_each(NEW.forgotten) AS item;

    DELETE FROM vault
    WHERE owner IN (SELECT item.value ->> 0 FROM json_each(NEW.forgotten) AS item);

    DELETE FROM sealed
    WHERE digest IN (
        SELECT unhex(substr(payload.value, 8))
        FROM json_each(NEW.forgotten) AS item, json_each(item.value, '$[2]') AS payload
    );

    -- A request that is repeated later is refused and not carried out again: no request has this fingerprint.
    UPDATE reply SET
        fingerprint = 'sha256:0000000000000000000000000000000000000000000000000000000000000000'
    WHERE EXISTS (
        SELECT 1 FROM json_each(NEW.forgotten) AS item WHERE instr(reply.body, item.value ->> 0) > 0
    );
END;
