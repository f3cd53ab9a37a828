from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy

from demo.checks import demonstration_logins_are_shut_out


class DemoConfig(AppConfig):
    name = "demo"
    verbose_name = gettext_lazy("Demonstration")

    def ready(self) -> None:
        register(demonstration_logins_are_shut_out, Tags.security)
