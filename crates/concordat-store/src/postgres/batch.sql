-- One statement stores a whole batch: each column of each table comes as one array.
-- The parts of such a statement do not see each other's rows, but the triggers run after all of them and do.
WITH appended AS (
    INSERT INTO record (idx, id, type, subject, subject_seq, time, leaf, body)
    SELECT $1 + place - 1, id, type, subject, subject_seq, time, leaf, body
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bytea[], $8::bytea[])
        WITH ORDINALITY AS new (id, type, subject, subject_seq, time, leaf, body, place)
),
-- Content has one address, so what is stored already stays as it is.
kept AS (
    INSERT INTO payload (digest, body)
    SELECT digest, body FROM unnest($9::bytea[], $10::bytea[]) AS new (digest, body)
    ON CONFLICT DO NOTHING
),
owned AS (
    INSERT INTO vault (owner, tenant, subject, secret)
    SELECT * FROM unnest($30::text[], $31::text[], $32::bytea[], $33::bytea[])
),
shut AS (
    INSERT INTO sealed (digest, owner, body)
    SELECT * FROM unnest($34::bytea[], $35::text[], $36::bytea[])
    ON CONFLICT DO NOTHING
),
told AS (
    INSERT INTO forgotten (owner, record)
    SELECT * FROM unnest($37::text[], $38::text[])
),
destroyed AS (
    DELETE FROM vault WHERE owner = ANY ($37::text[])
),
dropped AS (
    DELETE FROM sealed WHERE digest = ANY ($39::bytea[])
),
-- A request that is repeated later is refused and not carried out again: no request has this fingerprint.
disowned AS (
    UPDATE reply SET fingerprint = 'sha256:0000000000000000000000000000000000000000000000000000000000000000'
    WHERE cardinality($37::text[]) > 0 AND EXISTS (
        SELECT FROM unnest($37::text[]) AS gone (owner)
        WHERE position(convert_to(gone.owner, 'UTF8') IN reply.body) > 0
    )
),
listed AS (
    INSERT INTO run (
        id, tenant, submission, label, contract, digest, submitter, domain, status, settled, steps, received, ended
    )
    SELECT * FROM unnest(
        $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
        $19::text[], $20::bigint[], $21::bigint[], $22::text[], $23::text[]
    )
    ON CONFLICT (id) DO UPDATE SET
        domain = excluded.domain,
        status = excluded.status,
        settled = excluded.settled,
        steps = excluded.steps,
        ended = excluded.ended
),
answered AS (
    INSERT INTO reply (caller, key, fingerprint, body)
    SELECT * FROM unnest($24::bytea[], $25::bytea[], $26::text[], $27::bytea[])
)
INSERT INTO checkpoint (size, note)
SELECT $28::bigint, $29::text
WHERE $29 IS NOT NULL
