from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SmsConfig(AppConfig):
    name = "sms"
    verbose_name = "SMS"

    def ready(self) -> None:
        from sms import checks  # noqa: F401, PLC0415  registers the system checks

        post_migrate.connect(_is_this_a_copy, sender=self)


def _is_this_a_copy(**_: object) -> None:
    """After `migrate`: a new database is its own, and a copy is stopped before web and workers start."""
    from django.db import connection  # noqa: PLC0415

    from sms.brake import hold_if_copy  # noqa: PLC0415  imports models
    from sms.models import SendingDatabase  # noqa: PLC0415

    if SendingDatabase._meta.db_table in connection.introspection.table_names():  # not migrated back to nothing
        SendingDatabase.objects.ensure_row()
        hold_if_copy()
