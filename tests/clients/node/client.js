// A chat backend's ioredis client, told what to do on stdin: see tests/integration/client.py.
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { Redis, ReplyError } from "ioredis";

const MESSAGE_WAIT_MS = 30_000;

const [port, protocol] = process.argv.slice(2).map(Number);
const connections = new Set();

// A connection that is lost comes back by itself; the event is only the news of it.
function listenTo(redis) {
  redis.on("error", (error) => {
    if (error.code !== "ECONNREFUSED" && error.code !== "ECONNRESET") console.error(error);
  });
  connections.add(redis);
  return redis;
}

const redis = listenTo(new Redis(protocol ? { port, protocol } : port));
let feed;
const messages = [];

function failure(error) {
  if (error instanceof ReplyError) return { error: error.message };
  return { lost: String(error) };
}

async function command([name, ...rest]) {
  try {
    return { reply: await redis.call(name, ...rest) };
  } catch (error) {
    return failure(error);
  }
}

async function pipeline(commands) {
  const pipe = redis.pipeline();
  for (const [name, ...rest] of commands) pipe.call(name, ...rest);
  const done = await pipe.exec();
  return done.map(([error, reply]) => (error ? failure(error) : { reply }));
}

async function subscribe(channel) {
  feed = listenTo(redis.duplicate());
  feed.on("message", (from, message) => messages.push({ channel: from, message }));
  try {
    await feed.subscribe(channel);
    return { channel };
  } catch (error) {
    return failure(error);
  }
}

async function message() {
  const end = Date.now() + MESSAGE_WAIT_MS;
  while (messages.length === 0 && Date.now() < end) await wait(5);
  return messages.shift() ?? { lost: "no message" };
}

async function unsubscribe(channel) {
  await feed.unsubscribe(channel);
  await feed.quit();
  connections.delete(feed);
  return { channel };
}

const can = {
  command: ({ arguments: words }) => command(words),
  pipeline: async ({ commands }) => ({ answers: await pipeline(commands) }),
  parallel: async ({ commands }) => ({ answers: await Promise.all(commands.map(command)) }),
  subscribe: ({ channel }) => subscribe(channel),
  message,
  unsubscribe: ({ channel }) => unsubscribe(channel),
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  console.log(JSON.stringify(await can[asked.do](asked)));
}
for (const connection of connections) connection.disconnect();
