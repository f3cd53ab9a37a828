"""The web application, as gunicorn serves it."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.management import call_command

os.environ["TELEQ_PROCESS"] = "web"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "teleq.settings")

EVERY_BYTE = bytes(range(256))


class Request(WSGIRequest):
    """Django's request, which takes a charset that can't decode text for UTF-8.

    Among Python's codecs are some that are no charset of a text (`hex`, `idna`). A client may name one, and Django
    decodes the query by it while it makes the request: before any middleware could respond with 400. A name that Python
    doesn't know is taken for UTF-8 by Django itself.
    """

    @WSGIRequest.encoding.setter  # type: ignore[attr-defined, untyped-decorator]  # the stubs have no setter
    def encoding(self, charset: str) -> None:
        if _reads_text(charset):
            WSGIRequest.encoding.fset(self, charset)  # type: ignore[attr-defined]  # nor its function


class Handler(WSGIHandler):
    request_class = Request


def _reads_text(charset: str) -> bool:
    try:
        EVERY_BYTE.decode(charset, errors="replace")
    except (LookupError, ValueError):
        return False
    return True


django.setup(set_prefix=False)
application = Handler()
call_command("check")  # a web server doesn't run the system checks by itself; an error there stops the start
