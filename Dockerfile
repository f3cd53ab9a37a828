FROM python:3.12-slim
# Built twice of one commit, on two days, what is in it is the same to the byte: no step leaves a time or depends on one.
# docs/operate/upgrade.md, "The image", says how the files' own times are made the same too.

LABEL org.opencontainers.image.title="teleQ" org.opencontainers.image.licenses="EUPL-1.2"
LABEL org.opencontainers.image.version="1.0.0"
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/teleq

# Compiled by the source's hash, and not its time: and once, as nothing can be written later on.
COPY requirements.txt .
RUN pip install --no-cache-dir --no-compile --only-binary=:all: --require-hashes -r requirements.txt \
    && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode=unchecked-hash /usr/local/lib/python3.12/site-packages \
    && echo "teleq:x:10001:10001::/nonexistent:/usr/sbin/nologin" >> /etc/passwd \
    && echo "teleq:x:10001:" >> /etc/group \
    && install -d -o 10001 -g 10001 -m 0700 /reserve

COPY . .
# Settings insist on secrets, which collectstatic has no use for. These are gone when the line is done.
RUN SECRET_KEY=none DATABASE_URL=postgres:// REDIS_URL=redis:// python manage.py collectstatic --noinput --skip-checks \
    && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode=unchecked-hash .

# Where a container's processes keep what they count (teleq/metrics.py): in memory, gone with the container.
ENV PROMETHEUS_MULTIPROC_DIR=/tmp/metrics LOG_FORMAT=json
USER 10001
EXPOSE 8000
# By /readyz: Docker starts nothing anew and takes nobody away for it, but shows it, and healthy is to mean that it works.
HEALTHCHECK --start-period=30s CMD ["python", "healthcheck.py", "web"]
CMD ["gunicorn", "teleq.wsgi:application", "--bind=0.0.0.0:8000", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
