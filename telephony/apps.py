from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy

from telephony.checks import voice_secret_is_strong


class TelephonyConfig(AppConfig):
    name = "telephony"
    verbose_name = gettext_lazy("Telefonmeny")

    def ready(self) -> None:
        register(voice_secret_is_strong)
