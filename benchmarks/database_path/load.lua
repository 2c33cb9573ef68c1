-- One request of a random user among those whose tokens stand in the file TOKENS; OPERATION is GET or CREATE,
-- PREFIX what the paths begin with.
local tokens = {}
for line in io.lines(os.getenv("TOKENS")) do
  tokens[#tokens + 1] = line
end
local prefix = os.getenv("PREFIX")
local creating = os.getenv("OPERATION") == "CREATE"
local body = '{"title":"A new task","description":"What is to be done, in a sentence or two.","due_at":"2030-01-01T12:00:00Z"}'

function init()
  math.randomseed(os.time())
end

function request()
  local user = math.random(#tokens)
  local headers = { ["Authorization"] = "Bearer " .. tokens[user] }
  if creating then
    headers["Content-Type"] = "application/json"
    return wrk.format("POST", prefix .. "/users/me/tasks", headers, body)
  end
  local id = string.format("00000000-0000-4000-8000-%04x%08x", user, math.random(100))
  return wrk.format("GET", prefix .. "/users/me/tasks/" .. id, headers)
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\n{"requests":%d,"seconds":%f,"p99_ms":%f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(99) / 1000, failed))
end
