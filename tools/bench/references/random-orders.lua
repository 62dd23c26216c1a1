-- wrk's script: asks for a random line of the file that REQUESTS_FILE names (an id, and after a tab the entity tag that
-- the client has already, if any), and ends with one line of JSON.
local requests = {}

function init()
  for line in io.lines(os.getenv("REQUESTS_FILE")) do
    local id, tag = line:match("^([^\t]+)\t?(.*)$")
    local condition = tag == "" and "" or "If-None-Match: " .. tag .. "\r\n"
    requests[#requests + 1] = "GET /orders/" .. id .. " HTTP/1.1\r\nHost: bench\r\n" .. condition .. "\r\n"
  end
  math.randomseed(1)
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%f,"failed":%d,"refused":%d,"p99":%f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status, latency:percentile(99) / 1e6
  ))
end
