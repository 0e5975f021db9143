"""Many jobs, through one seam: a `concurrent.futures.Executor` whose tasks wait for child processes."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from gradcheck.report.record import Result
from gradcheck.runner.job import Job
from gradcheck.runner.process import run_job


def run_jobs(jobs: Sequence[Job], *, workers: int = 1) -> Iterator[Result]:
    """Yield the result of each job, in order; when the caller leaves early, running children are ended."""
    stopped = threading.Event()
    with ThreadPoolExecutor(max_workers=workers) as executor:
        futures = [executor.submit(run_job, job, stopped) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        finally:
            stopped.set()
            for future in futures:
                future.cancel()
