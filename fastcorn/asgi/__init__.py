# SPDX-License-Identifier: MIT
"""Messages to and from the application: cycles, the lifespan, loading and adapting applications."""
