"""Drives an emulator with the official Python SDK: every case with both of its clients.

Prints one line of JSON for each case, as tests/suites/README.md says.
"""

import asyncio
import importlib
import json
import logging
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from cases import CASES
from world import KINDS, World

TOPICS = "renewal messages settlement locks sessions topics management access transport".split()
# No case takes a tenth of it.
CASE_SECONDS = 120
# So many cases run at once, unless they move the clock or inject faults.
CASES_AT_ONCE = 12
# A client that blocks has a thread for each of its calls.
THREADS = 48


async def run(case, kind):
    """Runs one case, and says how it ended."""
    start = time.monotonic()
    said, ending = "", "passed"
    try:
        async with asyncio.timeout(CASE_SECONDS), World(kind, case.function.__name__) as world:
            await case.function(world)
    except Exception as error:
        ending = "failed"
        said = f"{type(error).__name__}: {error}"
        traceback.print_exc()
    topic = case.function.__module__.removeprefix("cases.")
    finding = {
        "name": f"python::{topic}::{case.function.__name__}::{kind.name}",
        "ending": ending,
        "said": said,
        "behaviour": case.behaviour,
        "client": kind.title,
        "took_ms": int(1000 * (time.monotonic() - start)),
    }
    print(json.dumps(finding), flush=True)


async def main(wanted):
    # What the SDK logs of errors that a case expects is no news.
    logging.disable(logging.CRITICAL)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    for topic in TOPICS:
        importlib.import_module(f"cases.{topic}")
    cases = [case for case in CASES if not wanted or case.function.__name__ in wanted]
    room = asyncio.Semaphore(CASES_AT_ONCE)

    async def run_beside(case, kind):
        async with room:
            await run(case, kind)

    together = [case for case in cases if not case.alone]
    # No clock has been moved before these have ended: some need one that agrees with the client's.
    await asyncio.gather(*(run_beside(case, kind) for case in together for kind in KINDS))
    for case in cases:
        if case.alone:
            for kind in KINDS:
                await run(case, kind)


asyncio.run(main(sys.argv[1:]))
