"""What is there: thin adapters that look and don't judge, each with deadlines."""
