from django.core.checks import CheckMessage, Error, register

from sms import gateway


@register
def provider_is_configured(**_: object) -> list[CheckMessage]:
    return [Error(problem, id="sms.E001") for problem in gateway.configuration_errors()]
