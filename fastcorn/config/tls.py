# SPDX-License-Identifier: MIT
"""The TLS context of a configuration. Called by Config.create_ssl_context(); calls ssl."""

from __future__ import annotations

import ssl

from fastcorn.config.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.config import Config


def make_ssl_context(config: Config) -> ssl.SSLContext:
    """A server context: TLS 1.2 or newer, Python's hardened defaults, and what the settings ask for.

    Raises:
        ConfigError: names the setting whose file or value OpenSSL refuses.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Added to the defaults, not put in their place: they switch off what is known to be unsafe.
    context.options |= ssl.OP_NO_COMPRESSION
    try:
        context.set_ciphers(config.ciphers)
    except ssl.SSLError:
        raise refused(config, "ciphers", f"OpenSSL knows no cipher of {config.ciphers!r}") from None
    context.set_alpn_protocols(config.alpn_protocols)
    load_chain(context, config)
    if config.ca_certs is not None:
        try:
            context.load_verify_locations(config.ca_certs)
        except OSError as error:
            raise refused(config, "ca_certs", unreadable(config.ca_certs, error, "certificates")) from None
    if config.verify_mode is not None:
        context.verify_mode = config.verify_mode
    if config.verify_flags is not None:
        context.verify_flags = config.verify_flags
    return context


def load_chain(context: ssl.SSLContext, config: Config) -> None:
    assert config.certfile is not None
    for name in ("certfile", "keyfile"):
        path = getattr(config, name)
        try:
            if path is not None:
                with open(path, "rb"):
                    pass
        except OSError as error:
            raise refused(config, name, unreadable(path, error, "a file")) from None
    # Without a callback OpenSSL asks for the password on the terminal, and a server would wait there for ever.
    password = config.keyfile_password or ""
    try:
        context.load_cert_chain(config.certfile, config.keyfile, password=lambda: password)
    except ssl.SSLError as error:
        raise chain_error(config, error) from None
    except (OSError, ValueError) as error:
        raise refused(config, "certfile", unreadable(config.certfile, error, "a certificate")) from None


def chain_error(config: Config, error: ssl.SSLError) -> ConfigError:
    reason = (error.reason or str(error)).replace("_", " ").lower()
    where = "keyfile" if config.keyfile else "certfile"
    if "mismatch" in reason:
        return refused(config, where, "the private key does not belong to the certificate")
    if "decrypt" in reason or "password" in reason or is_encrypted(config.keyfile or config.certfile or ""):
        return refused(config, "keyfile_password", "it does not open the private key; set the right one")
    if config.keyfile is None:
        problem = f"{config.certfile!r} does not hold a certificate and its private key ({reason}); set keyfile"
        return refused(config, "certfile", problem)
    problem = f"{config.certfile!r} and {config.keyfile!r} are no certificate and private key in PEM form ({reason})"
    return refused(config, "certfile", problem)


def is_encrypted(path: str) -> bool:
    """Whether a PEM file holds a key under a password; OpenSSL says "PEM lib" for a wrong one as for any other file."""
    try:
        with open(path, "rb") as file:
            return b"ENCRYPTED" in file.read()
    except OSError:
        return False


def unreadable(path: str, error: Exception, wanted: str) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "not PEM").replace("_", " ").lower()
    return f"{path!r} cannot be read as {wanted}: {reason}"


def refused(config: Config, name: str, problem: str) -> ConfigError:
    return ConfigError(problem, setting=name, origin=config.origin(name))
