"""What only the shop may read: licence photos and drawn signatures, encrypted and authenticated."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

__all__ = ["InvalidToken", "read_drawing", "seal", "seal_drawing", "unseal"]


def seal(content: bytes, keys: Sequence[str]) -> bytes:
    """Encrypted and authenticated with the first key."""
    return MultiFernet([Fernet(key) for key in keys]).encrypt(content)


def unseal(sealed: bytes, keys: Sequence[str]) -> bytes:
    """Opened with whichever key it was sealed with. InvalidToken."""
    return MultiFernet([Fernet(key) for key in keys]).decrypt(sealed)


def seal_drawing(path: str, keys: Sequence[str]) -> str:
    """A drawn signature as it is kept: sealed where the shop has keys."""
    return seal(path.encode(), keys).decode() if path and keys else path


def read_drawing(kept: str, keys: Sequence[str]) -> str:
    """The path that was drawn; empty for none, and where its key is lost. A path begins with M, a seal never does."""
    if not kept or kept.startswith("M"):
        return kept
    try:
        return unseal(kept.encode(), keys).decode() if keys else ""
    except InvalidToken:
        return ""
