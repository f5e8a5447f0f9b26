# SPDX-License-Identifier: MIT
"""The subject of a certificate as text (RFC 4514), read from its DER.

Called by fastcorn.protocols.tls. Python gives the subject only of certificates that it verified, under OpenSSL's long
names and without the types of the values, from which a name by RFC 4514 cannot be made. The certificate has been parsed
by OpenSSL before it comes here.
"""

from __future__ import annotations

from collections.abc import Iterator

_INTEGER, _SEQUENCE, _VERSION = 0x02, 0x30, 0xA0

# The types of text (RFC 5280 appendix A.1: DirectoryString, IA5String) and how Python decodes them.
_TEXTS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}

# Short names that are registered with IANA: RFC 4514 section 3, and RFC 4519 for the rest.
_SHORT = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "2.5.4.4": "sn",
    "2.5.4.5": "serialNumber",
    "2.5.4.12": "title",
    "2.5.4.17": "postalCode",
    "2.5.4.42": "givenName",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.46": "dnQualifier",
}

Item = tuple[int, bytes, bytes]
"""The tag, the content, and the whole with tag and length."""


def subject_of(certificate: bytes) -> str:
    """The distinguished name of a certificate's subject (RFC 4514); "" for an empty one.

    Args:
        certificate: in DER (RFC 5280 section 4.1).

    Raises:
        ValueError: it is no certificate.
    """
    try:
        tag, content, _ = next(items(certificate))
        fields = [item for item in items(next(items(content))[1]) if item[0] != _VERSION]
        # serialNumber, signature, issuer, validity, subject
        if tag != _SEQUENCE or fields[0][0] != _INTEGER or fields[4][0] != _SEQUENCE:
            raise ValueError
        names = [relative_name(content) for tag, content, _ in items(fields[4][1])]
    except (IndexError, StopIteration, ValueError):
        raise ValueError("this is no certificate in DER") from None
    # RFC 4514 section 2.1: from the last to the first.
    return ",".join(reversed(names))


def items(data: bytes) -> Iterator[Item]:
    """The values that follow one another in data (X.690 section 8.1, with definite lengths)."""
    position = 0
    while position < len(data):
        start = position
        tag, size = data[position], data[position + 1]
        position += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[position : position + count], "big")
            position += count
        if position + size > len(data):
            raise ValueError("a value is cut")
        yield tag, data[position : position + size], data[start : position + size]
        position += size


def relative_name(content: bytes) -> str:
    """One step of the name: one attribute, or several joined by "+"."""
    parts = []
    for _, attribute, _ in items(content):
        (_, identifier, _), value = items(attribute)
        parts.append(attribute_text(dotted(identifier), value))
    return "+".join(parts)


def attribute_text(identifier: str, value: Item) -> str:
    """`CN=Zoe`; of a kind without a short name, or of a value that is no text, `1.2.3=#hex` (RFC 4514 section 2.4)."""
    tag, content, whole = value
    name = _SHORT.get(identifier)
    encoding = _TEXTS.get(tag)
    if name is not None and encoding is not None:
        try:
            return f"{name}={escaped(content.decode(encoding))}"
        except UnicodeDecodeError:
            pass
    return f"{name or identifier}=#{whole.hex().upper()}"


def escaped(text: str) -> str:
    """A value with what has a meaning in a name, and control characters, behind a backslash (RFC 4514 section 2.4)."""
    out = []
    last = len(text) - 1
    for index, char in enumerate(text):
        if char in '"+,;<>\\' or (char == " " and index in (0, last)) or (char == "#" and index == 0):
            out.append("\\" + char)
        elif char < " " or char == "\x7f":
            out.append(f"\\{ord(char):02X}")
        else:
            out.append(char)
    return "".join(out)


def dotted(identifier: bytes) -> str:
    """An object identifier as 2.5.4.3 (X.690 section 8.19)."""
    numbers = []
    number = 0
    for byte in identifier:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))
