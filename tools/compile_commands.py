#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compile_commands.py COMMAND SOURCE...: a compilation database on stdout."""

import json
import os
import sys

command, sources = sys.argv[1], sys.argv[2:]
json.dump([{"directory": os.getcwd(), "file": s, "command": f"{command} -c {s}"} for s in sources],
          sys.stdout, indent=1)
print()
