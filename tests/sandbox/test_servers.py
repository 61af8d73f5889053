"""The embedded servers: they start, keep what was written when killed, and name what keeps them from starting."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aioboto3
import asyncpg
import pytest
from redis import Redis

from app.sandbox.processes import ServerError, free_port
from app.sandbox.servers import S3, S3_REGION, Postgres, ServerProcess, Valkey, new_secret
from tests.harness import Bucket, machine_environment


@pytest.fixture
def postgres(reachable_path: Path) -> Iterator[ServerProcess]:
    server = Postgres(reachable_path, free_port(), new_secret(), durable=False)
    process = ServerProcess(server, log_dir=reachable_path).start()
    yield process
    process.kill()


async def _query(url: str, statement: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_postgres_keeps_a_commit_when_killed(postgres: ServerProcess) -> None:
    await _query(postgres.server.url, "CREATE TABLE kept AS SELECT 7 AS number")
    postgres.kill()
    postgres.start()
    assert await _query(postgres.server.url, "SELECT number FROM kept") == [7]


async def test_postgres_restarts_when_only_its_main_process_was_killed(postgres: ServerProcess) -> None:
    os.kill(postgres.pid, signal.SIGKILL)
    postgres.kill()
    postgres.start()
    assert await _query(postgres.server.url, "SELECT 1") == [1]


async def test_postgres_refuses_a_wrong_password(postgres: ServerProcess) -> None:
    assert isinstance(postgres.server, Postgres)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.server.url.replace(postgres.server.password, "wrong"))


async def test_a_lock_file_naming_a_stranger_does_not_block_postgres(
    postgres: ServerProcess, reachable_path: Path
) -> None:
    postgres.kill()
    lock = reachable_path / "postgres" / "cluster" / "postmaster.pid"
    # After a reboot the number in the file may belong to any program, here to this one.
    lock.write_text("\n".join([str(os.getpid()), *lock.read_text().splitlines()[1:]]))
    postgres.start()
    assert await _query(postgres.server.url, "SELECT 1") == [1]


async def test_an_interrupted_creation_of_the_cluster_is_begun_again(reachable_path: Path) -> None:
    server = Postgres(reachable_path, free_port(), new_secret(), durable=False)
    (reachable_path / "postgres" / "cluster.new" / "base").mkdir(parents=True)
    process = ServerProcess(server, log_dir=reachable_path).start()
    assert await _query(server.url, "SELECT 1") == [1]
    process.stop()


def test_valkey_keeps_its_data_over_a_kill_and_a_stop(own_redis: ServerProcess) -> None:
    with Redis.from_url(own_redis.server.url) as redis:
        redis.set("stopped", "kept")
        own_redis.stop()
        own_redis.start()
        assert redis.get("stopped") == b"kept"
        redis.set("killed", "kept")
        own_redis.kill()
        own_redis.start()
        assert redis.get("killed") == b"kept"


async def test_s3_serves_its_bucket_and_keeps_it_over_a_kill(own_s3: ServerProcess) -> None:
    server = own_s3.server
    assert isinstance(server, S3)
    session = aioboto3.Session(server.access_key, server.secret_key, region_name=S3_REGION)
    async with session.client("s3", endpoint_url=server.url) as client:
        await client.put_object(Bucket=server.bucket, Key="a/b.txt", Body=b"kept", ContentType="text/plain")
        own_s3.kill()
        own_s3.start()
        answer = await client.get_object(Bucket=server.bucket, Key="a/b.txt")
        assert await answer["Body"].read() == b"kept"
        await client.delete_object(Bucket=server.bucket, Key="a/b.txt")
        await client.put_object(Bucket=server.bucket, Key="c.txt", Body=b"the bucket outlives its last object")


async def test_s3_refuses_another_key(s3: Bucket) -> None:
    session = aioboto3.Session("a-stranger", "a-strangers-secret", region_name=s3.region)
    async with session.client("s3", endpoint_url=s3.endpoint_url) as client:
        with pytest.raises(client.exceptions.ClientError):
            await client.list_objects_v2(Bucket=s3.bucket)


def test_a_server_whose_port_is_taken_names_it(own_redis: ServerProcess, tmp_path: Path) -> None:
    port = own_redis.server.port
    with pytest.raises(ServerError, match=f"port {port} for redis is taken"):
        ServerProcess(Valkey(tmp_path / "second", port), log_dir=tmp_path / "second").start()


def test_a_server_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    server = Valkey(tmp_path, free_port())
    server.prepare()
    (tmp_path / "redis" / "appendonlydir").write_text("not a directory")
    with pytest.raises(ServerError, match=r"redis ended with status 1(.|\n)*appendonlydir"):
        ServerProcess(server, log_dir=tmp_path).start()


def test_a_stopped_server_gives_its_port_back(own_redis: ServerProcess) -> None:
    own_redis.stop()
    assert free_port(own_redis.server.port) == own_redis.server.port


def test_a_taken_port_is_not_offered(own_redis: ServerProcess) -> None:
    assert free_port(own_redis.server.port) != own_redis.server.port


def test_two_processes_are_never_given_the_same_port() -> None:
    program = (
        "from app.sandbox.processes import free_port; print(*(free_port() for _ in range(300)), flush=True); input()"
    )
    others = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=machine_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        given = [{free_port() for _ in range(300)}]
        for other in others:
            assert other.stdout is not None
            given.append({int(port) for port in other.stdout.readline().split()})
    finally:
        for other in others:
            other.communicate("\n")
    assert all(given)
    assert len(set().union(*given)) == sum(map(len, given))
