"""How people come to act for a store, how they prove who they are on a shared phone, and how they stop."""

from app.staff.services.duty import SHIFTS, clock_in, clock_out
from app.staff.services.phones import open_phone, register_phone, revoke_phone
from app.staff.services.pins import check_pin, set_pin, unlock_pin
from app.staff.services.team import (
    accept_invitation,
    blocks,
    dismiss_staff,
    erase_own,
    invite_staff,
    reassign_own,
    withdraw_invitation,
)

__all__ = [
    "SHIFTS",
    "accept_invitation",
    "blocks",
    "check_pin",
    "clock_in",
    "clock_out",
    "dismiss_staff",
    "erase_own",
    "invite_staff",
    "open_phone",
    "reassign_own",
    "register_phone",
    "revoke_phone",
    "set_pin",
    "unlock_pin",
    "withdraw_invitation",
]
