"""On the path of the house's programs: every library writes its log, at every level. The shop must stay discreet."""

import logging

logging.basicConfig(level=logging.DEBUG)
