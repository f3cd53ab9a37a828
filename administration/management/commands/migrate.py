from typing import Any

from django.core.management import CommandParser
from django.core.management.commands import migrate
from django.db import connections

from administration.database.migrating import alone, is_of_a_later_release, until_let_in
from sms.brake import hold_if_copy


class Command(migrate.Command):
    """Django's, that may be run by day (administration/database/migrating.py, docs/operate/upgrade.md)."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--tries", type=int, default=60, help="how often a table that is in use is asked for; five seconds between"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]

        def migrate_all() -> None:
            super(Command, self).handle(*args, **options)

        with alone(connection, self.stdout.write):
            if options["app_label"] is None and is_of_a_later_release(connection):
                self.stdout.write("The database is of a later release, with which this one works. Nothing to do.")
                hold_if_copy()  # as after any migrate
                return
            until_let_in(connection, options["tries"], migrate_all, self.stdout.write)
