"""The proof that no tenant reaches another, on what was rendered."""
