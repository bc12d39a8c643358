"""A chat backend's redis.asyncio client, told what to do on stdin: see tests/integration/client.py."""

import asyncio
import json
import sys
import time

import redis.asyncio as redis

MESSAGE_WAIT_S = 30
# Commands at once; each takes a connection of the pool.
PARALLEL = 16


class Client:
    def __init__(self, port, *protocol):
        options = {"protocol": int(protocol[0])} if protocol else {}
        self.redis = redis.Redis(port=int(port), decode_responses=True, **options)
        self.free = asyncio.Semaphore(PARALLEL)

    async def command(self, arguments):
        try:
            async with self.free:
                return {"reply": await self.redis.execute_command(*arguments)}
        except redis.ConnectionError as lost:
            return {"lost": str(lost)}
        except redis.ResponseError as refused:
            return {"error": str(refused)}

    async def pipeline(self, commands):
        async with self.redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            replies = await pipeline.execute(raise_on_error=False)
        return {
            "answers": [
                {"error": str(reply)} if isinstance(reply, Exception) else {"reply": reply}
                for reply in replies
            ]
        }

    async def parallel(self, commands):
        return {"answers": await asyncio.gather(*map(self.command, commands))}

    async def subscribe(self, channel):
        self.feed = self.redis.pubsub()
        await self.feed.subscribe(channel)
        confirmed = await self.feed.get_message(timeout=MESSAGE_WAIT_S)
        assert (confirmed["type"], confirmed["channel"]) == ("subscribe", channel)
        return {"channel": channel}

    async def message(self):
        """A connection that is lost comes back, and subscribes anew, when it is read from."""
        end = time.monotonic() + MESSAGE_WAIT_S
        while time.monotonic() < end:
            try:
                got = await self.feed.get_message(timeout=1)
            except redis.ConnectionError:
                await asyncio.sleep(0.05)
                continue
            if got is not None and got["type"] == "message":
                return {"channel": got["channel"], "message": got["data"]}
        return {"lost": "no message"}

    async def unsubscribe(self, channel):
        await self.feed.unsubscribe(channel)
        confirmed = await self.feed.get_message(timeout=MESSAGE_WAIT_S)
        assert (confirmed["type"], confirmed["channel"]) == ("unsubscribe", channel)
        await self.feed.aclose()
        return {"channel": channel}

    async def run(self):
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            answer = await getattr(self, asked.pop("do"))(**asked)
            print(json.dumps(answer), flush=True)
        await self.redis.aclose()


async def main():
    await Client(*sys.argv[1:]).run()


asyncio.run(main())
