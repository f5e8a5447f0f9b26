# SPDX-License-Identifier: MIT
"""Bytes to and from messages: one module for each protocol; none of them imports another."""
