"""Figures of inbound calls, computed out of stored rows; nothing here reads a clock or a database."""
