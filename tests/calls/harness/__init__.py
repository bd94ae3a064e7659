"""What stands around a switch in a call test: phones, a carrier, SIPp, ports, and ears."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
