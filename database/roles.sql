-- The database's roles: what a superuser runs once per cluster, with psql or as bin/run does. It may be run again.
--
--   teleq             owns the tables and migrates; no process of the product signs in as it
--   teleq_product     nobody signs in as it: what web and workers may do, table by table (administration/database/grants.py)
--   teleq_web         the web's sign-in
--   teleq_worker      the workers' and beat's
--   teleq_retention   the nightly retention's: reads, counts, and calls the functions that delete what is past its time
--
-- They get their passwords afterwards, e.g. with \password. Time limits stand here and not with the connection, so that
-- they hold behind PgBouncer too; other ones are set by ALTER ROLE after this.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['teleq', 'teleq_product', 'teleq_web', 'teleq_worker', 'teleq_retention'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
        EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS', name);
        IF name <> 'teleq_product' THEN
            EXECUTE format('ALTER ROLE %I LOGIN', name);
        END IF;

        -- PostgreSQL's log holds no patient's number or name. An error's detail quotes the row ("terse" leaves it out),
        -- and the statement that it came of has the values in it.
        EXECUTE format('ALTER ROLE %I SET log_error_verbosity = terse', name);
        EXECUTE format('ALTER ROLE %I SET log_min_error_statement = panic', name);
        EXECUTE format('ALTER ROLE %I SET log_statement = none', name);
        EXECUTE format('ALTER ROLE %I SET log_min_duration_statement = -1', name);
        EXECUTE format('ALTER ROLE %I SET log_min_duration_sample = -1', name);
        EXECUTE format('ALTER ROLE %I SET log_transaction_sample_rate = 0', name);
        EXECUTE format('ALTER ROLE %I SET log_parameter_max_length = 0', name);
        EXECUTE format('ALTER ROLE %I SET log_parameter_max_length_on_error = 0', name);

        -- A connection that is cut is found out within some ten seconds. The product's end has the same (settings.py).
        EXECUTE format('ALTER ROLE %I SET tcp_user_timeout = ''10s''', name);
        EXECUTE format('ALTER ROLE %I SET tcp_keepalives_idle = 5', name);
        EXECUTE format('ALTER ROLE %I SET tcp_keepalives_interval = 2', name);
        EXECUTE format('ALTER ROLE %I SET tcp_keepalives_count = 3', name);
    END LOOP;
END
$$;

GRANT teleq_product TO teleq_web, teleq_worker;

-- How long a process waits for locks and statements, and may hold a transaction open while it does nothing: a network
-- that is cut, or a machine that stands still, must not hold up the others. PostgreSQL itself keeps to these.
ALTER ROLE teleq_web SET lock_timeout = '3s';
ALTER ROLE teleq_web SET statement_timeout = '20s';
ALTER ROLE teleq_web SET idle_in_transaction_session_timeout = '10s';

ALTER ROLE teleq_worker SET lock_timeout = '3s'; -- the provider's responses wait to be read meanwhile
ALTER ROLE teleq_worker SET statement_timeout = '1min';
ALTER ROLE teleq_worker SET idle_in_transaction_session_timeout = '10s';

ALTER ROLE teleq_retention SET lock_timeout = '10s';
ALTER ROLE teleq_retention SET statement_timeout = '10min';
ALTER ROLE teleq_retention SET idle_in_transaction_session_timeout = '10s';

-- What the owner does takes the time it needs, but doesn't keep everybody waiting behind its lock. migrate itself gives a
-- lock up sooner and tries again (administration/database/migrating.py).
ALTER ROLE teleq SET lock_timeout = '10s';
