import { type Script, script } from "./script.ts";

/**
 * Draws from all counts or from none. It is `rate.ts` of `@gatewright/core` once more, in the same order of steps, by the
 * time of Redis, which all gateways share.
 *
 * KEYS: the epoch of the shard, then a key for each count. ARGV: the epoch that the gateway knows or "", "1" for a
 * settlement or "0", then for each count its kind, capacity, period, cost and `since`.
 *
 * A count is kept as two numbers, "at amount", until it would look as if nothing had been taken, and a second longer.
 * The answer is one text, as all clients read texts alike: "taken" or "left", or "lost" where nothing was done; the epoch
 * and its age; then, unless it is lost, for each count what remains, the reset, the wait (-1: never) and `since`.
 */
export const drawScript: Script = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

-- tostring() would lose digits.
local function text(number) return string.format('%.17g', number) end
local function whole(number) return string.format('%.0f', number) end

local kept = redis.call('MGET', unpack(KEYS))
local epoch = kept[1]
if not epoch then
  epoch = text(now)
  redis.call('SET', KEYS[1], epoch)
end
local age = text(math.max(0, now - tonumber(epoch)))
if ARGV[1] ~= '' and ARGV[1] ~= epoch then return 'lost ' .. epoch .. ' ' .. age end
local settle = ARGV[2] == '1'

-- What sums of parts may be off, as a part of the capacity.
local rounding = 1e-12

-- What is kept, moved to now.
local function read(value, window, capacity, period)
  if not value then
    if window then return now, 0 end
    return now, capacity
  end
  local at, amount = string.match(value, '^(%S+) (%S+)$')
  at, amount = tonumber(at), tonumber(amount)
  -- A clock that was set back must not make anybody wait for as long.
  if at > now then at = now end
  if not window then return now, math.min(capacity, amount + (now - at) / period * capacity) end
  -- Every window that has passed has paid its part.
  if amount <= math.floor((now - at) / period) * capacity + capacity * rounding then return now, 0 end
  return at, amount
end

local function wait(count)
  if count.cost > count.capacity then return -1 end
  if not count.window then
    if count.amount + count.capacity * rounding >= count.cost then return 0 end
    return math.ceil((count.cost - count.amount) / count.capacity * count.period)
  end
  local passed = math.floor((now - count.at) / count.period)
  local windows = math.ceil((count.amount + count.cost) / count.capacity - rounding) - 1
  if windows <= passed then return 0 end
  return math.ceil(count.at + windows * count.period - now)
end

local counts = {}
local taken = true
for i = 2, #KEYS do
  local first = (i - 2) * 5 + 3
  local count = {
    window = ARGV[first] == 'window',
    capacity = tonumber(ARGV[first + 1]),
    period = tonumber(ARGV[first + 2]),
    cost = tonumber(ARGV[first + 3]),
    since = ARGV[first + 4],
    wait = 0
  }
  count.at, count.amount = read(kept[i], count.window, count.capacity, count.period)
  if not settle then count.wait = wait(count) end
  if count.wait ~= 0 then taken = false end
  counts[i] = count
end

local answer = { taken and 'taken' or 'left', epoch, age }
for i = 2, #KEYS do
  local count = counts[i]
  -- What was taken from a window that is over is not given back to the next one.
  local over = count.window and count.cost < 0 and count.since ~= '' and count.since ~= text(count.at)
  local change = taken and not over
  local slack = count.capacity * rounding
  local remaining
  local reset = 0
  if count.window then
    if change then count.amount = math.max(0, count.amount + count.cost) end
    -- What is given back once the windows since have paid for it is no more than all.
    local used = math.max(0, count.amount - math.floor((now - count.at) / count.period) * count.capacity)
    remaining = count.capacity - used
    if used > slack then reset = count.at + math.ceil(count.amount / count.capacity) * count.period - now end
  else
    if change then count.amount = math.min(count.capacity, count.amount - count.cost) end
    remaining = count.amount
    local missing = count.capacity - count.amount
    if missing > slack then reset = missing / count.capacity * count.period end
  end
  if change then
    -- Thirty years are enough for any debt, and more than Redis can add to its time are an error.
    local keep = whole(math.min(math.ceil(reset) + 1000, 1e12))
    redis.call('SET', KEYS[i], text(count.at) .. ' ' .. text(count.amount), 'PX', keep)
  end
  answer[#answer + 1] = whole(math.floor(math.min(count.capacity, remaining + slack)))
  answer[#answer + 1] = whole(math.ceil(reset))
  answer[#answer + 1] = whole(count.wait)
  answer[#answer + 1] = text(count.at)
end
return table.concat(answer, ' ')
`);
