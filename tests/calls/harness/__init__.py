"""What stands around a switch in a call test: phones, a carrier, SIPp, ports, and ears."""
