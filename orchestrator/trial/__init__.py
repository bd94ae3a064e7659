"""A trial of the definitions: a scratch switch of their own, two phones, and real calls."""
