-- SPDX-License-Identifier: MIT
-- A POST of 10,240 bytes with a Content-Length.

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("0123456789abcdef", 640)
