"""Responses are compressed on their way, as browsers ask for it."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressionMiddleware(GZipMiddleware):
    """Django's, which pads what it compresses, so that its length tells nothing. What can be had in parts
    (`teleq.byte_ranges`) is left as it is: a part counts the bytes of the whole."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if response.has_header("Accept-Ranges") else super().process_response(request, response)
