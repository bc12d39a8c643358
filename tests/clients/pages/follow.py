"""Behind the pieces of docs/clients/python.md: prints what it knows of a user after each change."""

import sys


async def follow(user):
    async with redis.asyncio.Redis(port=6677, protocol=3, decode_responses=True) as gateway:
        states = ReadStates(gateway, user)
        following = asyncio.create_task(states.follow())
        while not following.done():
            await states.changed.wait()
            states.changed.clear()
            shown = {state["channel"]: [state["last_read"], state["mentions"]] for state in states.live()}
            print(json.dumps(shown), flush=True)


asyncio.run(follow(int(sys.argv[1])))
