"""The maker's lead system: told of every lead by a signed request."""
