"""A response of which a part can be asked for (HTTP range requests): sound, as browsers fetch it.

Safari asks for the first two bytes, and plays nothing where it gets more. Source: RFC 9110, section 14. Django has
nothing of the kind; WhiteNoise has it for files on disk, without If-Range. A range that can't be read, or several at
once, are not heeded, as the RFC allows.
"""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.utils.http import quote_etag

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII | re.IGNORECASE)


def respond(request: HttpRequest, content: bytes, content_type: str, version: str) -> HttpResponse:
    """The content, or the part of it that is asked for: 206, or 416 where there is no such part.

    `version` is another one whenever the content is (ETag): a client that has a part of one gets no part of another.
    """
    etag = quote_etag(version)
    part = _part(request, etag, len(content))
    if part is None:
        response = HttpResponse(content, content_type=content_type)
    elif part:
        response = HttpResponse(content[part.start : part.stop], content_type=content_type, status=206)
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
    else:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{len(content)}"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    return response


def _part(request: HttpRequest, etag: str, size: int) -> range | None:
    """The bytes that are asked for; none of them where there are no such bytes. None: the whole."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if request.method != "GET" or asked is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = asked.groups()
    if first and last and int(last) < int(first):
        return None
    if first:
        return range(int(first), min(int(last) + 1, size) if last else size)
    return range(max(size - int(last), 0), size) if last else None
