-- Compose's second step, after roles.sql: the roles' passwords, from the environment, and whose the database is.
\getenv owner DATABASE_OWNER_PASSWORD
\getenv web DATABASE_WEB_PASSWORD
\getenv worker DATABASE_WORKER_PASSWORD
\getenv retention DATABASE_RETENTION_PASSWORD
ALTER ROLE teleq PASSWORD :'owner';
ALTER ROLE teleq_web PASSWORD :'web';
ALTER ROLE teleq_worker PASSWORD :'worker';
ALTER ROLE teleq_retention PASSWORD :'retention';
SELECT format('ALTER DATABASE %I OWNER TO teleq', current_database()) \gexec
