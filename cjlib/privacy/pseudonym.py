"""Keyed pseudonyms: the same id gives the same name under one key, and nothing without the key.

A plain hash of an e-mail address or customer number is undone with a dictionary; HMAC-SHA256 with a
secret key (RFC 2104) is not. A new key breaks every join with earlier pseudonyms, on purpose.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from cjlib.core.errors import EnvironmentProblem, ParameterError

KEY_FILE = ".cjlib-key"
LENGTH = 20  # hex digits, 80 bits: two of 50 million ids meet with a probability of one in a billion
SHORTEST_KEY = 16  # characters
_BLOCK = 64  # bytes of a SHA-256 block
_SEPARATOR = b"\x1f"  # "ab" + "c" and "a" + "bc" must differ


@dataclass(frozen=True, kw_only=True)
class Key:
    """A secret and where it came from; the secret is never part of the representation.

    Attributes
    ----------
    fingerprint : str
        8 hex digits that identify the key without revealing it; fit for a manifest.
    source : str
        "environment" or "file".
    created : bool
        True if the key file was made by this very call: the user has to be told.
    """

    secret: bytes = field(repr=False)
    source: str
    created: bool = False

    @property
    def fingerprint(self) -> str:
        """First 8 hex digits of the key's own signature."""
        return hmac.new(self.secret, b"cjlib key fingerprint", hashlib.sha256).hexdigest()[:8]


def key(env: str, folder: Path) -> Key:
    """Key from the environment variable `env`, else from `folder`/.cjlib-key, made on first use.

    Raises
    ------
    ParameterError
        CJ-PV-001 if the variable holds fewer than 16 characters.
    EnvironmentProblem
        CJ-PV-002 if the key file cannot be read, written, or is damaged.

    Examples
    --------
    >>> import os, pathlib
    >>> os.environ["CJ_DOCTEST_KEY"] = "correct horse battery staple"
    >>> key("CJ_DOCTEST_KEY", pathlib.Path())
    Key(source='environment', created=False)
    >>> del os.environ["CJ_DOCTEST_KEY"]
    """
    given = os.environ.get(env)
    if given is not None:
        if len(given.strip()) < SHORTEST_KEY:
            raise ParameterError(
                f"The environment variable {env} holds {len(given.strip())} characters; a key needs at "
                f"least {SHORTEST_KEY}. Set a longer one, or unset {env} to use a local key file.",
                code="CJ-PV-001",
            )
        return Key(secret=given.strip().encode(), source="environment")
    path = folder / KEY_FILE
    try:
        created = _create(path)
        return Key(secret=_read(path), source="file", created=created)
    except OSError as error:
        if isinstance(error, EnvironmentProblem):
            raise
        raise EnvironmentProblem(
            f"The key file {KEY_FILE} cannot be used ({error.strerror}). Make its folder writable, or set "
            f"{env} to a key of at least {SHORTEST_KEY} characters.",
            code="CJ-PV-002",
        ) from error


def _create(path: Path) -> bool:
    """Make the key file unless it exists; only one of several processes can succeed."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
    return True


def _read(path: Path) -> bytes:
    """Secret in the key file; another process may be writing it at this moment."""
    if path.stat().st_mode & 0o077 and os.name == "posix":
        path.chmod(0o600)
    for _ in range(20):
        text = path.read_text(encoding="ascii", errors="replace").strip()
        if len(text) == 64 and set(text) <= set("0123456789abcdef"):
            return bytes.fromhex(text)
        time.sleep(0.02)
    raise EnvironmentProblem(
        f"The key file {KEY_FILE} is damaged: it must hold 64 hexadecimal digits. Restore it from your "
        "backup; if you delete it, a new key is made and pseudonyms of earlier runs no longer match.",
        code="CJ-PV-002",
    )


def pseudonym(key: Key, namespace: str, identifier: str) -> str:
    """First 20 hex digits of HMAC-SHA256(key, namespace + separator + id), ids taken byte by byte.

    Examples
    --------
    >>> demo = Key(secret=b"correct horse battery staple", source="environment")
    >>> pseudonym(demo, "customer", "00123") == pseudonym(demo, "customer", "123")
    False
    >>> len(pseudonym(demo, "customer", "00123"))
    20
    """
    message = namespace.encode() + _SEPARATOR + identifier.encode()
    return hmac.new(key.secret, message, hashlib.sha256).hexdigest()[:LENGTH]


def hmac_sql(column_sql: str, key: Key, namespace: str) -> tuple[str, dict[str, bytes]]:
    """DuckDB expression equal to `pseudonym` of a VARCHAR expression, and its named parameters.

    NULL stays NULL. The key enters only through the parameters `$pseudonym_inner` and
    `$pseudonym_outer`, never through the text of the statement; several expressions of one statement
    can share them if key and namespace are the same.

    Examples
    --------
    >>> import duckdb
    >>> demo = Key(secret=b"correct horse battery staple", source="environment")
    >>> sql, values = hmac_sql("id", demo, "customer")
    >>> row = duckdb.execute(f"SELECT {sql} FROM (SELECT '00123' AS id)", values).fetchone()
    >>> row[0] == pseudonym(demo, "customer", "00123")
    True
    """
    secret = hashlib.sha256(key.secret).digest() if len(key.secret) > _BLOCK else key.secret
    padded = secret.ljust(_BLOCK, b"\0")
    values = {
        "pseudonym_inner": bytes(byte ^ 0x36 for byte in padded) + namespace.encode() + _SEPARATOR,
        "pseudonym_outer": bytes(byte ^ 0x5C for byte in padded),
    }
    inner = f"unhex(sha256($pseudonym_inner::BLOB || encode({column_sql})))"
    return f"left(sha256($pseudonym_outer::BLOB || {inner}), {LENGTH})", values
