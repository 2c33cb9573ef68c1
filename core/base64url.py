"""base64url without padding (RFC 4648, section 5): what cursors, tokens and entity tags are written in."""

import base64


def encoded(data: bytes) -> str:
    """It goes into a URL, a header and a cookie as it is."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Raises ValueError for any other character. Padding is taken, and so are several spellings of the same bytes."""
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
