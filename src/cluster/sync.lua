-- One gate states all that it holds and wants at one maildrop, and is answered what follows.
--
-- KEYS  1 the maildrop's state   2 the epoch   3 prefix of the gates' keys
-- ARGV  1 gate   2 epoch id   3 sequence   4 holds: "", "0" (a session without a turn) or a turn
--       5 the highest turn that the gate was told of
--       6 main slot: "" or "age,until"   7 unproven slot: "" or "age,half,until"
--       8 prefix of push channels   9 "1": the gate hears pushes   10 home
--       11 how long ago a backend session ended, if that is known   12 the gate's lease
--       13 how long the last turn is kept once the maildrop is not in use, if that is longer than UNUSED
-- All times are milliseconds; ages and waits are from now. The only clock is the server's.

if #KEYS ~= 3 or #ARGV ~= 13 then
  return redis.error_reply('POPGATE sync takes 3 keys and 13 arguments, not ' .. #KEYS .. ' and ' .. #ARGV)
end
for _, at in ipairs({ 3, 5, 12, 13 }) do
  if not tonumber(ARGV[at]) then return redis.error_reply('POPGATE sync: argument ' .. at .. ' is no number') end
end
if not (ARGV[4] == '' or tonumber(ARGV[4])) or not (ARGV[11] == '' or tonumber(ARGV[11]))
  or not (ARGV[6] == '' or string.match(ARGV[6], '^%d+,%d+$'))
  or not (ARGV[7] == '' or string.match(ARGV[7], '^%d+,%d+,%d+$')) then
  return redis.error_reply('POPGATE sync: holds, slots and ends are numbers')
end

local CLAIM = 2000         -- a turn that was pushed is taken up within this time
local GRACE = 2000         -- a new epoch gives nothing away before the gates have said what they hold
local REMEMBERED = 60000   -- how long a gate that left is known by its sequence
local GATES_MAX = 64
local IN_USE = 7200000     -- the key's life while somebody holds or waits; each gate repeats itself sooner
local UNUSED = 60000
local PASSED_MAX = 3       -- turns that go past a gate that does not hear, before one waits for it
local ASKS_WITHIN = 1500   -- a gate that waits asks again within this time
local MAIN_TURNS = 3       -- turns of the main lane between two of the unproven one

local gate, sequence, holds, seen = ARGV[1], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local lease = tonumber(ARGV[12])

local epoch = redis.call('HMGET', KEYS[2], 'id', 'began', 'restating', 'alone')
if not epoch[1] or epoch[1] ~= ARGV[2] then return {'epoch'} end
if redis.call('GET', KEYS[3] .. gate) ~= epoch[1] then return {'lease'} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function numbers(text)
  local list = {}
  for number in string.gmatch(text, '%d+') do list[#list + 1] = tonumber(number) end
  return list
end

-- Who held it in the epoch before holds it until he has spoken, or his lease is over.
local function fresh(old)
  local holder = old.holder
  return {
    epoch = epoch[1], slots = {}, gates = {}, places = 0, main_turns = old.main_turns or MAIN_TURNS,
    token = old.token or 0, home = old.home or '', ended = math.min(old.ended or -1, now),
    holder = holder and {
      gate = holder.gate, token = holder.token, lane = holder.lane, lease = holder.lease, old = true,
    } or nil,
  }
end

local function load_state()
  local stored = redis.call('GET', KEYS[1])
  local state = stored and cmsgpack.unpack(stored) or {}
  if state.epoch ~= epoch[1] then return fresh(state) end
  return state
end

local state = load_state()

local lives = {}
local function is_alive(name)
  if lives[name] == nil then lives[name] = redis.call('GET', KEYS[3] .. name) == epoch[1] end
  return lives[name]
end

local function has_slot(name)
  for _, slot in ipairs(state.slots) do
    if slot.gate == name then return true end
  end
  return false
end

local function find_slot(name, lane)
  for _, slot in ipairs(state.slots) do
    if slot.gate == name and slot.lane == lane then return slot end
  end
end

-- As if it had not been given: its gate keeps its place, but counts as one that does not hear.
local function not_taken_up(holder)
  local known = state.gates[holder.gate]
  if known then known.deaf = true end
  local slot = find_slot(holder.gate, holder.lane)
  if slot then slot.place = holder.place_before end
  state.main_turns = holder.main_turns_before
end

-- For how long one of the epoch before counts: his own lease, if he has said it.
local function old_for(holder)
  return holder.lease or lease
end

-- What is over: slots of gates that are gone or whose waits have ended, a holder that is gone, a
-- claim that nobody took up.
local function prune()
  local slots = {}
  for _, slot in ipairs(state.slots) do
    if is_alive(slot.gate) and slot.ends > now then slots[#slots + 1] = slot end
  end
  state.slots = slots
  local holder = state.holder
  if holder and holder.old then
    if now - tonumber(epoch[2]) >= old_for(holder) then state.holder = nil end
  elseif holder and not is_alive(holder.gate) then
    state.holder = nil
  -- Further off than it can be: the clock was set back.
  elseif holder and holder.claimed and (holder.claim_ends <= now or holder.claim_ends > now + CLAIM) then
    not_taken_up(holder)
    state.holder = nil
  end
  for name, known in pairs(state.gates) do
    local is_in = has_slot(name) or (state.holder and state.holder.gate == name)
    if not is_in and (not is_alive(name) or now - known.at > REMEMBERED) then state.gates[name] = nil end
  end
end

local function new_token()
  local token = math.max(state.token, time[1] * 1000000 + time[2])
  for _, known in pairs(state.gates) do token = math.max(token, known.seen) end
  state.token = token + 1
  state.alone = epoch[4] or '0'
  return state.token
end

local function next_place()
  state.places = state.places + 1
  return state.places
end

-- A slot that was there keeps its place.
local function put_slot(lane, ages)
  local slot = find_slot(gate, lane)
  if #ages == 0 then
    if slot then slot.gone = true end
    return
  end
  if not slot then
    slot = { gate = gate, lane = lane, place = next_place() }
    state.slots[#state.slots + 1] = slot
  end
  slot.half = now + (lane == 'u' and ages[2] or 0)
  slot.ends = now + ages[#ages]
end

local function state_slots()
  put_slot('m', numbers(ARGV[6]))
  put_slot('u', numbers(ARGV[7]))
  local slots = {}
  for _, slot in ipairs(state.slots) do
    if not slot.gone then slots[#slots + 1] = slot end
  end
  state.slots = slots
end

local function hold(token, lane)
  state.holder = { gate = gate, token = token, lane = lane, lease = lease }
  if token > state.token then state.token, state.alone = token, nil end
end

-- What the gate says that it holds, against what is known here. Returns the gate's standing, if
-- that follows already.
local function settle_holder()
  local holder = state.holder
  local is_own = holder and holder.gate == gate
  if holds == '' then
    if not is_own then return end
    local wants = ARGV[holder.lane == 'm' and 6 or 7] ~= ''
    if holder.token > seen and wants and not holder.old then
      -- Its answer was lost, or this is how it takes up what was pushed.
      holder.claimed, holder.lease = nil, lease
      return 'granted'
    end
    -- Nobody had it: whoever waited has left before he heard of it.
    if holder.claimed then state.main_turns = holder.main_turns_before end
    state.holder = nil
    return
  end
  -- A later turn, which this server has lost.
  if holder and holder.old and not is_own and tonumber(holds) > holder.token then holder = nil end
  if holder and not is_own then
    -- Two sessions at once: what the one with the later turn was shown is not all that happened.
    state.alone = nil
    return 'lost'
  end
  local lane = holder and holder.lane or (ARGV[7] ~= '' and ARGV[6] == '' and 'u' or 'm')
  if is_own then
    -- Whichever turn it names: one session, and not two.
    hold(holder.token, lane)
  elseif holds ~= '0' and tonumber(holds) >= state.token then
    hold(tonumber(holds), lane)
  else
    -- The number that it names is behind, or it has none.
    hold(new_token(), lane)
  end
  return 'held'
end

-- `half_by`: among those whose half is over by then.
local function first(lane, half_by)
  local best
  for _, slot in ipairs(state.slots) do
    local is_meant = slot.lane == lane and not slot.passed and (not half_by or slot.half <= half_by)
    if is_meant and (not best or slot.place < best.place) then best = slot end
  end
  return best
end

-- Strangers have their turn when nobody else waits, and else one in four, past half of their wait.
local function next_slot()
  local stranger = state.main_turns >= MAIN_TURNS and first('u', now)
  return stranger or first('m') or first('u')
end

local function hears(slot)
  local known = state.gates[slot.gate]
  if not known or known.deaf then return false end
  local id = string.match(KEYS[1], '[^:]*$')
  if redis.call('PUBLISH', ARGV[8] .. slot.gate, 't' .. id) > 0 then return true end
  known.deaf = true
  return false
end

-- Whether the turn stays for a gate that does not hear: it was passed often, and asks soon.
local function is_kept_for(slot)
  local known = state.gates[slot.gate]
  return (slot.missed or 0) >= PASSED_MAX and known and now - known.at <= ASKS_WITHIN
end

-- Gives the turn to the first who can take it. One that does not hear keeps its place, and is
-- given a turn only when it asks.
local function serve()
  local given, is_kept
  while not given and not is_kept do
    local slot = next_slot()
    if not slot then break end
    if slot.gate == gate or hears(slot) then
      given = slot
    elseif is_kept_for(slot) then
      is_kept = true
    else
      slot.passed = true
    end
  end
  for _, slot in ipairs(state.slots) do
    if slot.passed and given then slot.missed = (slot.missed or 0) + 1 end
    slot.passed = nil
  end
  if not given then return end
  given.missed = nil
  state.holder = { gate = given.gate, token = new_token(), lane = given.lane }
  if given.gate == gate then
    state.holder.lease = lease
  else
    local holder = state.holder
    holder.claimed, holder.claim_ends = true, now + CLAIM
    holder.place_before, holder.main_turns_before = given.place, state.main_turns
  end
  given.place = next_place()
  state.main_turns = given.lane == 'm' and math.min(MAIN_TURNS, state.main_turns + 1) or 0
  return given.gate == gate and 'granted' or nil
end

local function others(lane)
  for _, slot in ipairs(state.slots) do
    if slot.gate ~= gate and slot.lane == lane then return 1 end
  end
  return 0
end

local function answer(standing)
  local holder = state.holder
  local own = holder and holder.gate == gate
  local token, lane = 0, ''
  if own then token, lane = holder.token, holder.lane end
  local elsewhere, left = '', 0
  if holder and not own then
    elsewhere = holder.gate
    left = math.max(0, redis.call('PTTL', KEYS[3] .. holder.gate))
    if holder.old then left = math.max(left, tonumber(epoch[2]) + old_for(holder) - now) end
  end
  local since_end = state.ended >= 0 and math.max(0, now - state.ended) or -1
  return {
    standing, string.format('%.0f', token), lane, others('m'), others('u'), elsewhere, left,
    state.home, since_end, string.format('%.0f', state.token),
  }
end

prune()

local known = state.gates[gate]
if known and sequence <= known.sequence then return answer('stale') end
if not known then
  local count = 0
  for _ in pairs(state.gates) do count = count + 1 end
  if count >= GATES_MAX then return redis.error_reply('POPGATE too many gates at one maildrop') end
  known = {}
  state.gates[gate] = known
end
known.sequence, known.at, known.seen = sequence, now, seen
if ARGV[9] == '1' then known.deaf = nil end
if ARGV[10] ~= '' then state.home = ARGV[10] end
if ARGV[11] ~= '' then state.ended = math.max(state.ended, now - tonumber(ARGV[11])) end

local standing = settle_holder()
state_slots()
local gives = now - tonumber(epoch[2]) >= GRACE and now >= tonumber(epoch[3] or '0')
if not state.holder and gives then standing = serve() or standing end
if not standing then standing = has_slot(gate) and 'queued' or 'idle' end

local holder = state.holder
if holder and holder.gate ~= gate and (find_slot(gate, 'm') or (holder.old and has_slot(gate))) then
  redis.call('PUBLISH', ARGV[8] .. holder.gate, 'c' .. string.match(KEYS[1], '[^:]*$'))
end

local life = (holder or #state.slots > 0) and IN_USE or math.max(UNUSED, tonumber(ARGV[13]))
redis.call('SET', KEYS[1], cmsgpack.pack(state), 'PX', life)
return answer(standing)
