/**
 * The scheduler as Redis runs it: each script is one atomic step. docs/adr/0003 explains the rule; the model in
 * `testing/fair-model.ts` says the same in TypeScript, and a test holds the two together.
 *
 * KEYS[1] `<prefix>:fair:v`, for routing; ARGV[1] `<prefix>:fair:`, ARGV[2] `<prefix>:bull:train:`. A flow is
 * `0|<tenant>` (interactive) or `1|<tenant>` (bulk), so that of equal tags the interactive one comes first.
 *
 * | key | what it holds |
 * |---|---|
 * | v, vmax | virtual time: the start tag served last; the highest finish tag given |
 * | served | admissions so far |
 * | seq | arrivals, for first come first served within a flow |
 * | ready | sorted set: flows that may be served, by start tag |
 * | jobs:<flow> | sorted set: waiting jobs by arrival |
 * | flows | set: flows that have jobs waiting |
 * | flow:<flow> | hash: finish (tag of its last job), estimate (seconds a job), served (when it was last, in admissions) |
 * | tenant:<tenant> | hash: weight, cap (jobs at once, 0: no cap) |
 * | waiting, admitted | hashes: job to `<flow>\n<payload>` |
 * | charge | hash: admitted job to the seconds its flow has been charged in advance |
 * | active, active:<tenant> | sets: admitted jobs that hold a slot, i.e. neither wait for a retry nor for their model |
 * | again | set: admitted jobs that shall wait again after their end |
 * | claim:<job> | lives while whoever admitted the job may still hand it to BullMQ |
 * | workers, worker:<id> | set of workers; slots of one, expiring with its heartbeat |
 */
const common = `
local p, bull = ARGV[1], ARGV[2]
local ready = p .. 'ready'
local function text(number) return string.format('%.17g', number) end
local function number(key, field)
  local value
  if field then value = redis.call('hget', key, field) else value = redis.call('get', key) end
  return tonumber(value or '0')
end
local function tenantOf(flow) return string.sub(flow, 3) end
local function flowOf(entry) return string.sub(entry, 1, string.find(entry, '\\n', 1, true) - 1) end
local function weightOf(flow)
  local weight = number(p .. 'tenant:' .. tenantOf(flow), 'weight')
  if weight <= 0 then weight = 1 end
  if string.sub(flow, 1, 1) == '0' then return weight * 4 end
  return weight
end
local function capped(tenant)
  local cap = number(p .. 'tenant:' .. tenant, 'cap')
  return cap > 0 and redis.call('scard', p .. 'active:' .. tenant) >= cap
end
local function room()
  local slots = 0
  for _, worker in ipairs(redis.call('smembers', p .. 'workers')) do
    local own = redis.call('get', p .. 'worker:' .. worker)
    if own then slots = slots + tonumber(own) else redis.call('srem', p .. 'workers', worker) end
  end
  return slots - redis.call('scard', p .. 'active')
end
-- No tag lies before now. What a flow did not use is not saved up, and what it gets back because its jobs were shorter
-- than charged never puts it before one that has just come.
local function tagOf(flow)
  return text(math.max(number(p .. 'v'), number(p .. 'flow:' .. flow, 'finish')))
end
local function offer(flow)
  local waiting = redis.call('zcard', p .. 'jobs:' .. flow)
  if waiting == 0 then redis.call('srem', p .. 'flows', flow) end
  if waiting == 0 or capped(tenantOf(flow)) then
    redis.call('zrem', ready, flow)
  elseif not redis.call('zscore', ready, flow) then
    redis.call('zadd', ready, tagOf(flow), flow)
  end
end
local function offerBoth(tenant)
  offer('0|' .. tenant)
  offer('1|' .. tenant)
end
local function setFinish(flow, finish)
  local key = p .. 'flow:' .. flow
  redis.call('hset', key, 'finish', text(finish))
  redis.call('expire', key, 2592000)
  if finish > number(p .. 'vmax') then redis.call('set', p .. 'vmax', text(finish)) end
  if redis.call('zscore', ready, flow) then redis.call('zadd', ready, tagOf(flow), flow) end
end
local function take(id, tenant)
  redis.call('sadd', p .. 'active', id)
  redis.call('sadd', p .. 'active:' .. tenant, id)
end
local function leave(id, tenant)
  redis.call('srem', p .. 'active', id)
  redis.call('srem', p .. 'active:' .. tenant, id)
end
-- Puts the time a job really took in the place of what was charged in advance.
local function account(id, flow, seconds)
  local key = p .. 'flow:' .. flow
  setFinish(flow, number(key, 'finish') + (seconds - number(p .. 'charge', id)) / weightOf(flow))
  redis.call('hset', p .. 'charge', id, '0')
  if seconds > 0 then
    local before = number(key, 'estimate')
    if before <= 0 then before = seconds end
    redis.call('hset', key, 'estimate', text(before * 0.8 + seconds * 0.2))
  end
end
local function wait(id, flow, entry)
  redis.call('zadd', p .. 'jobs:' .. flow, redis.call('incr', p .. 'seq'), id)
  redis.call('hset', p .. 'waiting', id, entry)
  redis.call('sadd', p .. 'flows', flow)
end
local function settle(id, seconds)
  local entry = redis.call('hget', p .. 'admitted', id)
  if not entry then return end
  local flow = flowOf(entry)
  account(id, flow, seconds)
  leave(id, tenantOf(flow))
  redis.call('hdel', p .. 'admitted', id)
  redis.call('hdel', p .. 'charge', id)
  redis.call('del', p .. 'claim:' .. id)
  if redis.call('srem', p .. 'again', id) == 1 then wait(id, flow, entry) end
  offerBoth(tenantOf(flow))
end
local function failed(id)
  if redis.call('zscore', bull .. 'failed', id) then return 1 end
  return 0
end`;

/** ARGV: job, flow, payload, whether to run again if admitted, and weight and cap where known. Returns whether a slot is free. */
const enqueue = `${common}
local id, flow = ARGV[3], ARGV[4]
local tenant = tenantOf(flow)
if ARGV[7] then redis.call('hset', p .. 'tenant:' .. tenant, 'weight', ARGV[7], 'cap', ARGV[8]) end
if redis.call('hexists', p .. 'admitted', id) == 1 and failed(id) == 1 then settle(id, 0) end
if ARGV[6] == '1' and redis.call('hexists', p .. 'admitted', id) == 1 then redis.call('sadd', p .. 'again', id) end
if redis.call('hexists', p .. 'admitted', id) == 0 and redis.call('hexists', p .. 'waiting', id) == 0 then
  wait(id, flow, flow .. '\\n' .. ARGV[5])
end
offerBoth(tenant)
if room() > 0 then return 1 end
return 0`;

/** ARGV: life of a claim in ms. Returns job, entry and whether BullMQ holds it as dead, for each job admitted. */
const admit = `${common}
local out = {}
local free = room()
while free > 0 do
  local first = redis.call('zrange', ready, 0, 0, 'withscores')
  local flow = first[1]
  if not flow then
    if redis.call('scard', p .. 'active') == 0 and number(p .. 'vmax') > number(p .. 'v') then
      redis.call('set', p .. 'v', text(number(p .. 'vmax')))
    end
    break
  end
  local start = tonumber(first[2])
  -- Of equal tags the flow goes first that was served longest ago; of those never served, the interactive one.
  local served = number(p .. 'flow:' .. flow, 'served')
  for _, other in ipairs(redis.call('zrangebyscore', ready, first[2], first[2], 'limit', 1, 100)) do
    local own = number(p .. 'flow:' .. other, 'served')
    if own < served then flow, served = other, own end
  end
  local id = redis.call('zrange', p .. 'jobs:' .. flow, 0, 0)[1]
  local entry = redis.call('hget', p .. 'waiting', id)
  redis.call('zrem', p .. 'jobs:' .. flow, id)
  redis.call('hdel', p .. 'waiting', id)
  redis.call('hset', p .. 'admitted', id, entry)
  take(id, tenantOf(flow))
  local estimate = number(p .. 'flow:' .. flow, 'estimate')
  if estimate <= 0 then estimate = 1 end
  redis.call('hset', p .. 'charge', id, text(estimate))
  redis.call('hset', p .. 'flow:' .. flow, 'served', redis.call('incr', p .. 'served'))
  if start > number(p .. 'v') then redis.call('set', p .. 'v', text(start)) end
  setFinish(flow, start + estimate / weightOf(flow))
  offerBoth(tenantOf(flow))
  redis.call('set', p .. 'claim:' .. id, '1', 'PX', ARGV[3])
  out[#out + 1] = id
  out[#out + 1] = entry
  out[#out + 1] = failed(id)
  free = free - 1
end
return out`;

/** ARGV: job. Returns whether it is admitted; then it holds a slot. */
const begin = `${common}
local entry = redis.call('hget', p .. 'admitted', ARGV[3])
if not entry then return 0 end
take(ARGV[3], tenantOf(flowOf(entry)))
return 1`;

/** ARGV: job, seconds used. It waits in BullMQ for a retry or for its model, without a slot. */
const park = `${common}
local entry = redis.call('hget', p .. 'admitted', ARGV[3])
if not entry then return 0 end
account(ARGV[3], flowOf(entry), tonumber(ARGV[4]))
leave(ARGV[3], tenantOf(flowOf(entry)))
-- It runs again anyway.
redis.call('srem', p .. 'again', ARGV[3])
offerBoth(tenantOf(flowOf(entry)))
return 1`;

/** ARGV: job, seconds used. */
const end = `${common}
settle(ARGV[3], tonumber(ARGV[4]))
return 1`;

/** ARGV: job. Returns 1 when it waited and is gone, 2 when it is admitted, 0 when it is neither. */
const withdraw = `${common}
local id = ARGV[3]
redis.call('srem', p .. 'again', id)
if redis.call('hexists', p .. 'admitted', id) == 1 then return 2 end
local entry = redis.call('hget', p .. 'waiting', id)
if not entry then return 0 end
redis.call('hdel', p .. 'waiting', id)
redis.call('zrem', p .. 'jobs:' .. flowOf(entry), id)
offer(flowOf(entry))
return 1`;

/**
 * ARGV: worker, slots, life of the worker in ms, life of a claim in ms. Renews the worker and sets right what a death
 * left: returns, as \`admit\` does, the admitted jobs that BullMQ does not know and nobody is handing over.
 */
const tend = `${common}
redis.call('sadd', p .. 'workers', ARGV[3])
redis.call('set', p .. 'worker:' .. ARGV[3], ARGV[4], 'PX', ARGV[5])
local out = {}
local admitted = redis.call('hgetall', p .. 'admitted')
for at = 1, #admitted, 2 do
  local id, entry = admitted[at], admitted[at + 1]
  local tenant = tenantOf(flowOf(entry))
  if redis.call('exists', bull .. id) == 0 then
    if redis.call('set', p .. 'claim:' .. id, '1', 'PX', ARGV[6], 'NX') then
      take(id, tenant)
      out[#out + 1] = id
      out[#out + 1] = entry
      out[#out + 1] = 0
    end
  elseif failed(id) == 1 then
    settle(id, 0)
  elseif redis.call('zscore', bull .. 'delayed', id) then
    leave(id, tenant)
    offerBoth(tenant)
  else
    take(id, tenant)
  end
end
return out`;

/** ARGV: worker. */
const retire = `${common}
redis.call('srem', p .. 'workers', ARGV[3])
redis.call('del', p .. 'worker:' .. ARGV[3])
return 1`;

/** Returns flow, waiting jobs and the first of them, for each flow that has any. */
const backlog = `${common}
local out = {}
for _, flow in ipairs(redis.call('smembers', p .. 'flows')) do
  out[#out + 1] = flow
  out[#out + 1] = redis.call('zcard', p .. 'jobs:' .. flow)
  out[#out + 1] = redis.call('zrange', p .. 'jobs:' .. flow, 0, 0)[1]
end
return out`;

export const fairScripts = { enqueue, admit, begin, park, end, withdraw, tend, retire, backlog } as const;
export type FairScript = keyof typeof fairScripts;
