from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class TeleqConfig(AppConfig):
    name = "teleq"
    verbose_name = gettext_lazy("Vårdenheter")
