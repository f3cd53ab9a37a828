"""By what a database knows that it is a copy: it remembers which database may send, and looks which one it is.

A copy has what its original remembers, and is another: whether it was restored from a dump (another database), in a new
cluster (another system identifier), or from a base backup and the log that was archived after it (another timeline,
which PostgreSQL begins whenever it ends a recovery). So nobody has to remember to say so. Each claim asks.

A standby that is promoted begins a timeline too, and is held as well: it may lack the original's last seconds, unless
it was synchronous. docs/operate/restore.md says what is done then. What is not seen is a disk or a virtual machine put
back to an earlier state: PostgreSQL itself can't tell.
"""

IDENTITY = """(
        SELECT concat_ws('/', system.system_identifier, here.oid, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))
        FROM pg_control_system() AS system, pg_database AS here WHERE here.datname = current_database()
    )"""
"""Which database this is, in SQL: the cluster, the database in it, and the cluster's timeline.

The timeline is read from the log that is being written: pg_control tells it only after the first checkpoint.
"""
MAY_SEND = f"EXISTS (SELECT FROM sms_sendingdatabase WHERE identity = {IDENTITY})"
"""Whether this is the database that may send, in SQL. False where none is remembered."""
