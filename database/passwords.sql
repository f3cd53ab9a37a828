-- Compose's second step, after roles.sql: the roles' passwords, from its secrets, and whose the database is.
\set owner `cat /run/secrets/database_owner_password`
\set web `cat /run/secrets/database_web_password`
\set worker `cat /run/secrets/database_worker_password`
\set retention `cat /run/secrets/database_retention_password`
ALTER ROLE teleq PASSWORD :'owner';
ALTER ROLE teleq_web PASSWORD :'web';
ALTER ROLE teleq_worker PASSWORD :'worker';
ALTER ROLE teleq_retention PASSWORD :'retention';
SELECT format('ALTER DATABASE %I OWNER TO teleq', current_database()) \gexec
