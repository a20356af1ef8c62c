-- Everything in the schema that comes first in the search path, in words that do not name that schema.
WITH here AS (
    SELECT oid FROM pg_namespace WHERE nspname = current_schema()
),
tables AS (
    SELECT * FROM pg_class WHERE relnamespace = (SELECT oid FROM here)
)
-- A table that others inherit from would show their rows as its own.
SELECT
    CASE relkind WHEN 'r' THEN 'table' WHEN 'i' THEN 'index' ELSE 'relation' END AS kind,
    relname::text AS name,
    concat_ws(' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity, relhassubclass, relhasrules) AS text
FROM tables
UNION ALL
SELECT 'column', relname || '.' || attname, concat_ws(
    ' ', attnum, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation, attisdropped,
    attidentity, attgenerated, pg_get_expr(adbin, adrelid, true)
)
FROM tables
JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 AND relkind = 'r'
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL
SELECT 'constraint', conname, concat_ws(' ', relname, convalidated, pg_get_constraintdef(pg_constraint.oid, true))
FROM pg_constraint JOIN tables ON conrelid = tables.oid
UNION ALL
SELECT 'index', relname, concat_ws(' ', indisvalid, indisready, pg_get_indexdef(indexrelid, 0, true))
FROM pg_index JOIN tables ON indexrelid = tables.oid
UNION ALL
SELECT 'trigger', tgname, concat_ws(' ', tgenabled, pg_get_triggerdef(pg_trigger.oid, true))
FROM pg_trigger JOIN tables ON tgrelid = tables.oid
WHERE NOT tgisinternal
UNION ALL
SELECT 'rule', rulename, pg_get_ruledef(pg_rewrite.oid, true)
FROM pg_rewrite JOIN tables ON ev_class = tables.oid
UNION ALL
SELECT 'policy', polname, relname
FROM pg_policy JOIN tables ON polrelid = tables.oid
UNION ALL
SELECT 'function', proname, concat_ws(
    ' ', pg_get_function_arguments(pg_proc.oid), prosrc, lanname, prosecdef, provolatile,
    replace(proconfig::text, current_schema(), 'here')
)
FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
WHERE pronamespace = (SELECT oid FROM here)
ORDER BY kind, name
