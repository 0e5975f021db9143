"""Make the suite of golden vectors and write down its checksum and counts: `python .ci/pin_vectors.py`.

Any changed number, case or flag makes a new edition: raise EDITION in gradcheck/oracle/suite.py once a release has
shipped the old one. The files that state the checksum are changed with it; docs/conformance.md tells of runs, and is
written anew by docs/conformance_page.py.
"""

import json
import os
from pathlib import Path

from gradcheck.oracle.making import make_cases, make_suite, names
from gradcheck.oracle.pinned import pinned, record_of

ROOT = Path(__file__).resolve().parents[1]
STATED = ("CITATION.cff", "CHANGELOG.md", "docs/vectors.md")

if __name__ == "__main__":
    before = pinned()["sha256"]
    record = record_of(make_suite(list(make_cases(names(), workers=os.cpu_count() or 1))))
    written = json.dumps(record, indent=1) + "\n"
    (ROOT / "gradcheck" / "oracle" / "vectors-1.pinned.json").write_text(written, encoding="utf-8", newline="\n")
    for path in (ROOT / name for name in STATED):
        text = path.read_text(encoding="utf-8").replace(before, record["sha256"])
        path.write_text(text.replace(before[:16], record["sha256"][:16]), encoding="utf-8", newline="\n")
    print(f"{record['cases']} cases, sha256 {record['sha256']}")
