# SPDX-License-Identifier: MIT
# EngineDriver: an HTTP/2 engine without a connection, driven from Python.

from fastcorn.protocols._http2_engine cimport HTTP2Engine
from fastcorn.protocols._output cimport Output


cdef class EngineDriver:
    cdef readonly HTTP2Engine engine
    cdef readonly list events
    cdef Output out

    cdef bytes take(self)
