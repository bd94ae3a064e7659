"""What is owed: usage and a tariff in, a charge out. Pure: time and tables are arguments."""
