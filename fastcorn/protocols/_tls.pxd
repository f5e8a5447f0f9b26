# SPDX-License-Identifier: MIT
# TLSTransport: one socket that speaks TLS, between the loop's transport and the connection.

from fastcorn.asgi._context cimport Context
from fastcorn.protocols._writer cimport Writer


# HANDSHAKE -> OPEN -> CLOSING -> CLOSED; from each state straight to CLOSED when something is wrong.
cdef enum TLSState:
    HANDSHAKE           # there is no connection yet; the context counts this object as one
    OPEN
    CLOSING             # the connection has closed; what waits in the backlog leaves first
    CLOSED              # nothing is read or written any more


cdef class TLSTransport:
    cdef Context context
    cdef TLSState state
    cdef object ssl_context         # until the first bytes: then `session` has it
    cdef object make_connection     # until the handshake has ended
    cdef object raw                 # the loop's transport of the socket; None when the socket is lost
    cdef Writer wire                # the way of the encrypted bytes
    cdef object incoming            # ssl.MemoryBIO of what came
    cdef object outgoing            # ssl.MemoryBIO of what leaves
    cdef object session             # ssl.SSLObject; None before the first bytes
    cdef object take_in             # incoming.write, and so on: looked up once
    cdef object take_out
    cdef object read_plain
    cdef object write_plain
    cdef object connection          # the protocol above; None until the handshake has ended
    cdef double deadline            # of the handshake, on the clock of the context; 0 = none

    # Reading.
    cdef bint reading_paused
    cdef bint eof                   # the client has ended its side (close_notify), or the socket has
    cdef bint between_records       # what came so far ended with a record, and OpenSSL holds nothing of it
    cdef bint eof_told              # and the connection knows it
    cdef bytes held                 # decrypted, and not taken because the connection has paused; None = nothing

    # Writing.
    cdef list backlog               # [bytes or memoryview] not encrypted yet: the client is slow; None = nothing
    cdef Py_ssize_t backlog_size
    cdef int unread_answers         # of OpenSSL's own, in a row, to a client that takes nothing
    cdef bint eof_wanted            # write_eof() was called with a backlog
    cdef bint eof_sent

    cdef int shake_hands(self, bytes data) except -1
    cdef int open(self) except -1
    cdef int fail(self, str reason) except -1
    cdef int refuse_plain(self) except -1
    cdef int receive(self, bytes data) except -1
    cdef bytes decrypt(self, list parts, Py_ssize_t record)
    cdef int deliver(self, bytes data) except -1
    cdef int deliver_eof(self) except -1
    cdef int encrypt(self, object data) except -1
    cdef int send_outgoing(self) except -1
    cdef int empty_backlog(self) except -1
    cdef int say_goodbye(self) except -1
    cdef int finish(self) except -1
