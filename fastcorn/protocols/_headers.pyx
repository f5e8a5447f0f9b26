# SPDX-License-Identifier: MIT
"""Header fields in both directions: parsed spans to the list of a scope, an application's list to checked bytes.

Called by the connections. Names that are known (csrc/names.c) are shared bytes objects, so that a request with common
fields allocates none. What an application sends is checked here (RFC 9110 section 5): a name is a token, a value has no
CR, LF or NUL, framing fields are the server's business.
"""

from http import HTTPStatus

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_CheckExact, PyList_GET_ITEM, PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport (
    PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM,
)
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from fastcorn.protocols._output cimport Output, output_reserve

from fastcorn.errors import MessageError


cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 maximum)
    void *PyUnicode_DATA(object text)


cdef extern from "names.h":
    int FC_NAME_CONTENT_LENGTH
    int FC_NAME_TRANSFER_ENCODING
    int FC_NAME_CONNECTION
    int FC_NAME_DATE
    int FC_NAME_SERVER
    int FC_NAME_LAST_SPECIAL
    int fc_name_count()
    int fc_name_id(const char *name, size_t len)
    const char *fc_name_text(int id, size_t *len)


cdef extern from "fields.h":
    int fc_name_copy_lower(char *dst, const char *src, size_t len)
    void fc_lower_copy(char *dst, const char *src, size_t len)
    int fc_value_copy(char *dst, const char *src, size_t len)


cdef extern from "path.h":
    size_t fc_path_decode(char *dst, const char *src, size_t len, int *ascii)


cdef list make_names():
    cdef size_t len
    cdef const char *text
    names = [b""]
    for id in range(1, fc_name_count()):
        text = fc_name_text(id, &len)
        names.append(text[:len])
    return names


# Indexed by the ids of csrc/names.h and by status code; built once, then only read.
NAMES = make_names()


cdef list make_status_lines():
    lines = []
    for status in range(1000):
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = ""
        lines.append(f"HTTP/1.1 {status:03} {phrase}\r\n".encode("ascii"))
    return lines


cdef list STATUS_LINES = make_status_lines()


cdef bytes status_line(int status):
    """`HTTP/1.1 200 OK` and CRLF; the phrase of a code that IANA does not list is empty (RFC 9112 section 4)."""
    return STATUS_LINES[status]


# ---- requests ------------------------------------------------------------------------------------------------------

cdef list build_headers(const char *buf, const fc_field *fields, uint32_t count, bint raw_names):
    """The `headers` of a scope: a list of (name, value), names in lower case unless `raw_names`."""
    cdef list headers = PyList_New(count)
    cdef uint32_t index
    cdef const fc_field *field
    cdef object name, value, pair
    for index in range(count):
        field = &fields[index]
        if field.known and not raw_names:
            name = <object>PyList_GET_ITEM(NAMES, field.known)
        elif field.lower or raw_names:
            name = PyBytes_FromStringAndSize(buf + field.name.start, field.name.len)
        else:
            # Made without content: bytes of length one that are made with it are shared by the whole process.
            name = PyBytes_FromStringAndSize(NULL, field.name.len)
            fc_lower_copy(PyBytes_AS_STRING(name), buf + field.name.start, field.name.len)
        value = PyBytes_FromStringAndSize(buf + field.value.start, field.value.len)
        pair = PyTuple_New(2)
        # PyTuple_SET_ITEM and PyList_SET_ITEM take over a reference; the variables keep their own.
        Py_INCREF(name)
        PyTuple_SET_ITEM(pair, 0, name)
        Py_INCREF(value)
        PyTuple_SET_ITEM(pair, 1, value)
        Py_INCREF(pair)
        PyList_SET_ITEM(headers, index, pair)
    return headers


cdef str decode_path(const char *data, Py_ssize_t len):
    """The `path` of a scope: percent-decoded and UTF-8-decoded; what is not UTF-8 becomes U+FFFD, as in Hypercorn."""
    cdef int ascii = 0
    cdef size_t decoded
    cdef char small[256]
    cdef char *room = small
    if len > <Py_ssize_t>sizeof(small):
        room = <char *>PyMem_Malloc(len)
        if room is NULL:
            raise MemoryError
    try:
        decoded = fc_path_decode(room, data, len, &ascii)
        if ascii:
            return ascii_text(room, decoded)
        return PyUnicode_DecodeUTF8(room, decoded, "replace")
    finally:
        if room is not small:
            PyMem_Free(room)


cdef str ascii_text(const char *data, Py_ssize_t len):
    cdef str text
    if len == 0:
        return ""
    text = PyUnicode_New(len, 127)
    memcpy(PyUnicode_DATA(text), data, len)
    return text


# ---- responses -----------------------------------------------------------------------------------------------------

cdef int encode_fields(Output *out, object headers, bint bodiless, HeadFacts *facts) except -1:
    """Append the application's fields to `out`, checked, and note what they decide in `facts`.

    Transfer-Encoding and Connection are the server's: they are left out, and `Connection: close` is noted. With
    `bodiless` (a 204) Content-Length is left out too (RFC 9110 section 8.6).

    Raises:
        MessageError: `headers` or one of them is malformed; `out.len` is then as it was before.
    """
    cdef size_t mark = out.len
    cdef Py_ssize_t index = 0
    cdef object field
    facts.content_length = -1
    facts.close = facts.has_date = facts.has_server = False
    if not PyList_CheckExact(headers):
        headers = as_list(headers)
    try:
        # Unpacking an odd field may run Python code that changes the list: the size is asked for each time, and the
        # field is held here.
        while index < PyList_GET_SIZE(headers):
            field = <object>PyList_GET_ITEM(headers, index)
            encode_field(out, field, bodiless, facts)
            index += 1
    except BaseException:
        out.len = mark
        raise
    return 0


cdef int encode_field(Output *out, object field, bint bodiless, HeadFacts *facts) except -1:
    cdef object name, value
    if PyTuple_CheckExact(field) and PyTuple_GET_SIZE(field) == 2:
        name = <object>PyTuple_GET_ITEM(field, 0)
        value = <object>PyTuple_GET_ITEM(field, 1)
    elif PyList_CheckExact(field) and PyList_GET_SIZE(field) == 2:
        name = <object>PyList_GET_ITEM(field, 0)
        value = <object>PyList_GET_ITEM(field, 1)
    else:
        name, value = as_pair(field)
    if not PyBytes_CheckExact(name):
        name = as_bytes(name, "name", field)
    if not PyBytes_CheckExact(value):
        value = as_bytes(value, "value", field)
    return append_field(out, name, value, bodiless, facts)


cdef int append_field(Output *out, bytes name, bytes value, bint bodiless, HeadFacts *facts) except -1:
    cdef const char *name_data
    cdef const char *value_data
    cdef size_t name_len, value_len
    cdef char *end
    cdef int id
    name_data = PyBytes_AS_STRING(name)
    name_len = PyBytes_GET_SIZE(name)
    value_data = PyBytes_AS_STRING(value)
    value_len = PyBytes_GET_SIZE(value)
    output_reserve(out, name_len + value_len + 4)
    end = out.data + out.len
    if fc_name_copy_lower(end, name_data, name_len) != 0:
        raise MessageError(f"the header name {name!r} is not a token (RFC 9110 section 5.6.2)")
    id = fc_name_id(end, name_len)
    end += name_len
    end[0] = b":"
    end[1] = b" "
    end += 2
    if fc_value_copy(end, value_data, value_len) != 0:
        raise MessageError(f"the value of the header {name!r} has a CR, LF or NUL: {value!r}")
    end += value_len
    if id and id < FC_NAME_LAST_SPECIAL and not note_special(id, value_data, value_len, bodiless, facts):
        return 0
    end[0] = b"\r"
    end[1] = b"\n"
    out.len += name_len + value_len + 4
    return 0


cdef bint note_special(int id, const char *value, size_t len, bint bodiless, HeadFacts *facts) except -1:
    """Note what a field decides; False = the field is not the application's to send."""
    if id == FC_NAME_CONTENT_LENGTH:
        if facts.content_length >= 0:
            raise MessageError("two content-length headers in one response")
        facts.content_length = parse_length(value, len)
        return not bodiless
    if id == FC_NAME_TRANSFER_ENCODING:
        return False
    if id == FC_NAME_CONNECTION:
        if b"close" in value[:len].lower():
            facts.close = True
        return False
    if id == FC_NAME_DATE:
        facts.has_date = True
    elif id == FC_NAME_SERVER:
        facts.has_server = True
    return True


cdef int64_t parse_length(const char *value, size_t len) except? -1:
    cdef int64_t length = 0
    cdef size_t index
    if 0 < len <= 18:
        for index in range(len):
            if not b"0" <= value[index] <= b"9":
                break
            length = length * 10 + (value[index] - <char>b"0")
        else:
            return length
    raise MessageError(f"the content-length {value[:len]!r} is not a number of bytes")


cdef list as_list(object headers):
    if isinstance(headers, (str, bytes)):
        raise MessageError(f"'headers' is a list of (name, value), not {headers!r}")
    try:
        if hasattr(headers, "items"):
            headers = headers.items()
        return list(headers)
    except TypeError:
        raise MessageError(f"'headers' is a list of (name, value), not {type(headers).__name__}") from None


cdef tuple as_pair(object field):
    if not isinstance(field, (str, bytes)):
        try:
            name, value = field
            return name, value
        except (TypeError, ValueError):
            pass
    raise MessageError(f"a header is a pair of name and value, not {field!r}")


cdef bytes as_bytes(object value, str part, object field):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise MessageError(f"the {part} of the header {field!r} is {type(value).__name__}; encode it to bytes")
