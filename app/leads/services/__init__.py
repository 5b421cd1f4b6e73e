"""What people do about leads, by noun: ask, talk, the number, progress, escalation, exports."""

from app.leads.services.asking import Wish, open_enquiry, open_lead

__all__ = ["Wish", "open_enquiry", "open_lead"]
