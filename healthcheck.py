"""What a container's health check runs: `healthcheck.py web` or `healthcheck.py sign`. Exit code 0: it is well.

Standard library only, as it is started twice a minute. `web` asks /readyz and prints what is wrong. `sign` looks at how
old the file SIGN_FILE is, which a worker and beat touch when they have left a sign of life in the database.
"""

import http.client
import os
import sys
import time

FRESH = 90
"""Seconds. A sign is left each 20 (administration/health/signs.py)."""


def web() -> str:
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        told = response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return f"web does not answer: {type(error).__name__}"
    return "" if response.status == http.HTTPStatus.OK else told


def sign() -> str:
    try:
        age = time.time() - os.stat(os.environ["SIGN_FILE"]).st_mtime
    except OSError:
        return "no sign of life yet"
    return "" if age < FRESH else f"the last sign of life is {age:.0f} seconds old"


if __name__ == "__main__":
    problem = {"web": web, "sign": sign}[sys.argv[1]]()
    sys.stdout.write(problem)
    sys.exit(bool(problem))
