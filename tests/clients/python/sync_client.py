"""A chat backend's redis-py client, told what to do on stdin: see tests/integration/client.py."""

import concurrent.futures
import json
import sys
import time

import redis

MESSAGE_WAIT_S = 30
THREADS = 16


def answer_of(call, *arguments):
    """What the server refuses is told from what the connection does."""
    try:
        return {"reply": call(*arguments)}
    except redis.ConnectionError as lost:
        return {"lost": str(lost)}
    except redis.ResponseError as refused:
        return {"error": str(refused)}


class Client:
    def __init__(self, port, *protocol):
        options = {"protocol": int(protocol[0])} if protocol else {}
        self.redis = redis.Redis(port=int(port), decode_responses=True, **options)
        self.threads = concurrent.futures.ThreadPoolExecutor(THREADS)

    def command(self, arguments):
        return answer_of(self.redis.execute_command, *arguments)

    def pipeline(self, commands):
        with self.redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            replies = pipeline.execute(raise_on_error=False)
        return {
            "answers": [
                {"error": str(reply)} if isinstance(reply, Exception) else {"reply": reply}
                for reply in replies
            ]
        }

    def parallel(self, commands):
        return {"answers": list(self.threads.map(self.command, commands))}

    def subscribe(self, channel):
        self.feed = self.redis.pubsub()
        self.feed.subscribe(channel)
        confirmed = self.feed.get_message(timeout=MESSAGE_WAIT_S)
        assert (confirmed["type"], confirmed["channel"]) == ("subscribe", channel)
        return {"channel": channel}

    def message(self):
        """A connection that is lost comes back, and subscribes anew, when it is read from."""
        end = time.monotonic() + MESSAGE_WAIT_S
        while time.monotonic() < end:
            try:
                got = self.feed.get_message(timeout=1)
            except redis.ConnectionError:
                time.sleep(0.05)
                continue
            if got is not None and got["type"] == "message":
                return {"channel": got["channel"], "message": got["data"]}
        return {"lost": "no message"}

    def unsubscribe(self, channel):
        self.feed.unsubscribe(channel)
        confirmed = self.feed.get_message(timeout=MESSAGE_WAIT_S)
        assert (confirmed["type"], confirmed["channel"]) == ("unsubscribe", channel)
        self.feed.close()
        return {"channel": channel}

    def run(self):
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(getattr(self, asked.pop("do"))(**asked)), flush=True)
        self.threads.shutdown()
        self.redis.close()


Client(*sys.argv[1:]).run()
