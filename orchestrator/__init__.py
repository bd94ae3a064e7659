"""vpbx: a multi-tenant virtual PBX over a real Asterisk, described in YAML."""

__version__ = "0.1.0"
