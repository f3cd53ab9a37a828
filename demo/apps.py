from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "demo"
    verbose_name = "Demonstration"

    def ready(self) -> None:
        from demo import data  # noqa: F401, PLC0415  registers the check that shuts the demonstration logins out
