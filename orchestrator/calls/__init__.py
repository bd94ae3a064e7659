"""Calls out of the switch's events: what each leg did, and when there is something to charge. Pure."""
