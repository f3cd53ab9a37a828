from django.apps import AppConfig


class TeleqConfig(AppConfig):
    name = "teleq"
    verbose_name = "Vårdenheter"
