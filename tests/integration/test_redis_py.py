"""redis-py, sync and asyncio: the commands it has names for, and more of its ways to send others."""

import asyncio
import threading

import pytest
import redis
import redis.asyncio


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py(shared_server, user, protocol):
    client = shared_server.client(protocol)
    assert client.ping() is True
    assert client.echo("a b") == "a b"
    assert client.execute_command("RS.ACK", user, 7, 100) == [1, 0]
    assert client.execute_command("RS.MENTION", 7, 101, user) == [1, 0]
    epoch, version, full, (state,) = client.execute_command("RS.LIST", user)
    assert (version, full) == (2, 1) and epoch
    expected = {"channel": "7", "last_read": "100", "mentions": 1, "version": 2}
    assert (state if protocol == 3 else dict(zip(state[::2], state[1::2], strict=True))) == expected
    assert client.execute_command("RS.GET", user, 8) == [None]
    with pytest.raises(
        redis.ResponseError, match="message id must be 1 to 9223372036854775807, got '-5'"
    ):
        client.execute_command("RS.ACK", user, 7, -5)
    with pytest.raises(redis.ResponseError, match="unknown command"):
        client.set("a", "b")
    assert client.dbsize() > 0
    assert client.config_get("max-channels") == {"max-channels": "100000"}
    assert client.info("readstates")["cached_users"] > 0
    assert client.client_setname("alice") and client.client_getname() == "alice"
    assert "rs.ack" in {name.lower() for name in client.command()}
    assert client.command_count() == len(client.command())


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_pipeline(shared_server, user, protocol):
    with shared_server.client(protocol).pipeline(transaction=False) as pipeline:
        for message in range(1, 3001):
            pipeline.execute_command("RS.ACK", user, 7, message)
        assert pipeline.execute() == [[version, 0] for version in range(1, 3001)]


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_asyncio(shared_server, user, protocol):
    async def all_at_once():
        client = redis.asyncio.Redis(
            port=shared_server.port, protocol=protocol, decode_responses=True, max_connections=200
        )
        async with client:
            replies = await asyncio.gather(
                *(
                    client.execute_command("RS.ACK", user + number % 50, number + 1, 5)
                    for number in range(200)
                )
            )
            assert all(mentions == 0 for _, mentions in replies)
            return await client.execute_command("RS.LIST", user)

    _, version, full, states = asyncio.run(all_at_once())
    assert (version, full, len(states)) == (4, 1, 4)


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_pool_of_threads(shared_server, user, protocol):
    client = shared_server.client(protocol, max_connections=16)
    failures = []

    def mention(number):
        try:
            for message in range(1, 101):
                assert client.execute_command("RS.MENTION", number, message, user) == [1, 0]
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=mention, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert client.execute_command("RS.BADGE", user) == [[800, 8]]
    assert client.execute_command("RS.LIST", user)[1] == 800
