"""Errors of the certificates package, the whole tree at a glance.

CertError
├── LicenseError      the licence cannot be read or used            (exit status 4)
├── EnvelopeError     a sealed entry or a wrapped key does not open  (exit status 7)
├── ManifestError     a list of packages is not the operator's      (exit status 7)
├── OrderError        an order is not the operator's, or not for us (exit status 4)
├── RootError         who may sign cannot be believed, or is over    (exit status 5)
├── PrivateFileError  a secret's file is unsafe or cannot be written (exit status 3)
├── SealError         a secret on this disk cannot be opened         (exit status 3)
├── IdentityError     a key, certificate or PKCS#12 file is no good  (exit status 3)
└── TrustError        somebody's certificate is not to be trusted    (exit status 5)
"""

from __future__ import annotations


class CertError(Exception):
    """Base of the package's errors. The message never holds a secret.

    Attributes:
        code: stable, dotted name of the problem, e.g. ``"envelope.tag"``; never changes once released.
        where: file or entry the problem was found at; may be empty.
        hint: what the reader can do about it; may be empty.
    """

    def __init__(self, message: str, *, code: str, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        hint = f": {self.hint}" if self.hint else ""
        return f"{self.message}{where}{hint}"


class LicenseError(CertError):
    """The licence is missing, malformed, or holds no usable key."""


class EnvelopeError(CertError):
    """A sealed entry or a wrapped key does not open: wrong key, or bytes that were changed."""


class ManifestError(CertError):
    """A signed list of avatar packages is not the operator's, is over, or does not list what came."""


class OrderError(CertError):
    """A signed order is not the operator's, not for this device, over, or was carried out before."""


class RootError(CertError):
    """A signed document that says whose signatures count is not the operator's, not the next one, or is over."""


class PrivateFileError(CertError):
    """A file that holds a secret has the wrong owner or mode, or cannot be written."""


class SealError(CertError):
    """A secret's file is sealed with a key that is gone, or was changed, or is not sealed and should be."""


class IdentityError(CertError):
    """A key, certificate, request or PKCS#12 file cannot be read, or its parts do not belong together."""


class TrustError(CertError):
    """A certificate does not lead to a trusted root, or is not valid for this purpose, name or time."""
