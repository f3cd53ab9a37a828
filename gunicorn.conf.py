"""How gunicorn serves teleQ, in the container, in bin/run and in the tests. Source: gunicorn's own settings page.

Threads, so that a request that waits for a lock in PostgreSQL keeps only itself waiting. Each has a database connection
of its own. They don't help against clients that send or read slowly: the proxy does (docs/decisions/0020).
"""

import os

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 3)
threads = int(os.environ.get("WEB_THREADS") or 8)
keepalive = 0  # the proxy opens a connection for each request, and a body that was refused is not read to its end
limit_request_line = 4094  # bytes: the address
limit_request_fields = 60  # headers
limit_request_field_size = 8190  # bytes of each
