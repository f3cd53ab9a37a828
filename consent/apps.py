from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class ConsentConfig(AppConfig):
    name = "consent"
    verbose_name = gettext_lazy("Samtycke")
