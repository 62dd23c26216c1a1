-- wrk's script: asks for a random order of the file that ORDERS_FILE names (a line each: id, tab, document), and ends
-- with one line of JSON.
local requests = {}

function init()
  for line in io.lines(os.getenv("ORDERS_FILE")) do
    local id = line:match("^[^\t]+")
    requests[#requests + 1] = "GET /orders/" .. id .. " HTTP/1.1\r\nHost: bench\r\n\r\n"
  end
  math.randomseed(1)
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%f,"failed":%d,"p99":%f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(99) / 1e6
  ))
end
