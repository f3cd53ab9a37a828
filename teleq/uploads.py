"""Files in forms: refused everywhere, but where a view says that it takes one. That one is kept in memory.

What is in a form besides the file has the same limit as everywhere (DATA_UPLOAD_MAX_MEMORY_SIZE).
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def takes_a_file(largest: int) -> Callable[[View], View]:
    """Lets a view have one file of at most so many bytes in its form. proxy/nginx.conf.template has to let it through.

    One that is larger, while all of the form is within `largest_form`, comes to the view cut off after one byte more:
    it can say at the field that the file is too large, and keep what was typed beside it.
    """

    def marked(view: View) -> View:
        view.takes_a_file_of = largest  # type: ignore[attr-defined]  # read from the resolved address below
        return view

    return marked


def is_taken(request: HttpRequest) -> bool:
    """Whether the form may have a file in it: then have it read into memory. Asked before anything of it is read.

    Raises RequestDataTooBig where all of it is larger than `largest_form`.
    """
    if request.method != "POST" or request.content_type != "multipart/form-data":
        return False
    try:
        largest = getattr(resolve(request.path_info).func, "takes_a_file_of", 0)
    except Resolver404:
        return False
    if not largest:
        return False
    if int(request.META.get("CONTENT_LENGTH") or 0) > largest_form(largest):
        raise RequestDataTooBig("The form is larger than any file that is taken here.")
    request.upload_handlers = [InMemory(request, largest)]
    return True


def largest_form(largest: int) -> int:
    """Bytes of a form with such a file in it, at the most."""
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE is not None
    return largest + settings.DATA_UPLOAD_MAX_MEMORY_SIZE


class NoFiles(FileUploadHandler):
    """Refuses every file."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise TooManyFilesSent("No file is taken here.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        raise TooManyFilesSent("No file is taken here.")

    def file_complete(self, file_size: int) -> None:
        """There is none."""


class InMemory(FileUploadHandler):
    """Keeps a file of so many bytes, and of a larger one a byte more. Never writes to a disk."""

    def __init__(self, request: HttpRequest, largest: int) -> None:
        super().__init__(request)
        self.largest = largest

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.kept.write(raw_data[: max(self.largest + 1 - self.kept.tell(), 0)])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        size = self.kept.tell()
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept, self.field_name, self.file_name or "", self.content_type, size, self.charset
        )
