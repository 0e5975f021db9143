"""Make the suite of golden vectors and write down its checksum and counts: `python .ci/pin_vectors.py`.

Any changed number, case or flag makes a new edition: raise EDITION in gradcheck/oracle/suite.py once a release has
shipped the old one.
"""

import json
import os
from pathlib import Path

from gradcheck.oracle.making import make_cases, make_suite, names
from gradcheck.oracle.pinned import record_of

PINNED = Path(__file__).resolve().parents[1] / "gradcheck" / "oracle" / "vectors-1.pinned.json"

if __name__ == "__main__":
    record = record_of(make_suite(list(make_cases(names(), workers=os.cpu_count() or 1))))
    PINNED.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(f"{record['cases']} cases, sha256 {record['sha256']}")
