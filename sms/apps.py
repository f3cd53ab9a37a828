from django.apps import AppConfig


class SmsConfig(AppConfig):
    name = "sms"
    verbose_name = "SMS"

    def ready(self) -> None:
        from sms import checks  # noqa: F401, PLC0415  registers the system checks
