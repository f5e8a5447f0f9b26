# SPDX-License-Identifier: MIT
# The times, in seconds, that deadlines of connections share; they are compared with the clock of the context.

cdef enum:
    # Between two calls of Context.tick(), which moves the clock.
    TICK_SECONDS = 1
    # What a client has to read our last words before the connection is cut. nginx: lingering_timeout 5s.
    LINGER_SECONDS = 5
    # From the first body byte on before body_min_rate is asked for. Apache: RequestReadTimeout body=20; Kestrel: 5.
    RATE_GRACE_SECONDS = 5
