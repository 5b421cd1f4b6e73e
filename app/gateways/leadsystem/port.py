"""What the house needs of a lead system."""

from typing import Protocol

PROVIDER = "leads"


class LeadSystem(Protocol):
    """Takes events. The same `event_id` twice is the same event."""

    def tell(self, event_id: str, body: bytes) -> None:
        """Deliver one event. GatewayError when it was not taken."""
        ...
