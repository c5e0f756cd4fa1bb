-- What wrk prints for wrk.ts to read, when it begins and at its end. It defines neither `request` nor `response`, which
-- would cost time for each of them.

function init(_arguments)
  io.write('begins\n')
  io.stdout:flush()
end

function done(summary, latency, _requests)
  local errors = summary.errors
  local percentiles = {}
  for name, percent in pairs({ p50 = 50, p90 = 90, p99 = 99, p999 = 99.9 }) do
    percentiles[#percentiles + 1] = string.format('"%s":%d', name, latency:percentile(percent))
  end
  percentiles[#percentiles + 1] = string.format('"max":%d', latency.max)
  io.write(
    string.format(
      '{"requests":%d,"bytes":%.0f,"microseconds":%d,"cpuSeconds":%.6f,"latencyMicroseconds":{%s},',
      summary.requests,
      summary.bytes,
      summary.duration,
      os.clock(),
      table.concat(percentiles, ',')
    ),
    string.format(
      '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
      errors.connect,
      errors.read,
      errors.write,
      errors.status,
      errors.timeout
    )
  )
  io.stdout:flush()
end
