"""Frozen types in telecom's words. Nothing here reads a file, a clock or a socket."""
