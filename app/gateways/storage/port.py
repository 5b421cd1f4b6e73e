"""What the rooms know of storage: files by a key like `<digest>/960.avif`, written once and never changed."""

from typing import Protocol

PROVIDER = "storage"


class Storage(Protocol):
    """Every method raises GatewayError when the storage does not answer or its bucket is not there.

    A file that is not there is no error.
    """

    def put(self, key: str, content: bytes) -> None:
        """Keep a file; nobody ever sees half of it."""
        ...

    def get(self, key: str) -> bytes | None:
        """The file, or None when there is none."""
        ...

    def names(self, folder: str) -> set[str]:
        """The names of the files in one folder; empty when there is no such folder."""
        ...
