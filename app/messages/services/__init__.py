"""What the messages do, by noun; `notify` is what other rooms call."""

from app.messages.services.notices import notify

__all__ = ["notify"]
