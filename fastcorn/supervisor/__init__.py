# SPDX-License-Identifier: MIT
"""Many processes: a supervisor that starts workers, watches them, replaces them and stops them.

Entered by fastcorn.supervisor.supervise(); the workers run fastcorn.worker.child. The supervisor serves nothing itself,
imports no event loop's machinery for itself and has one thread, so that it may fork at any time.
"""
