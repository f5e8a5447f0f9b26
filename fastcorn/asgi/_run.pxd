# SPDX-License-Identifier: MIT
# Cycle: one exchange as its application sees it, as far as running the application goes.

from fastcorn.asgi._context cimport Context


cdef extern from *:
    """
    static PyObject *fc_bind(PyObject *method, PyObject *self)
    {
        return PyCFunction_NewEx(((PyMethodDescrObject *)method)->d_method, self, NULL);
    }
    """
    # A method of a compiled class, as its type has it, bound to an instance: what an attribute gives, without a search.
    object fc_bind(object method, object self)


cdef class ApplicationRun


cdef class Cycle:
    cdef Context context
    cdef readonly dict scope
    cdef object task                # None while the first eager step runs, and when it has ended
    cdef bint running               # a step of the application is on the stack
    cdef bint finished
    cdef Py_ssize_t step_bytes      # body bytes sent in this step

    # A cycle whose messages come one by one may take the next step of its application without a turn of the loop.
    cdef object waiter              # the future that receive() waits for; None = it does not wait, or waits otherwise
    cdef ApplicationRun parked      # the run, while all that its task waits for is `waiter`

    cdef int start(self) except -1
    cdef object call_application(self, object application)     # with this cycle's scope, receive and send
    cdef int application_ended(self) except -1
    cdef bint step_now(self) except -1

    # What a connection tells whichever cycle it carries: the client has gone; the server is about to stop.
    cdef int feed_disconnect(self) except -1
    cdef int feed_drain(self) except -1

    # What a subclass does. The application has suspended or ended; it returned; it raised; it was cancelled.
    cdef int step_ended(self) except -1
    cdef int application_returned(self) except -1
    cdef int application_raised(self, object error) except -1
    cdef int fail(self) except -1


cdef class ApplicationRun:
    cdef Cycle cycle
    cdef object coroutine
    cdef bint handing_over          # a step that the task did not drive has come to these; the task goes on with them
    cdef object yielded
    cdef object raised
    cdef object context             # of the task; None before such a step

    cdef object step(self, object value, object error)
    cdef object take_over(self, object error)
    cdef object advance(self, object value, object error)
    cdef tuple throw_in(self, object error)
