import { type Script, script } from "./script.ts";

/**
 * Takes or renews a slot. KEYS: the slots of a key, a sorted set of owners by the moment at which their lease ends. ARGV:
 * the owner, how many may have one, and the lease in milliseconds. Answers "new", "renewed" or "full".
 */
export const leaseScript: Script = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.17g', now))
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not held and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 'full' end
redis.call('ZADD', KEYS[1], string.format('%.17g', now + ARGV[3]), ARGV[1])
-- The key lasts as long as the longest lease in it.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return held and 'renewed' or 'new'
`);

/** Frees a slot. KEYS: as above. ARGV: the owner. */
export const releaseScript: Script = script(`
return redis.call('ZREM', KEYS[1], ARGV[1])
`);

/**
 * Claims a call, or tells what is known of it. KEYS: the call, a hash of its fingerprint and of either its owner or its
 * record. ARGV: the fingerprint, the owner, and the lease in milliseconds. Answers "claimed" and whether it is "new" or
 * "renewed", or "running" or "done" with the fingerprint and the record.
 */
export const claimScript: Script = script(`
local known = redis.call('HMGET', KEYS[1], 'fingerprint', 'owner', 'record')
if known[1] and known[2] ~= ARGV[2] then
  if known[3] then return { 'done', known[1], known[3] } end
  return { 'running', known[1] }
end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'owner', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 'claimed', known[1] and 'renewed' or 'new' }
`);

/**
 * Ends a claim, if it still is the owner's. KEYS: as above. ARGV: the owner, how long the record is kept in milliseconds,
 * and the record; without one the call is free again.
 */
export const settleScript: Script = script(`
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
if ARGV[3] then
  redis.call('HSET', KEYS[1], 'record', ARGV[3])
  redis.call('HDEL', KEYS[1], 'owner')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  redis.call('DEL', KEYS[1])
end
return 1
`);

/** Shows whether Redis takes writes: one that only reads would pass on a replica, and where the memory is full. */
export const probeScript: Script = script(`
redis.call('SET', KEYS[1], '1', 'PX', '1000')
return 1
`);
