# SPDX-License-Identifier: MIT
"""Field lists of HTTP/2 (RFC 9113 section 8) in both directions: a request's list to a scope, an application's to a
checked one.

Called by H2Connection, with lists of (name, value) that an engine has decoded or will encode. csrc/request_fields.c
judges requests; an application's fields are checked as in `_headers`, and what belongs to a connection is left out.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Copy
from cpython.list cimport PyList_Append, PyList_CheckExact, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp

from fastcorn.asgi._context cimport Context
from fastcorn.protocols._headers cimport (
    NAMES, as_bytes, as_list, as_pair, ascii_text, decode_path, note_special,
)

from fastcorn.errors import MessageError


cdef extern from "head.h":
    int FC_METHOD_OTHER
    int FC_METHOD_GET
    int FC_METHOD_HEAD
    int FC_METHOD_CONNECT


cdef extern from "names.h":
    int FC_NAME_UNKNOWN
    int FC_NAME_HOST
    int FC_NAME_CONTENT_LENGTH
    int FC_NAME_COOKIE
    int FC_NAME_TRANSFER_ENCODING
    int FC_NAME_CONNECTION
    int FC_NAME_EXPECT
    int FC_NAME_UPGRADE
    int FC_NAME_KEEP_ALIVE
    int FC_NAME_LAST_SPECIAL
    int FC_NAME_PRIORITY
    int FC_NAME_PROXY_CONNECTION
    int fc_name_id(const char *name, size_t len)


cdef extern from "fields.h":
    int fc_name_copy_lower(char *dst, const char *src, size_t len)
    int fc_value_has_break(const char *src, size_t len)


cdef extern from "request_fields.h":
    int FC_FIELD_PSEUDO

    ctypedef struct fc_text:
        const char *data
        size_t len

    ctypedef struct fc_request:
        fc_text method
        fc_text path
        fc_text host
        int64_t content_length
        size_t path_len
        uint8_t method_id
        uint8_t path_escaped
        uint8_t te_trailers
        uint8_t expect_continue

    void fc_request_init(fc_request *request, uint32_t target, uint32_t field, uint32_t fields)
    int fc_request_field(fc_request *request, const char *name, size_t name_len, const char *value, size_t value_len)
    int fc_request_finish(fc_request *request)
    int fc_trailer_check(const char *name, size_t name_len, const char *value, size_t value_len)
    int fc_request_status(int error)
    const char *fc_request_reason(int error)


cdef enum:
    PRIORITY_BYTES = 256    # of joined fields; copying thousands of them again for each would hold everybody up


# By enum fc_method; None is any other, which ASGI wants in upper case.
cdef list METHODS = [None, "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]


# ---- requests ------------------------------------------------------------------------------------------------------

@cython.final
@cython.freelist(32)
cdef class RequestHead:
    """A request as its field list says it; see the declaration."""


cdef RequestHead read_request(Context context, list fields, bint secure):
    """Judge a request's fields (RFC 9113 sections 8.2 and 8.3, RFC 8441) and make its scope.

    `fields` are pairs of exact bytes, pseudo-fields included, as the engine has decoded them. The scope lacks client,
    server, asgi, state and extensions, which the connection knows. Never raises for what a client sent: see `error`.
    """
    cdef RequestHead head = RequestHead.__new__(RequestHead)
    cdef fc_request request
    cdef list headers = []
    cdef int result = 0
    fc_request_init(&request, context.max_target, context.max_field, context.max_fields)
    # The texts in `request` are borrowed from the objects in `fields`, which is alive until this function returns.
    result = read_fields(head, &request, fields, headers)
    if result >= 0:
        result = fc_request_finish(&request)
    head.content_length = request.content_length
    head.te_trailers = request.te_trailers
    head.expect_continue = request.expect_continue
    head.head_request = request.method_id == FC_METHOD_HEAD
    head.connect = request.method_id == FC_METHOD_CONNECT
    if result < 0:
        head.status = fc_request_status(result)
        head.error = fc_request_reason(result).decode("ascii")
        return head
    if context.join_cookies:
        join_cookies(headers)
    if head.authority is None:
        head.authority = request.host.data[:request.host.len]
    head.scope = make_scope(context, &request, headers, secure)
    return head


cdef int join_cookies(list headers) except -1:
    """Make one field of several, in the place of the first (RFC 9113 section 8.2.3)."""
    cdef bytes name = NAMES[FC_NAME_COOKIE]
    cdef list cookies = [value for key, value in headers if key is name]
    if len(cookies) > 1:
        first = headers.index((name, cookies[0]))
        headers[:] = [*headers[:first], (name, b"; ".join(cookies)), *[
            pair for pair in headers[first:] if pair[0] is not name
        ]]
    return 0


cdef dict copy_scope(dict known):
    """A scope of its own for a request like the one of this scope; its header list is its own too."""
    cdef dict scope = PyDict_Copy(known)
    scope["headers"] = (<list>known["headers"])[:]
    return scope


cdef int read_fields(RequestHead head, fc_request *request, list fields, list headers) except? -1:
    """Give each field to the judge; append those that an application sees to `headers`. Returns 0, or its error."""
    cdef Py_ssize_t index
    cdef object pair, name, value
    cdef int id
    for index in range(PyList_GET_SIZE(fields)):
        pair = <object>PyList_GET_ITEM(fields, index)
        name = <object>PyTuple_GET_ITEM(pair, 0)
        value = <object>PyTuple_GET_ITEM(pair, 1)
        id = fc_request_field(
            request, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name), PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)
        )
        if id < 0:
            return id
        if id == FC_FIELD_PSEUDO:
            note_pseudo(head, name, value, headers)
            continue
        if id == FC_NAME_HOST and head.authority is not None:
            continue    # :authority is first in the list (ASGI), and the judge sees to it that they agree
        if id == FC_NAME_PRIORITY and (head.priority is None or PyBytes_GET_SIZE(head.priority) < PRIORITY_BYTES):
            head.priority = value if head.priority is None else head.priority + b", " + value
        if id != FC_NAME_UNKNOWN and name is not <object>PyList_GET_ITEM(NAMES, id):
            pair = (<object>PyList_GET_ITEM(NAMES, id), value)
        elif not PyTuple_CheckExact(pair):
            pair = (name, value)    # a subclass of the hpack package
        PyList_Append(headers, pair)
    return 0


cdef int note_pseudo(RequestHead head, bytes name, bytes value, list headers) except -1:
    """Keep what the connection will ask for; the name is one of a request's."""
    cdef char letter = PyBytes_AS_STRING(name)[1]
    if letter == b"a":
        head.authority = value
        headers.append((<object>PyList_GET_ITEM(NAMES, FC_NAME_HOST), value))
    elif letter == b"m":
        head.method = value
    elif letter == b"p" and PyBytes_GET_SIZE(name) == 9:
        head.protocol = value
    return 0


cdef dict make_scope(Context context, fc_request *request, list headers, bint secure):
    cdef dict scope = PyDict_Copy(context.http2_scope)
    cdef const char *path = request.path.data
    cdef size_t len = request.path_len
    if request.method_id != FC_METHOD_GET:
        scope["method"] = (
            METHODS[request.method_id] if request.method_id != FC_METHOD_OTHER
            else ascii_text(request.method.data, request.method.len).upper()
        )
    if secure:
        scope["scheme"] = "https"
    scope["path"] = decode_path(path, len) if request.path_escaped else ascii_text(path, len)
    scope["raw_path"] = PyBytes_FromStringAndSize(path, len)
    if len < request.path.len:
        scope["query_string"] = PyBytes_FromStringAndSize(path + len + 1, request.path.len - len - 1)
    scope["headers"] = headers
    return scope


cpdef str check_trailers(list fields):
    """None when a request's trailer fields are valid (RFC 9113 section 8.1), else what is wrong with them."""
    cdef object pair, name, value
    cdef int result
    for pair in fields:
        name = <object>PyTuple_GET_ITEM(pair, 0)
        value = <object>PyTuple_GET_ITEM(pair, 1)
        result = fc_trailer_check(
            PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name), PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)
        )
        if result < 0:
            return fc_request_reason(result).decode("ascii")
    return None


# ---- responses -----------------------------------------------------------------------------------------------------

cdef list response_fields(object headers, int status, ResponseFacts *facts):
    """The application's fields as (name, value) pairs of exact bytes, checked and in lower case.

    Fields that are for one connection only are left out (RFC 9113 section 8.2.2), and Content-Length where there is no
    body to measure: with an informational status, with 204 (RFC 9110 section 8.6) and in trailers (status 0).

    Raises:
        MessageError: `headers` or one of them is malformed.
    """
    cdef list fields = []
    cdef bint bodiless = status < 200 or status == 204
    cdef Py_ssize_t index = 0
    cdef object item
    cdef tuple field
    cdef int id
    facts.content_length = -1
    facts.close = facts.has_date = facts.has_server = False
    if not PyList_CheckExact(headers):
        headers = as_list(headers)
    # Unpacking an odd field may run Python code that changes the list: the size is asked for each time, and the field
    # is held here.
    while index < PyList_GET_SIZE(headers):
        item = <object>PyList_GET_ITEM(headers, index)
        field = checked_field(item, &id)
        index += 1
        if is_for_connection(id) and id != FC_NAME_CONNECTION:
            continue
        if id and id < FC_NAME_LAST_SPECIAL and not note_special(
            id, PyBytes_AS_STRING(field[1]), PyBytes_GET_SIZE(field[1]), bodiless, facts
        ):
            continue
        PyList_Append(fields, field)
    return fields


cpdef list push_fields(object headers):
    """The fields of a pushed request (`http.response.push`), checked as those of a response.

    The connection writes the pseudo-fields; Host, Expect and Content-Length are left out with what is for one
    connection only: a pushed request has the host of the one that causes it, and no body (RFC 9113 section 8.4).

    Raises:
        MessageError: `headers` or one of them is malformed.
    """
    cdef list fields = []
    cdef object field
    cdef int id
    for field in list(headers) if PyList_CheckExact(headers) else as_list(headers):
        field = checked_field(field, &id)
        if not is_for_connection(id) and id not in (FC_NAME_HOST, FC_NAME_EXPECT, FC_NAME_CONTENT_LENGTH):
            PyList_Append(fields, field)
    return fields


cdef bint is_for_connection(int id) noexcept:
    return id in (
        FC_NAME_CONNECTION, FC_NAME_TRANSFER_ENCODING, FC_NAME_KEEP_ALIVE, FC_NAME_UPGRADE, FC_NAME_PROXY_CONNECTION
    )


cdef tuple checked_field(object field, int *id):
    """A pair of exact bytes with its name in lower case, and the id of the name."""
    cdef object name, value, text
    if PyTuple_CheckExact(field) and PyTuple_GET_SIZE(field) == 2:
        name = <object>PyTuple_GET_ITEM(field, 0)
        value = <object>PyTuple_GET_ITEM(field, 1)
    else:
        name, value = as_pair(field)
    if not PyBytes_CheckExact(name):
        name = as_bytes(name, "name", field)
    if not PyBytes_CheckExact(value):
        value = as_bytes(value, "value", field)
    id[0] = fc_name_id(PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
    if id[0] == FC_NAME_UNKNOWN:
        text = lower_name(name)
    else:
        text = <object>PyList_GET_ITEM(NAMES, id[0])
        if memcmp(PyBytes_AS_STRING(text), PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name)) == 0:
            text = name
    value = checked_value(name, value)
    if text is name and PyTuple_CheckExact(field) and value is <object>PyTuple_GET_ITEM(field, 1):
        return field
    return (text, value)


cdef bytes lower_name(bytes name):
    cdef Py_ssize_t len = PyBytes_GET_SIZE(name)
    # Made without content: bytes of length one that are made with it are shared by the whole process.
    cdef bytes lower = PyBytes_FromStringAndSize(NULL, len) if len else b""
    if len == 0 or fc_name_copy_lower(PyBytes_AS_STRING(lower), PyBytes_AS_STRING(name), len) != 0:
        raise MessageError(f"the header name {name!r} is not a token (RFC 9110 section 5.6.2)")
    return name if memcmp(PyBytes_AS_STRING(lower), PyBytes_AS_STRING(name), len) == 0 else lower


cdef bytes checked_value(bytes name, bytes value):
    """A value without the white space around it, which HTTP/1 clients skip and HTTP/2 forbids (section 8.2.1)."""
    cdef const char *data = PyBytes_AS_STRING(value)
    cdef Py_ssize_t len = PyBytes_GET_SIZE(value)
    if fc_value_has_break(data, len):
        raise MessageError(f"the value of the header {name!r} has a CR, LF or NUL: {value!r}")
    if len and (data[0] in b" \t" or data[len - 1] in b" \t"):
        return value.strip(b" \t")
    return value


# ---- for tests -----------------------------------------------------------------------------------------------------

def check_request(Context context, list fields, bint secure=False):
    """The head of a request whose decoded fields these are."""
    return read_request(context, fields, secure)


def check_response(headers, int status=200):
    """The fields that go out for a response, and what they decide: content_length, close, has_date, has_server."""
    cdef ResponseFacts facts
    fields = response_fields(headers, status, &facts)
    return fields, (facts.content_length, bool(facts.close), bool(facts.has_date), bool(facts.has_server))
