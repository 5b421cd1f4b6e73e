"""网关 Gateways: the only code that speaks to providers. One package per provider.

`port.py` is what the rooms know (protocol, typed values, typed errors); the concrete client is known to the
factory alone.
"""
