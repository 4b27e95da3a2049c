-- Tells what a run of wrk came to, a line each: "told", a name and a whole number.
local function tell(name, number)
  io.write(string.format("told %s %.0f\n", name, number))
end

function done(summary, latency, requests)
  tell("answers", summary.requests)
  tell("duration_us", summary.duration)
  tell("p50_us", latency:percentile(50))
  tell("p99_us", latency:percentile(99))
  tell("p999_us", latency:percentile(99.9))
  tell("max_us", latency.max)
  tell("failed", summary.errors.status)
  tell("connect", summary.errors.connect)
  tell("read", summary.errors.read)
  tell("write", summary.errors.write)
  tell("timeout", summary.errors.timeout)
end
