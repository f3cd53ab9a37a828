"""Puts the access log in partitions by month, and makes the functions that make and drop these.

Django makes no partitioned tables, so 0001 has made an ordinary one. It is empty: here a partitioned one takes its
place, with the columns, checks, indexes and triggers that 0001 gave it. Django's model keeps `id` as its key; in the
database it is (id, at), as the key of a partitioned table must hold what it is partitioned by.
"""

from django.db import migrations

PARTITIONED = """
DO $$
DECLARE
    made_again text[];
    definition text;
BEGIN
    SELECT array_agg(each) INTO made_again FROM (
        SELECT pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = 'access_accessentry'::regclass AND NOT indisprimary
        UNION ALL
        SELECT pg_get_triggerdef(oid) FROM pg_trigger
        WHERE tgrelid = 'access_accessentry'::regclass AND NOT tgisinternal
    ) AS definitions (each);
    CREATE TABLE access_by_month (LIKE access_accessentry INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY)
        PARTITION BY RANGE (at);
    DROP TABLE access_accessentry;
    ALTER TABLE access_by_month RENAME TO access_accessentry;
    ALTER TABLE access_accessentry ADD CONSTRAINT access_accessentry_pkey PRIMARY KEY (id, at);
    FOREACH definition IN ARRAY made_again LOOP
        EXECUTE definition;
    END LOOP;
END $$;
CREATE TABLE access_accessentry_default PARTITION OF access_accessentry DEFAULT;
"""

# A TRUNCATE trigger is not passed on to partitions, as those for each row are.
STATEMENT_TRIGGERS = """
CREATE FUNCTION access_keep_from_truncate(partition text) RETURNS void LANGUAGE plpgsql AS $$
-- Gives a partition the triggers that keep the whole table from being emptied.
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT tgname, tgfoid::regprocedure AS function FROM pg_trigger
        WHERE tgrelid = 'access_accessentry'::regclass AND tgtype & 32 <> 0
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I EXECUTE FUNCTION %s',
                       each.tgname, partition, each.function);
    END LOOP;
END $$;
SELECT access_keep_from_truncate('access_accessentry_default');
"""

# Months are UTC's: they have no hour that comes twice, and nobody reads the log by its partitions.
MAKE_MONTHS = """
CREATE FUNCTION access_make_months() RETURNS integer LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
-- Makes the partitions of this month and of the twelve that follow, where they are missing, and of the months of what
-- has gone to the default one. Returns how many were made.
DECLARE
    this timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
    stray timestamp[] := ARRAY(
        SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC') FROM access_accessentry_default
    );
    month timestamp;
    name text;
    made integer := 0;
BEGIN
    IF stray <> '{}' THEN
        -- Put beside, and read in again below: rows of an append-only table can't be moved.
        ALTER TABLE access_accessentry DETACH PARTITION access_accessentry_default;
        ALTER TABLE access_accessentry_default RENAME TO access_accessentry_stray;
    END IF;
    FOR month IN
        SELECT generate_series(this, this + interval '12 months', interval '1 month') UNION SELECT unnest(stray)
        ORDER BY 1
    LOOP
        name := to_char(month, '"access_accessentry_"YYYY_MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        -- Made beside and then attached: whoever reads or writes the log need not wait.
        EXECUTE format('CREATE TABLE public.%I (LIKE access_accessentry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        EXECUTE format('ALTER TABLE access_accessentry ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
        PERFORM access_keep_from_truncate(name);
        made := made + 1;
    END LOOP;
    IF stray <> '{}' THEN
        CREATE TABLE public.access_accessentry_default PARTITION OF access_accessentry DEFAULT;
        PERFORM access_keep_from_truncate('access_accessentry_default');
        INSERT INTO access_accessentry SELECT * FROM access_accessentry_stray;
        DROP TABLE access_accessentry_stray;
    END IF;
    RETURN made;
END $$;
SELECT access_make_months();
"""

DROP_OLD_MONTHS = """
CREATE FUNCTION access_drop_old_months(before timestamptz) RETURNS bigint LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
-- Drops the months that had ended before this, and never what is less than five years old (HSLF-FS 2016:40 4 kap. 9 §).
-- Returns how many entries were in them.
DECLARE
    kept_from timestamp := least(before AT TIME ZONE 'UTC', clock_timestamp() AT TIME ZONE 'UTC' - interval '5 years');
    name text;
    here bigint;
    dropped bigint := 0;
BEGIN
    FOR name IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'access_accessentry'::regclass AND relname ~ '^access_accessentry_[0-9]{4}_[0-9]{2}$'
          AND to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= kept_from
        ORDER BY relname
    LOOP
        EXECUTE format('SELECT count(*) FROM %I', name) INTO here;
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + here;
    END LOOP;
    RETURN dropped;
END $$;
"""

# The product has no right to read a partition by its own name: so these tell it.
MONTHS = """
CREATE FUNCTION access_months_ahead() RETURNS integer LANGUAGE sql STABLE AS $$
-- How many months after this one are ready to be written in, without a gap.
SELECT greatest(coalesce(min(ahead), 13) - 1, 0) FROM generate_series(0, 12) AS ahead
WHERE to_regclass(to_char(clock_timestamp() AT TIME ZONE 'UTC' + ahead * interval '1 month',
                          '"access_accessentry_"YYYY_MM')) IS NULL
$$;
CREATE FUNCTION access_has_stray_entries() RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether there are entries of a month that has no partition of its own.
SELECT EXISTS (SELECT FROM access_accessentry_default)
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial")]

    operations = [
        migrations.RunSQL(sql) for sql in (PARTITIONED, STATEMENT_TRIGGERS, MAKE_MONTHS, DROP_OLD_MONTHS, MONTHS)
    ]
