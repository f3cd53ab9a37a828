"""What docker-compose.yml lets each container do: as little as it needs."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from typing import Any

import pytest
import yaml

from sms.providers.kannel import LONGEST_INBOUND_PASSWORD
from teleq.weak_secrets import weaknesses
from tests.conftest import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NETWORKS: dict[str, set[str]] = {
    "public": {"proxy"},
    "edge": {"proxy", "web"},
    "back": set(SERVICES) - {"proxy"},
    "outbound": {"web"} | {name for name in SERVICES if name.startswith("worker-")} - {"worker-reserve"},
    "watch": {"web", "beat"} | {name for name in SERVICES if name.startswith("worker-")},
}


@pytest.fixture(params=SERVICES)
def service(request) -> dict[str, Any]:
    return SERVICES[request.param]


def test_it_writes_nowhere_but_in_memory_and_in_its_volume(service):
    assert service["read_only"] is True
    for mounted in service["tmpfs"]:
        assert {"nosuid", "nodev", "noexec"} <= set(mounted.partition(":")[2].split(",")), mounted
        assert re.search(r"size=\d+m", mounted), mounted
    for volume in service.get("volumes", ()):
        name, _, where = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", volume).partition(":")
        assert name in COMPOSE["volumes"] or where.endswith(":ro"), volume


def test_it_has_no_capability_and_gets_none(service):
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "devices", "pid", "ipc", "userns_mode", "network_mode"} & set(service)
    assert not any("docker.sock" in volume for volume in service.get("volumes", ()))


def test_it_is_not_root(service):
    """Ours by the Dockerfile, nginx-unprivileged by its image; the other images begin as root unless told otherwise."""
    if service["image"] == "teleq":
        assert re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == ["10001"]
    else:
        assert service.get("user") in ("postgres", "redis") or "unprivileged" in service["image"]


def test_it_has_limits(service):
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 500
    assert 0 < service["cpus"] <= 4


def test_its_log_fills_no_disk(service):
    options = service["logging"]["options"]
    assert service["logging"]["driver"] in ("local", "json-file")  # the drivers that keep it here, and turn it over
    assert re.fullmatch(r"\d+m", options["max-size"])
    assert 1 <= int(options["max-file"]) <= 10


def test_there_may_be_more_than_one_of_web_and_workers():
    """`--scale` refuses what has a name or a port of its own."""
    for name in ("web", "worker-manual", "worker-bulk"):
        assert not {"container_name", "ports", "hostname"} & set(SERVICES[name])
        assert "volumes" not in SERVICES[name]  # nothing that two would write
    names = [word for name in SERVICES for word in SERVICES[name].get("command", ()) if word.endswith("@%h")]
    assert len(set(names)) == len(names) == 4  # and each worker's name has its container's in it
    assert SERVICES["proxy"]["environment"]["WEB"] == "web:8000"  # by the name that all of them answer to


def test_each_is_in_the_networks_that_it_needs():
    there = {network: {name for name, each in SERVICES.items() if network in each["networks"]} for network in NETWORKS}
    assert there == NETWORKS
    assert {name for name, network in COMPOSE["networks"].items() if network and network.get("internal")} == {
        *("edge", "back", "watch"),
    }
    assert {name for name, each in SERVICES.items() if each.get("ports")} == {"proxy"}


SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|DATABASE_URL|REDIS_URL|_KEY$")


def test_no_secret_is_in_its_environment_or_its_command(service):
    named = {name: value for name, value in service.get("environment", {}).items() if SECRET.search(name)}
    assert {name for name, value in named.items() if not str(value).startswith("/run/secrets/")} == set()
    assert "PASSWORD" not in str(service.get("command"))


def test_what_it_reads_from_files_it_is_given(service):
    mounted = [volume.partition(":")[0] for volume in service.get("volumes", ()) if volume.startswith("./")]
    text = str(service) + "".join((ROOT / file).read_text() for file in mounted)
    given = [secret if isinstance(secret, dict) else {"source": secret} for secret in service.get("secrets", ())]
    assert set(re.findall(r"/run/secrets/(\w+)", text)) == {each.get("target", each["source"]) for each in given}
    assert {each["source"] for each in given} <= set(COMPOSE["secrets"])


def test_each_signs_in_to_the_database_by_its_own_role():
    roles = {
        name: secret["source"].removeprefix("database_url_")
        for name, each in SERVICES.items()
        for secret in each.get("secrets", ())
        if isinstance(secret, dict)
    }
    assert roles == {
        **{"migrate": "owner", "web": "web", "worker-retention": "retention"},
        **dict.fromkeys(("worker-manual", "worker-bulk", "worker-reserve", "beat"), "worker"),
    }


# The files -----------------------------------------------------------------------------------------------------------


def test_the_secrets_that_can_be_made_are_made_once_and_strong(tmp_path):
    def make(**environment: str) -> dict[str, str]:
        subprocess.run(
            [ROOT / "bin" / "secrets"],
            env=os.environ | {"SECRETS": str(tmp_path / "secrets")} | environment,
            check=True,
            capture_output=True,
        )
        return {file.name: file.read_text().rstrip("\n") for file in (tmp_path / "secrets").iterdir()}

    made = make()
    assert set(made) == set(COMPOSE["secrets"]) - {"tls_certificate", "tls_key"}
    roles = {"owner": "teleq", **{role: f"teleq_{role}" for role in ("web", "worker", "retention")}}
    passwords = [f"database_{role}_password" for role in roles]
    assert len({made[name] for name in passwords}) == len(passwords)
    for name in (
        "secret_key",
        "postgres_password",
        "redis_password",
        "voice_secret",
        "status_token",
        *passwords,
    ):
        assert list(weaknesses(made[name], 50)) == [], name
    assert list(weaknesses(made["sms_inbound_password"], 48)) == []
    assert len(made["sms_inbound_password"]) <= LONGEST_INBOUND_PASSWORD
    for role, login in roles.items():
        password = made[f"database_{role}_password"]
        assert made[f"database_url_{role}"] == f"postgres://{login}:{password}@postgres:5432/teleq"
    assert made["redis_url"] == f"redis://:{made['redis_password']}@redis:6379/0"
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert make() == made

    # One that has leaked is thrown away and made anew, and its address with it. Without Docker hosts have other names.
    for name in ("redis_password", "redis_url", "database_url_web"):
        (tmp_path / "secrets" / name).unlink()
    anew = make(POSTGRES="10.0.0.5:5432", REDIS="10.0.0.6:6379")
    assert anew["redis_password"] != made["redis_password"]
    assert anew["redis_url"] == f"redis://:{anew['redis_password']}@10.0.0.6:6379/0"
    assert anew["database_url_web"] == f"postgres://teleq_web:{made['database_web_password']}@10.0.0.5:5432/teleq"
    assert {name for name in made if made[name] != anew[name]} == {"redis_password", "redis_url", "database_url_web"}
