"""What bin/digests does: writes @sha256:... behind each image's tag, so that what was tried is what is run.

It asks the registry that an image is from (Docker Hub, unless its name says otherwise) for the digest of its list of
platforms, by the OCI distribution specification, as anybody: no login. To be run at each release, and looked through
before it is committed. An image whose digest can't be had stays as it was, and the exit code is 1.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from local.servers import ROOT

FILES = ("docker-compose.yml", "Dockerfile")
IMAGE = re.compile(r"^(\s*image: |FROM )([a-z0-9./-]+):([\w.-]+)(@sha256:[0-9a-f]{64})?", re.MULTILINE)
"""One with a tag. teleQ's own image has none: it is built here."""
KINDS = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SECONDS = 20


class NotToBeHad(Exception):
    pass


@dataclass(frozen=True)
class Image:
    name: str
    tag: str

    @property
    def address(self) -> str:
        """Where the registry tells of it. DIGEST_REGISTRY is a mirror of Docker Hub that is asked in its place."""
        host, _, rest = self.name.partition("/")
        if rest and "." in host:
            return f"https://{host}/v2/{rest}/manifests/{self.tag}"
        path = self.name if rest else f"library/{self.name}"
        registry = os.environ.get("DIGEST_REGISTRY") or "https://registry-1.docker.io"
        return f"{registry.rstrip('/')}/v2/{path}/manifests/{self.tag}"


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    missing = 0
    for name in FILES:
        file = folder / name
        text = file.read_text()
        for before, image, old in [(each[1], Image(each[2], each[3]), each[4]) for each in IMAGE.finditer(text)]:
            try:
                new = digest(image)
            except NotToBeHad as error:
                say(f"{name}: {image.name}:{image.tag} stays {old or 'without a digest'}: {error}")
                missing += 1
                continue
            whole = f"{before}{image.name}:{image.tag}"
            text = text.replace(whole + (old or ""), f"{whole}@{new}")
            say(f"{name}: {image.name}:{image.tag} is {new}")
        file.write_text(text)
    return 1 if missing else 0


def digest(image: Image) -> str:
    """Raises NotToBeHad."""
    if not image.address.startswith(("https://", "http://127.0.0.1:")):
        raise NotToBeHad("its registry's address must begin with https://")
    try:
        headers = _head(image.address, token="")
    except urllib.error.HTTPError as refusal:
        headers = _head_with_token(image.address, refusal)
    except OSError as error:
        raise NotToBeHad(str(error)) from None
    found = headers.get("Docker-Content-Digest") or ""
    if not DIGEST.fullmatch(found):
        raise NotToBeHad("the registry told no digest")
    return found


def _head_with_token(address: str, refusal: urllib.error.HTTPError) -> Any:
    """Registries ask even of nobody in particular that they fetch a token first, and say where."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', refusal.headers.get("WWW-Authenticate") or ""))
    realm = asked.pop("realm", "")
    if refusal.code != 401 or not realm.startswith(("https://", "http://127.0.0.1:")):
        raise NotToBeHad(f"HTTP {refusal.code}")
    try:
        with urllib.request.urlopen(f"{realm}?{urlencode(asked)}", timeout=SECONDS) as answer:  # noqa: S310  see above
            told = json.load(answer)
        return _head(address, token=told.get("token") or told.get("access_token") or "")
    except (OSError, ValueError) as error:  # HTTPError is an OSError
        raise NotToBeHad(str(error)) from None


def _head(address: str, token: str) -> Any:
    headers = {"Accept": KINDS} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(address, headers=headers, method="HEAD")  # noqa: S310  see digest
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  see digest
        return answer.headers


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
