# SPDX-License-Identifier: MIT
"""One process: the event loop, the listening sockets, the once-a-second tick, and a stop that loses nothing."""
