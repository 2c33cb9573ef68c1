-- Requests of random users among those whose tokens stand in the file TOKENS; OPERATION is GET, LIST, CREATE, UPDATE or
-- MIX (70, 20, 5 and 5 in a hundred), PREFIX what the paths begin with.
local tokens = {}
for line in io.lines(os.getenv("TOKENS")) do
  tokens[#tokens + 1] = line
end
local tasks = os.getenv("PREFIX") .. "/users/me/tasks"
local chosen = os.getenv("OPERATION")
local new = '{"title":"A new task","description":"What is to be done, in a sentence or two.","due_at":"2030-01-01T12:00:00Z"}'
local change = '{"title":"A changed task","due_at":"2030-01-02T12:00:00Z"}'

function init()
  math.randomseed(os.time())
end

local function mixed()
  local number = math.random(100)
  return number <= 70 and "GET" or number <= 90 and "LIST" or number <= 95 and "CREATE" or "UPDATE"
end

function request()
  local user = math.random(#tokens)
  local headers = { ["Authorization"] = "Bearer " .. tokens[user] }
  local operation = chosen == "MIX" and mixed() or chosen
  if operation == "LIST" then
    return wrk.format("GET", tasks .. "?limit=20", headers)
  end
  local id = string.format("/00000000-0000-4000-8000-%04x%08x", user, math.random(100))
  if operation == "GET" then
    return wrk.format("GET", tasks .. id, headers)
  end
  headers["Content-Type"] = "application/json"
  if operation == "CREATE" then
    return wrk.format("POST", tasks, headers, new)
  end
  return wrk.format("PATCH", tasks .. id, headers, change)
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\n{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d}\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end
