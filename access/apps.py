from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Åtkomst"

    def ready(self) -> None:
        from access import checks, sessions  # noqa: F401, PLC0415  registers the system checks, and when sessions begin
