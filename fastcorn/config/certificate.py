# SPDX-License-Identifier: MIT
"""A certificate chain and its private key, as files: loading them, and saying which file and setting is wrong.

Called by fastcorn.config.tls; calls ssl. OpenSSL's own words for a file that does not fit ("PEM lib") help nobody, so
the files are looked at first.
"""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass, field

from fastcorn.config.errors import ConfigError
from fastcorn.config.x509 import Facts, pem_certificates, read_certificate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcorn.config.config import Config

LARGEST_FILE = 16 * 2**20

# What OpenSSL's callback has room for (PEM_BUFSIZE).
LONGEST_PASSWORD = 1024


# The end of a line as those write it who keep a file in a variable.
ESCAPED_END = b"-----\\n"

# What people give instead of a file in PEM form, the surest signs first.
HINTS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (
        lambda text: text[:1] == b"\x30",
        "; it looks like DER or PKCS #12: `openssl x509 -inform der` and `openssl pkcs12` convert",
    ),
    (lambda text: b"\0" in text, "; it looks like UTF-16: save it as ASCII or UTF-8"),
    (lambda text: ESCAPED_END in text, r"; it has \n where lines should end: put real line ends there"),
    (lambda text: b"PRIVATE KEY-----" in text, "; it holds a private key, which is for keyfile"),
    (lambda text: b"PUBLIC KEY-----" in text, "; it holds a public key"),
    (
        lambda text: b"CERTIFICATE REQUEST-----" in text,
        "; it holds a request: the authority makes the certificate of it",
    ),
    (lambda text: b"-----END CERTIFICATE-----" in text, "; it holds a certificate"),
    (lambda text: b"-----BEGIN CERTIFICATE-----" in text, "; its end is missing: was it copied whole?"),
)


@dataclass(frozen=True)
class Chain:
    """What one certificate is made of.

    Attributes:
        certfile: PEM file of the certificates, the server's own first.
        keyfile: PEM file of the private key; None = certfile.
        password: of the key, or None.
        names: host names that it is for, or () for those it holds itself.
        place: where it was set: "" for certfile, "certificate 2: " for the second of certificates.
        origin: gives the origin of a setting of it.
    """

    certfile: str
    keyfile: str | None
    password: str | None = field(repr=False)
    names: tuple[str, ...]
    place: str
    origin: Callable[[str], str]

    @property
    def files(self) -> list[str]:
        """The paths of its files."""
        return [self.certfile] if self.keyfile is None else [self.certfile, self.keyfile]

    def refused(self, name: str, problem: str) -> ConfigError:
        """The error for a wrong certfile, keyfile or keyfile_password."""
        if self.place:
            return ConfigError(
                f"{self.place}{name}: {problem}", setting="certificates", origin=self.origin("certificates")
            )
        return ConfigError(problem, setting=name, origin=self.origin(name))

    def load(self, context: ssl.SSLContext) -> Facts:
        """Loads certificate and key into a context; returns what the certificate says.

        Raises:
            ConfigError: names the file and the setting.
        """
        facts = self.facts()
        if self.keyfile is not None:
            self.check_key(read_file(self.keyfile, lambda problem: self.refused("keyfile", problem)))
        # Without a callback OpenSSL asks for the password on the terminal, and a server would wait there for ever.
        password = self.encoded_password()
        try:
            context.load_cert_chain(self.certfile, self.keyfile, password=lambda: password)
        except ssl.SSLError as error:
            raise self.openssl_error(error) from None
        except (OSError, ValueError) as error:
            raise self.refused("certfile", f"{self.certfile!r} cannot be read: {error}") from None
        return facts

    def encoded_password(self) -> bytes:
        try:
            # What is not UTF-8 in a variable of the environment stands for its bytes.
            password = (self.password or "").encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise self.refused("keyfile_password", "it holds half a character (a lone surrogate)") from None
        if len(password) > LONGEST_PASSWORD:
            problem = f"it is longer than {LONGEST_PASSWORD:,} bytes; is it the password, not a file's contents?"
            raise self.refused("keyfile_password", problem)
        return password

    def facts(self) -> Facts:
        """What the server's own certificate says.

        Raises:
            ConfigError: the file holds none.
        """
        text = read_file(self.certfile, lambda problem: self.refused("certfile", problem))
        certificates = pem_certificates(text)
        if not certificates or ESCAPED_END in text:
            raise self.refused("certfile", f"{self.certfile!r} holds no certificate in PEM form{hint(text)}")
        try:
            return read_certificate(certificates[0])
        except ValueError:
            raise self.refused("certfile", f"the first certificate of {self.certfile!r} is damaged") from None

    def check_key(self, text: bytes) -> None:
        if b"PRIVATE KEY-----" not in text:
            raise self.refused("keyfile", f"{self.keyfile!r} holds no private key in PEM form{hint(text)}")

    def openssl_error(self, error: ssl.SSLError) -> ConfigError:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        where = "keyfile" if self.keyfile else "certfile"
        key = read_file(self.keyfile or self.certfile, lambda problem: self.refused(where, problem))
        if "mismatch" in reason:
            problem = "the private key does not belong to the certificate; in a chain the server's own comes first"
            return self.refused(where, f"{(self.keyfile or self.certfile)!r}: {problem}")
        if b"PRIVATE KEY-----" not in key:
            return self.refused("certfile", f"{self.certfile!r} holds no private key; add it, or set keyfile")
        # OpenSSL says "PEM lib" for a wrong password as for any other file.
        if "pem lib" in reason and not is_read_by_openssl(self.certfile):
            problem = (
                "is damaged; each BEGIN and each END of a certificate needs a line of its own, without spaces before it"
            )
            return self.refused("certfile", f"{self.certfile!r} {problem}")
        if b"ENCRYPTED" in key and ("decrypt" in reason or "password" in reason or "pem" in reason):
            if self.password is None:
                problem = f"the private key in {(self.keyfile or self.certfile)!r} is under a password; set it"
            else:
                problem = f"it does not open the private key in {(self.keyfile or self.certfile)!r}; set the right one"
            return self.refused("keyfile_password", problem)
        if "pem lib" in reason:
            return self.refused(where, f"the private key in {(self.keyfile or self.certfile)!r} is damaged")
        return self.refused("certfile", f"OpenSSL refuses {' and '.join(map(repr, self.files))}: {reason}")


def chains_of(config: Config) -> list[Chain]:
    """The certificates of a configuration, the default one first.

    Raises:
        ConfigError: there is none.
    """
    chains = []
    if config.certfile is not None:
        own = (config.certfile, config.keyfile, config.keyfile_password)
        chains.append(Chain(*own, (), "", config.origin))
    for number, table in enumerate(config.certificates, 1):
        files = (table["certfile"], table.get("keyfile"), table.get("keyfile_password"))
        chains.append(Chain(*files, tuple(table.get("names", ())), f"certificate {number}: ", config.origin))
    if not chains:
        raise ConfigError("the default context needs a certificate; set it", setting="certfile")
    return chains


def read_file(path: str, refused: Callable[[str], ConfigError]) -> bytes:
    """The contents of a file.

    Args:
        path: of the file.
        refused: makes the error of a sentence.

    Raises:
        ConfigError: what refused() makes: it cannot be read, is no file, is empty or too large.
    """
    try:
        # Opening a pipe would wait for its other end, for ever.
        if not stat.S_ISREG(os.stat(path).st_mode):
            kind = "a directory" if os.path.isdir(path) else "no regular file"
            raise refused(f"{path!r} cannot be read as a file: it is {kind}")
        with open(path, "rb") as file:
            text = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise refused(f"{path!r} cannot be read as a file: {error.strerror or error}") from None
    except ValueError as error:  # a NUL in the path
        raise refused(f"{path!r} cannot be read as a file: {error}") from None
    if not text.strip():
        raise refused(f"{path!r} is empty")
    if len(text) > LARGEST_FILE:
        raise refused(f"{path!r} is larger than {LARGEST_FILE >> 20} MiB; is it the right file?")
    return text


def is_read_by_openssl(path: str) -> bool:
    """Whether the certificates of a PEM file are whole, whatever is with its keys."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:
        return False
    return True


def hint(text: bytes) -> str:
    """What a file is that is not what it should be, and what to do about it; or ""."""
    return next((words for found, words in HINTS if found(text)), "")
