-- The requests of one workload, described by the environment, and one line of results for the
-- driver. Without a global `request`, wrk formats the request once and resends it from C, which is
-- the cheapest client it has; so `request` exists only where requests differ or are pipelined.

local depth = tonumber(os.getenv("VERSUS_DEPTH"))
local body = tonumber(os.getenv("VERSUS_BODY"))
local slow_path = os.getenv("VERSUS_SLOW_PATH")

if body > 0 then
  wrk.method = "POST"
  wrk.body = string.rep("x", body)
end
if os.getenv("VERSUS_CLOSE") then
  wrk.headers["Connection"] = "close"
end

if depth > 1 then
  local batch
  function init()
    batch = string.rep(wrk.format(), depth)
  end
  function request()
    return batch
  end
elseif slow_path then
  local quick, slow
  function init()
    quick = wrk.format()
    slow = wrk.format(nil, slow_path)
    math.randomseed(1)
  end
  function request()
    return math.random(100) == 1 and slow or quick
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("versus %d %d %d %d %d %d %d %d %d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
