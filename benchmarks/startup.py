"""How long `gradcheck --help` takes, side by side with `import numpy` and bare Python: medians, and their ratio.

Run: python benchmarks/startup.py [--runs 15]
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import numpy'": ["-c", "import numpy"],
    "gradcheck --help": ["-m", "gradcheck", "--help"],
    "gradcheck check --help": ["-m", "gradcheck", "check", "--help"],
}
LIMIT_SECONDS, LIMIT_RATIO = 0.25, 1.5  # what the project promises of `--help`, against `import numpy`


def seconds(words: list[str]) -> float:
    """Return how long Python takes with these words, in seconds."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Time the commands in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="runs of each command, in turn")
    runs = parser.parse_args().runs
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):
        for name, words in COMMANDS.items():
            taken[name].append(seconds(words))
    medians = {
        name: statistics.median(times[1:]) for name, times in taken.items()
    }  # the first run fills the disk cache
    numpy = medians["python -c 'import numpy'"]
    for name, median in medians.items():
        print(f"{name:<26} {1000 * median:7.0f} ms   {median / numpy:5.2f} x import numpy")
    shown = medians["gradcheck --help"]
    kept = shown < LIMIT_SECONDS and shown / numpy <= LIMIT_RATIO
    print(f"--help under {LIMIT_SECONDS} s and {LIMIT_RATIO} x import numpy: {'yes' if kept else 'no'}")


if __name__ == "__main__":
    main()
