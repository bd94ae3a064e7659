"""Statements and transfer documents as people and other programs read them: HTML, PDF, CSV, JSON."""
