import type { IoredisClient, NodeRedisClient, RedisClient } from './redis-client.js'
import { hearErrors, isIoredis } from './redis-connection.js'

/**
 * Hears the messages of a channel, on a connection of its own; with `undefined` after that was lost and is back. Resolves to the
 * function that closes it.
 */
export type SubscribeChannel = (
  channel: string,
  hear: (message: string | undefined) => void,
) => Promise<() => Promise<void>>

/** What is used of a copy of an {@link IoredisClient}. */
interface IoredisSubscriber {
  subscribe(channel: string): Promise<unknown>
  on(event: string, listener: (...args: string[]) => void): unknown
  disconnect(): void
}

/** What is used of a copy of a {@link NodeRedisClient}. */
interface NodeRedisSubscriber {
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  on(event: string, listener: () => void): unknown
  destroy(): void
}

/** Subscriptions with copies of a client, which connect again and subscribe again after a failure, as the client does. */
export function redisSubscription(client: RedisClient): SubscribeChannel {
  return isIoredis(client)
    ? (channel, hear) => ofIoredis(client, channel, hear)
    : (channel, hear) => ofNodeRedis(client, channel, hear)
}

async function ofIoredis(client: IoredisClient, channel: string, hear: (message: string | undefined) => void) {
  const subscriber = client.duplicate() as IoredisSubscriber & RedisClient
  hearErrors(subscriber)
  const close = async () => subscriber.disconnect()
  subscriber.on('message', (from, message) => {
    if (String(from) === channel) hear(message)
  })
  try {
    await subscriber.subscribe(channel)
  } catch (error) {
    await close()
    throw error
  }
  // It subscribes again by itself after this event; a moment later nothing is missed.
  subscriber.on('ready', () => subscriber.subscribe(channel).then(() => hear(undefined), ignore))
  return close
}

async function ofNodeRedis(client: NodeRedisClient, channel: string, hear: (message: string | undefined) => void) {
  const subscriber = client.duplicate() as NodeRedisSubscriber & RedisClient
  hearErrors(subscriber)
  const close = async () => subscriber.destroy()
  try {
    await subscriber.connect()
    await subscriber.subscribe(channel, hear)
  } catch (error) {
    await close().catch(ignore)
    throw error
  }
  // It has subscribed again by then.
  subscriber.on('ready', () => hear(undefined))
  return close
}

function ignore(): void {}
