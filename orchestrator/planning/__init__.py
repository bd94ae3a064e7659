"""Desired against deployed: what would change, in service terms. Pure."""
