export type { StateChange } from "./availability.ts";
export type { IoRedisClient, NodeRedisClient, RedisClient } from "./client.ts";
export type { RedisStatus, RedisStore, RedisStoreOptions } from "./redis-store.ts";
export { redisStore } from "./redis-store.ts";
export type { WhenDown } from "./without-redis.ts";
