"""Which checker catches which fault: the zoo through gradcheck and its peers, with their defaults, as Markdown.

    python benchmarks/power.py                    the summary by group
    python benchmarks/power.py --full             every case too
    python benchmarks/power.py --only kinks/      cases with a text in their name

Needs torch, jax and autograd; a peer that is not installed is left out, and the table says so.
"""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from power_peers import CAUGHT, NOT_EXPRESSIBLE, PEERS, SCIPY_SHARE, ask

from gradcheck.faults.records import Fault, Tricky
from gradcheck.faults.zoo import FAULTS, TRICKY
from gradcheck.verdict import Verdict

MODULES = {"torch slow": "torch", "torch fast": "torch", "jax": "jax", "autograd": "autograd"}
Answers = dict[str, dict[str, str]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="print every case")
    parser.add_argument("--only", action="append", metavar="TEXT", help="cases with TEXT in the name; may be repeated")
    options = parser.parse_args()
    cases: list[Fault | Tricky] = [*FAULTS, *TRICKY]
    cases = [c for c in cases if not options.only or any(text in c.name for text in options.only)]
    peers = [p for p in PEERS if p not in MODULES or importlib.util.find_spec(MODULES[p])]
    answers = {c.name: {p: ask(PEERS[p], c) for p in peers} for c in cases}
    print("\n".join(heading(peers)))
    faults = [c for c in cases if isinstance(c, Fault)]
    tricky = [c for c in cases if isinstance(c, Tricky) and Verdict.AGREES in c.accepted]
    print("\n".join(summary("Faults caught", faults, peers, answers)))
    print("\n".join(summary("Right layers accused or refused", tricky, peers, answers)))
    if options.full:
        print("\n".join(every(faults, peers, answers) + every(tricky, peers, answers)))


def heading(peers: Sequence[str]) -> list[str]:
    """Return what was run."""
    tools = sorted({MODULES.get(p, p) for p in peers})
    versions = ", ".join(f"{t} {version(t)}" for t in tools)
    return [
        "# Which checker catches which fault",
        "",
        "The zoo of `gradcheck selftest` through other checkers, each with its defaults and its own way to bring a",
        "hand-written backward pass: `torch.autograd.Function`, `jax.custom_vjp` (reverse mode, first order),",
        "`autograd.extend.primitive` (likewise, all arguments). `scipy.optimize.check_grad` returns an error and",
        f"leaves the judgement to its caller; above {SCIPY_SHARE:g} of the gradient's length it is taken as caught.",
        "An exception of the checker counts as caught, and on a right layer as a refusal; what an interface has no",
        "place for is left out. A checker that refuses every kink catches every fault at a kink, so read both",
        "tables.",
        "",
        f"Versions: {versions}. Left out: {_absent(peers)}. Reprint with `python benchmarks/power.py --full`.",
    ]


def summary(title: str, cases: Sequence[Fault | Tricky], peers: Sequence[str], answers: Answers) -> list[str]:
    """Return one row a group: how many were caught of those that the peer can express."""
    if not cases:
        return []
    groups = dict.fromkeys(c.group for c in cases)
    rows = [(g, [c for c in cases if c.group == g]) for g in groups] + [("**all**", list(cases))]
    body = [[name, *(_share([answers[c.name][p] for c in mine]) for p in peers)] for name, mine in rows]
    return ["", f"## {title}", "", *_table(["group", *peers], body)]


def every(cases: Sequence[Fault | Tricky], peers: Sequence[str], answers: Answers) -> list[str]:
    """Return one row a case."""
    body = [[c.name, *(answers[c.name][p] for p in peers)] for c in cases]
    return ["", *_table(["case", *peers], body)] if cases else []


def _share(found: Sequence[str]) -> str:
    asked = [a for a in found if a != NOT_EXPRESSIBLE]
    return f"{asked.count(CAUGHT)} of {len(asked)}" if asked else NOT_EXPRESSIBLE


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    rows = [head, ["---"] * len(head), *body]
    return ["| " + " | ".join(row) + " |" for row in rows]


def _absent(peers: Sequence[str]) -> str:
    return ", ".join(p for p in PEERS if p not in peers) or "none"


if __name__ == "__main__":
    main()
