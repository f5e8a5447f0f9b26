-- SPDX-License-Identifier: MIT
-- Sixteen requests in one write. wrk counts every answer; its latency is that of the last of the sixteen.

local depth = 16
local batch

function init(args)
  local requests = {}
  for i = 1, depth do
    requests[i] = wrk.format()
  end
  batch = table.concat(requests)
end

function request()
  return batch
end
