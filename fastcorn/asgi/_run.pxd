# SPDX-License-Identifier: MIT
# Cycle: one exchange as its application sees it, as far as running the application goes.

from fastcorn.asgi._context cimport Context


cdef class Cycle:
    cdef Context context
    cdef readonly dict scope
    cdef object task                # None while the first eager step runs, and when it has ended
    cdef bint running               # a step of the application is on the stack
    cdef bint finished
    cdef Py_ssize_t step_bytes      # body bytes sent in this step

    cdef int start(self) except -1
    cdef int application_ended(self) except -1

    # What a subclass does. The application has suspended or ended; it returned; it raised; it was cancelled.
    cdef int step_ended(self) except -1
    cdef int application_returned(self) except -1
    cdef int application_raised(self, object error) except -1
    cdef int fail(self) except -1


cdef class ApplicationRun:
    cdef Cycle cycle
    cdef object coroutine

    cdef object step(self, object value, object error)
    cdef tuple throw_in(self, object error)
