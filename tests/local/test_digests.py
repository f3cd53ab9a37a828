"""bin/digests: the images of production are pinned to what the registry has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

DIGESTS = {
    "/v2/library/postgres/manifests/17": "sha256:" + "a" * 64,
    "/v2/library/redis/manifests/8": "sha256:" + "b" * 64,
    "/v2/nginxinc/nginx-unprivileged/manifests/1.28": "sha256:" + "c" * 64,
    "/v2/library/python/manifests/3.12-slim": "sha256:" + "d" * 64,
}


class Registry(BaseHTTPRequestHandler):
    """As Docker Hub: a token is fetched first, also by who has no account."""

    def do_HEAD(self) -> None:
        where = f"http://127.0.0.1:{self.server.server_address[1]}"
        if self.headers.get("Authorization") != "Bearer for-anybody":
            self.send_response(401)
            self.send_header("WWW-Authenticate", f'Bearer realm="{where}/token",service="registry.docker.io"')
        elif self.path in self.server.digests and "image.index" in self.headers["Accept"]:
            self.send_response(200)
            self.send_header("Docker-Content-Digest", self.server.digests[self.path])
        else:
            self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        assert self.path == "/token?service=registry.docker.io"
        body = json.dumps({"token": "for-anybody"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def registry() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.digests = dict(DIGESTS)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("docker-compose.yml", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run(folder: Path, address: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "local.digests", folder],
        cwd=ROOT,
        env=os.environ | {"DIGEST_REGISTRY": address, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def images(folder: Path) -> set[str]:
    services = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"].values()
    base = (folder / "Dockerfile").read_text().split()[1]
    return {service["image"] for service in services} - {"teleq"} | {base}


def test_each_image_is_pinned_and_once_more_to_what_is_there_then(registry, folder):
    address = f"http://127.0.0.1:{registry.server_address[1]}"
    assert run(folder, address)[0] == 0
    pinned = {
        f"postgres:17@sha256:{'a' * 64}",
        f"redis:8@sha256:{'b' * 64}",
        f"nginxinc/nginx-unprivileged:1.28@sha256:{'c' * 64}",
        f"python:3.12-slim@sha256:{'d' * 64}",
    }
    assert images(folder) == pinned

    registry.digests["/v2/library/redis/manifests/8"] = "sha256:" + "e" * 64
    assert run(folder, address)[0] == 0
    assert images(folder) == pinned - {f"redis:8@sha256:{'b' * 64}"} | {f"redis:8@sha256:{'e' * 64}"}


def test_one_that_can_not_be_had_stays_as_it_was_and_is_told(registry, folder):
    del registry.digests["/v2/library/redis/manifests/8"]
    code, said = run(folder, f"http://127.0.0.1:{registry.server_address[1]}")
    assert code == 1
    assert "redis:8 stays without a digest: HTTP Error 404" in said
    assert "redis:8" in images(folder)


def test_without_a_network_nothing_is_changed(folder):
    before = images(folder)
    code, said = run(folder, "http://127.0.0.1:9")
    assert code == 1
    assert said.count("stays without a digest") == len(before)
    assert images(folder) == before
